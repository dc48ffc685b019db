/** Model management: live state, start and stop, and proposals, which are changes of the configuration for review. */

import type { Send } from "@/shared/api/request";

export type ModelStatus =
  "Creating" | "InService" | "Stopping" | "Stopped" | "Updating" | "Deleting" | "Failed" | "Unknown";

/** A model as the configuration has it; the fields are those of `ecsModels` in config.yaml. */
export interface ModelConfiguration {
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
  modelName: string;
  modelType: "textgen" | "embedding";
  status: ModelStatus;
  /** Why it is in this state, when there is something to say. */
  statusReason: string | null;
  inferenceContainer: string | null;
  instanceType: string | null;
  streaming: boolean;
  minCapacity: number | null;
  maxCapacity: number | null;
  configuration: Partial<ModelConfiguration>;
}

/** The exact change to the configuration that a request means, stored until a person turns it into a pull request. */
export interface Proposal {
  proposalId: string;
  /** The file that it changes. */
  file: string | null;
  /** The change as a unified diff. */
  patch: string;
}

export interface ManagedModels {
  list: (signal?: AbortSignal) => Promise<ManagedModel[]>;
  start: (modelId: string) => Promise<void>;
  stop: (modelId: string) => Promise<void>;
  proposeCreation: (model: Partial<ModelConfiguration>) => Promise<Proposal>;
  proposeUpdate: (modelId: string, changes: Partial<ModelConfiguration>) => Promise<Proposal>;
  proposeDeletion: (modelId: string) => Promise<Proposal>;
}

export function createManagedModels(send: Send, apiUrl: string): ManagedModels {
  const url = `${apiUrl}/models`;
  const at = (modelId: string) => `${url}/${encodeURIComponent(modelId)}`;
  const propose = async (address: string, method: "POST" | "PUT" | "DELETE", body?: unknown) =>
    readProposal((await (await send(address, { method, body })).json()) as ProposalAnswer);
  return {
    list: async (signal) => {
      const answer = (await (await send(url, { signal })).json()) as { models?: ModelAnswer[] } | ModelAnswer[];
      return (Array.isArray(answer) ? answer : (answer.models ?? [])).map(readModel);
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

interface ModelAnswer extends Partial<ModelConfiguration> {
  status?: string;
  statusReason?: string | null;
  configuration?: Partial<ModelConfiguration>;
}

interface ProposalAnswer {
  proposalId: string;
  patch: string;
  file?: string | null;
}

const STATUSES = new Set(["Creating", "InService", "Stopping", "Stopped", "Updating", "Deleting", "Failed"]);

function readModel({ status, statusReason, configuration, ...fields }: ModelAnswer): ManagedModel {
  const known = { ...fields, ...configuration };
  const modelId = known.modelId ?? known.modelName ?? "";
  return {
    modelId,
    modelName: known.modelName ?? modelId,
    modelType: known.modelType ?? "textgen",
    status: status !== undefined && STATUSES.has(status) ? (status as ModelStatus) : "Unknown",
    statusReason: statusReason ?? null,
    inferenceContainer: known.inferenceContainer ?? null,
    instanceType: known.instanceType ?? null,
    streaming: known.streaming === true,
    minCapacity: known.autoScalingConfig?.minCapacity ?? null,
    maxCapacity: known.autoScalingConfig?.maxCapacity ?? null,
    configuration: known,
  };
}

function readProposal({ proposalId, patch, file }: ProposalAnswer): Proposal {
  return { proposalId, patch, file: file ?? null };
}
