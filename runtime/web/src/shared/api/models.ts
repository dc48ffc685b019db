/** Model management: live state, start and stop, and proposals, which are changes of the configuration for review. */

import type { Send } from "@/shared/api/request";

export type ModelState = "Creating" | "InService" | "Stopping" | "Stopped" | "Updating" | "Deleting" | "Failed";

/** An entry of `ecsModels` in config.yaml (docs/reference.md), as far as the application knows it. */
export interface ModelConfiguration {
  /** Left out, it is the modelName. */
  modelId: string;
  modelName: string;
  modelType: "textgen" | "embedding";
  inferenceContainer?: string;
  instanceType?: string;
  streaming?: boolean;
  containerConfig?: { image?: { baseImage?: string } & Record<string, unknown> } & Record<string, unknown>;
  autoScalingConfig?: { minCapacity?: number; maxCapacity?: number } & Record<string, unknown>;
  [field: string]: unknown;
}

export interface ManagedModel {
  modelId: string;
  state: ModelState;
  /** Instances that there are now. */
  instances: number;
  configuration: Partial<ModelConfiguration>;
}

/** A change of the configuration, stored until a person turns it into a pull request. */
export interface Proposal {
  id: string;
  environment: string;
  /** File that the change belongs into. */
  file: string;
  /** The change as YAML, which is put over the environment's configuration. */
  patch: string;
  validation: {
    /** Whether all rules of the compiler were checked, not only the schema. */
    complete: boolean;
    warnings: string[];
  };
}

export interface ManagedModels {
  list: (signal?: AbortSignal) => Promise<ManagedModel[]>;
  start: (modelId: string) => Promise<void>;
  stop: (modelId: string) => Promise<void>;
  proposeCreation: (model: Partial<ModelConfiguration>) => Promise<Proposal>;
  /** Keys are merged deeply. */
  proposeUpdate: (modelId: string, changes: Partial<ModelConfiguration>) => Promise<Proposal>;
  proposeDeletion: (modelId: string) => Promise<Proposal>;
}

export function createManagedModels(send: Send, apiUrl: string): ManagedModels {
  const url = `${apiUrl}/models`;
  // An id may have slashes, which stay as they are.
  const at = (modelId: string) => `${url}/${modelId.split("/").map(encodeURIComponent).join("/")}`;
  const propose = async (address: string, method: "POST" | "PUT" | "DELETE", body?: unknown) =>
    (await (await send(address, { method, body })).json()) as Proposal;
  return {
    list: async (signal) => {
      const { models } = (await (await send(url, { signal })).json()) as { models: ManagedModel[] };
      return models;
    },
    start: async (modelId) => {
      await send(`${at(modelId)}/start`, { method: "POST" });
    },
    stop: async (modelId) => {
      await send(`${at(modelId)}/stop`, { method: "POST" });
    },
    proposeCreation: (model) => propose(url, "POST", model),
    proposeUpdate: (modelId, changes) => propose(at(modelId), "PUT", changes),
    proposeDeletion: (modelId) => propose(at(modelId), "DELETE"),
  };
}
