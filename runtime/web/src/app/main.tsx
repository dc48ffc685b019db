import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import "@/app/page.css";
import { App } from "@/app/App";
import { StartupError } from "@/app/StartupError";
import { messageOf } from "@/shared/api/request";
import { type Environment, readEnvironment } from "@/shared/environment";

declare global {
  interface Window {
    env?: unknown;
  }
}

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no root element.");
createRoot(root).render(<StrictMode>{start()}</StrictMode>);

function start() {
  let environment: Environment;
  try {
    environment = readEnvironment(window.env);
  } catch (error) {
    return <StartupError header="LISA cannot start" message={messageOf(error)} />;
  }
  return <App environment={environment} />;
}
