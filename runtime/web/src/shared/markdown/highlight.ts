import type { ReactNode } from "react";

export type Highlight = (code: string) => ReactNode;

type Load = () => Promise<{ default: Highlight }>;

const GRAMMARS: Record<string, Load> = {
  css: () => import("@cloudscape-design/code-view/highlight/css"),
  go: () => import("@cloudscape-design/code-view/highlight/go"),
  java: () => import("@cloudscape-design/code-view/highlight/java"),
  javascript: () => import("@cloudscape-design/code-view/highlight/javascript"),
  json: () => import("@cloudscape-design/code-view/highlight/json"),
  python: () => import("@cloudscape-design/code-view/highlight/python"),
  rust: () => import("@cloudscape-design/code-view/highlight/rust"),
  sh: () => import("@cloudscape-design/code-view/highlight/sh"),
  typescript: () => import("@cloudscape-design/code-view/highlight/typescript"),
  xml: () => import("@cloudscape-design/code-view/highlight/xml"),
  yaml: () => import("@cloudscape-design/code-view/highlight/yaml"),
};

const OTHER_NAMES: Record<string, string> = {
  bash: "sh",
  console: "sh",
  html: "xml",
  js: "javascript",
  jsx: "javascript",
  py: "python",
  rs: "rust",
  shell: "sh",
  svg: "xml",
  ts: "typescript",
  tsx: "typescript",
  yml: "yaml",
  zsh: "sh",
};

/** The colours of a language; null for one that has none here. */
export async function loadHighlight(language: string): Promise<Highlight | null> {
  const name = language.toLowerCase();
  const load = GRAMMARS[OTHER_NAMES[name] ?? name];
  return load === undefined ? null : (await load()).default;
}
