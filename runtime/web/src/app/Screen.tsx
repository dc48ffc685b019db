import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import type { ReactNode } from "react";

import { HomePage } from "@/features/home";
import { ModelsPage } from "@/features/models";
import { TokensPage } from "@/features/tokens";
import { useCaller } from "@/shared/authentication/caller";

interface ScreenProps {
  path: string;
  navigate: (path: string) => void;
  chat: ReactNode;
}

/** The screen of an address. */
export function Screen({ path, navigate, chat }: ScreenProps) {
  const { isAdmin } = useCaller();
  if (path === "/") return <HomePage onChat={() => navigate("/chat")} />;
  if (chat !== null) return chat;
  if (path === "/tokens") return <TokensPage />;
  if (path === "/models" && isAdmin) return <ModelsPage />;
  return (
    <Alert
      type="warning"
      header={path === "/models" ? "Administrator access required" : "Page not found"}
      action={<Button onClick={() => navigate("/")}>Go to the home page</Button>}
    >
      {path === "/models" ? "Ask an administrator of this deployment for access." : "Check the address."}
    </Alert>
  );
}
