/** The states of a model: how each looks, and what can be done in it. */

import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";

import type { ManagedModel, ModelState } from "@/shared/api/models";

interface StateAppearance {
  indicator: StatusIndicatorProps.Type;
  label: string;
  /** Whether it passes by itself, so that it is looked at more often. */
  passing: boolean;
}

const STATES: Record<ModelState, StateAppearance> = {
  Creating: { indicator: "in-progress", label: "Creating", passing: true },
  InService: { indicator: "success", label: "In service", passing: false },
  Stopping: { indicator: "in-progress", label: "Stopping", passing: true },
  Stopped: { indicator: "stopped", label: "Stopped", passing: false },
  Updating: { indicator: "in-progress", label: "Updating", passing: true },
  Deleting: { indicator: "in-progress", label: "Deleting", passing: true },
  Failed: { indicator: "error", label: "Failed", passing: false },
};

/** How a state looks; one that a later API brings is shown by its name. */
export function appearanceOf(state: string): StateAppearance {
  return state in STATES ? STATES[state as ModelState] : { indicator: "info", label: state, passing: false };
}

export function canStart({ state }: ManagedModel): boolean {
  return state === "Stopped" || state === "Stopping";
}

export function canStop({ state }: ManagedModel): boolean {
  return !["Stopped", "Stopping", "Deleting"].includes(state);
}

const CALM_MS = 30_000;
const PASSING_MS = 5_000;

/** How long to wait before the states are asked for again. */
export function refreshInterval(models: ManagedModel[] | undefined): number {
  return models?.some(({ state }) => appearanceOf(state).passing) ? PASSING_MS : CALM_MS;
}
