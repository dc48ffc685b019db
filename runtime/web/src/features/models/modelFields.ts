/** The form of a model: what a person typed, what is wrong with it, and the configuration that it means. */

import type { ManagedModel, ModelConfiguration } from "@/shared/api/models";

export interface ModelFields {
  modelId: string;
  modelName: string;
  modelType: "textgen" | "embedding";
  inferenceContainer: string;
  instanceType: string;
  baseImage: string;
  streaming: boolean;
  minCapacity: string;
  maxCapacity: string;
}

export type FieldProblems = Partial<Record<keyof ModelFields, string>>;

export const CONTAINERS: Record<ModelFields["modelType"], string[]> = {
  textgen: ["vllm", "sglang", "tgi"],
  embedding: ["tei", "instructor", "vllm", "sglang"],
};

export const NEW_MODEL: ModelFields = {
  modelId: "",
  modelName: "",
  modelType: "textgen",
  inferenceContainer: "vllm",
  instanceType: "g5.xlarge",
  baseImage: "",
  streaming: true,
  minCapacity: "1",
  maxCapacity: "1",
};

export function fieldsOf({ modelId, configuration }: ManagedModel): ModelFields {
  const { autoScalingConfig: scaling, containerConfig } = configuration;
  return {
    modelId,
    modelName: configuration.modelName ?? modelId,
    modelType: configuration.modelType ?? "textgen",
    inferenceContainer: configuration.inferenceContainer ?? "",
    instanceType: configuration.instanceType ?? "",
    baseImage: containerConfig?.image?.baseImage ?? "",
    streaming: configuration.streaming ?? false,
    minCapacity: String(scaling?.minCapacity ?? 1),
    maxCapacity: String(scaling?.maxCapacity ?? 1),
  };
}

/** What can be told without the compiler's rules, which the API applies to the whole configuration. */
export function fieldProblems(fields: ModelFields): FieldProblems {
  const problems: FieldProblems = {};
  if (fields.modelId.trim() === "") problems.modelId = "Enter a model name for clients, such as mistral-7b.";
  if (fields.modelName.trim() === "")
    problems.modelName = "Enter the name of the model, such as mistralai/Mistral-7B-v0.1.";
  if (!/^[a-z0-9-]+\.[a-z0-9-]+$/.test(fields.instanceType))
    problems.instanceType = "Enter an EC2 instance type, such as g5.xlarge.";
  if (fields.baseImage.trim() === "") problems.baseImage = "Enter a base image.";
  const [minimum, maximum] = [wholeNumber(fields.minCapacity), wholeNumber(fields.maxCapacity)];
  if (minimum === null) problems.minCapacity = "Enter an integer.";
  if (maximum === null || maximum < 1) problems.maxCapacity = "Enter an integer of at least 1.";
  else if (minimum !== null && minimum > maximum)
    problems.maxCapacity = "Must be at least the minimum number of instances.";
  return problems;
}

/** What an entry of `ecsModels` must say besides, as the example configuration says it; people review it. */
const METRIC = { AlbMetricName: "RequestCountPerTarget", targetValue: 30 };
const HEALTH_CHECK = {
  path: "/health",
  interval: 60,
  timeout: 30,
  healthyThresholdCount: 2,
  unhealthyThresholdCount: 10,
};

/** The entry of `ecsModels` that the fields of a new model mean. */
export function configurationOf(fields: ModelFields): Partial<ModelConfiguration> {
  const { modelId, modelName, modelType } = fields;
  const settings = settingsOf(fields, () => true);
  return {
    modelId: modelId.trim(),
    modelName: modelName.trim(),
    modelType,
    ...settings,
    autoScalingConfig: { ...settings.autoScalingConfig, metricConfig: METRIC },
    loadBalancerConfig: { healthCheckConfig: HEALTH_CHECK },
  };
}

/** What has to change for a model's fields to become others; empty when they are the same. */
export function changesOf(before: ModelFields, after: ModelFields): Partial<ModelConfiguration> {
  return settingsOf(after, (name) => before[name] !== after[name]);
}

function settingsOf(fields: ModelFields, isWanted: (name: keyof ModelFields) => boolean): Partial<ModelConfiguration> {
  const scaling = {
    ...(isWanted("minCapacity") ? { minCapacity: Number(fields.minCapacity) } : {}),
    ...(isWanted("maxCapacity") ? { maxCapacity: Number(fields.maxCapacity) } : {}),
  };
  return {
    ...(isWanted("streaming") && fields.modelType === "textgen" ? { streaming: fields.streaming } : {}),
    ...(isWanted("instanceType") ? { instanceType: fields.instanceType.trim() } : {}),
    ...(isWanted("inferenceContainer") ? { inferenceContainer: fields.inferenceContainer } : {}),
    ...(isWanted("baseImage") ? { containerConfig: { image: { baseImage: fields.baseImage.trim() } } } : {}),
    ...(Object.keys(scaling).length > 0 ? { autoScalingConfig: scaling } : {}),
  };
}

function wholeNumber(typed: string): number | null {
  return /^\d+$/.test(typed.trim()) ? Number(typed) : null;
}
