import type { ReactNode } from "react";

import { Banner } from "@/app/Banner";

/** A page for those who are not signed in, between the banners. */
export function CenteredPage({ children }: { children: ReactNode }) {
  return (
    <div className="lisa-page">
      <Banner place="top" />
      <main className="lisa-center">{children}</main>
      <Banner place="bottom" />
    </div>
  );
}
