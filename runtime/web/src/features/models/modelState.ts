/** The states of a model: how each looks, and what can be done in it. */

import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";

import type { ManagedModel, ModelStatus } from "@/shared/api/models";

interface StateAppearance {
  indicator: StatusIndicatorProps.Type;
  label: string;
  /** Whether it passes by itself, so that it is looked at more often. */
  passing: boolean;
}

export const STATES: Record<ModelStatus, StateAppearance> = {
  Creating: { indicator: "in-progress", label: "Creating", passing: true },
  InService: { indicator: "success", label: "In service", passing: false },
  Stopping: { indicator: "in-progress", label: "Stopping", passing: true },
  Stopped: { indicator: "stopped", label: "Stopped", passing: false },
  Updating: { indicator: "in-progress", label: "Updating", passing: true },
  Deleting: { indicator: "in-progress", label: "Deleting", passing: true },
  Failed: { indicator: "error", label: "Failed", passing: false },
  Unknown: { indicator: "info", label: "Unknown", passing: false },
};

export function canStart({ status }: ManagedModel): boolean {
  return status === "Stopped" || status === "Failed";
}

export function canStop({ status }: ManagedModel): boolean {
  return status === "InService" || status === "Failed";
}

const CALM_MS = 30_000;
const PASSING_MS = 5_000;

/** How long to wait before the states are asked for again. */
export function refreshInterval(models: ManagedModel[] | undefined): number {
  return models?.some(({ status }) => STATES[status].passing) ? PASSING_MS : CALM_MS;
}
