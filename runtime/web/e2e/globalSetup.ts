import { startStandIn } from "./stand-in/start.mjs";

/** Starts the stand-in servers unless a deployment is named; what is returned stops them. */
export default async function globalSetup(): Promise<(() => void) | undefined> {
  if (process.env["LISA_WEB_URL"] !== undefined) return undefined;
  const { url, close } = await startStandIn();
  process.env["LISA_WEB_URL"] = url;
  return close;
}
