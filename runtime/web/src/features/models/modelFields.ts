/** The form of a model: what a person typed, what is wrong with it, and the configuration that it means. */

import type { ModelConfiguration } from "@/shared/api/models";

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
  textgen: ["tgi", "vllm"],
  embedding: ["tei", "instructor", "vllm"],
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

export function fieldsOf(configuration: Partial<ModelConfiguration>): ModelFields {
  const { autoScalingConfig: scaling, containerConfig } = configuration;
  return {
    modelId: configuration.modelId ?? "",
    modelName: configuration.modelName ?? "",
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
  if (!/^[a-z0-9][a-z0-9-]*$/.test(fields.modelId)) {
    problems.modelId = "Lower-case letters, digits and hyphens, beginning with a letter or digit.";
  }
  if (fields.modelName.trim() === "") problems.modelName = "The name of the model, as mistralai/Mistral-7B-v0.1.";
  if (!/^[a-z0-9-]+\.[a-z0-9-]+$/.test(fields.instanceType)) problems.instanceType = "An EC2 type, as g5.xlarge.";
  if (fields.baseImage.trim() === "") problems.baseImage = "The image that the container is built from.";
  const [minimum, maximum] = [wholeNumber(fields.minCapacity), wholeNumber(fields.maxCapacity)];
  if (minimum === null) problems.minCapacity = "A whole number.";
  if (maximum === null || maximum < 1) problems.maxCapacity = "A whole number, at least 1.";
  else if (minimum !== null && minimum > maximum) problems.maxCapacity = "At least the smallest number of instances.";
  return problems;
}

/** The configuration of the form's fields on top of what else the model has. */
export function configurationOf(
  fields: ModelFields,
  before: Partial<ModelConfiguration> = {},
): Partial<ModelConfiguration> {
  const { containerConfig, autoScalingConfig } = before;
  return {
    ...before,
    modelId: fields.modelId,
    modelName: fields.modelName.trim(),
    modelType: fields.modelType,
    inferenceContainer: fields.inferenceContainer,
    instanceType: fields.instanceType,
    ...(fields.modelType === "textgen" ? { streaming: fields.streaming } : {}),
    containerConfig: {
      ...containerConfig,
      image: { ...containerConfig?.image, baseImage: fields.baseImage.trim() },
    },
    autoScalingConfig: {
      ...autoScalingConfig,
      minCapacity: Number(fields.minCapacity),
      maxCapacity: Number(fields.maxCapacity),
    },
  };
}

function wholeNumber(typed: string): number | null {
  return /^\d+$/.test(typed.trim()) ? Number(typed) : null;
}
