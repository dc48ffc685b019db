import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import "@/app/page.css";
import { App } from "@/app/App";
import { StartProblem } from "@/app/StartProblem";
import { messageOf } from "@/shared/api/request";
import { type Environment, readEnvironment } from "@/shared/environment";

declare global {
  interface Window {
    env?: unknown;
  }
}

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element root.");
createRoot(root).render(<StrictMode>{start()}</StrictMode>);

function start() {
  let environment: Environment;
  try {
    environment = readEnvironment(window.env);
  } catch (error) {
    return <StartProblem header="LISA cannot start" message={messageOf(error)} />;
  }
  return <App environment={environment} />;
}
