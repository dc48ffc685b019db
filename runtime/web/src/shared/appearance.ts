import { useEffect, useSyncExternalStore } from "react";
import { applyMode, Mode } from "@cloudscape-design/global-styles";

import { useStoredState } from "@/shared/storedState";

export const APPEARANCES = ["system", "light", "dark"] as const;
export type Appearance = (typeof APPEARANCES)[number];

/** Light or dark, as the person chose, or as the system has it; applied to the page. */
export function useAppearance(): [Appearance, (appearance: Appearance) => void] {
  const [appearance, setAppearance] = useStoredState("lisa.appearance", readAppearance);
  const systemIsDark = useSyncExternalStore(subscribe, () => query().matches);
  const dark = appearance === "dark" || (appearance === "system" && systemIsDark);
  useEffect(() => applyMode(dark ? Mode.Dark : Mode.Light), [dark]);
  return [appearance, setAppearance];
}

export function readAppearance(stored: unknown): Appearance {
  return APPEARANCES.find((appearance) => appearance === stored) ?? "system";
}

function query(): MediaQueryList {
  return window.matchMedia("(prefers-color-scheme: dark)");
}

function subscribe(listener: () => void): () => void {
  const media = query();
  media.addEventListener("change", listener);
  return () => media.removeEventListener("change", listener);
}
