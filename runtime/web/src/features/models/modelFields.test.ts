import { describe, expect, it } from "vitest";

import { changesOf, configurationOf, fieldProblems, fieldsOf, NEW_MODEL } from "@/features/models/modelFields";

const FIELDS = {
  ...NEW_MODEL,
  modelId: "zephyr",
  modelName: "HuggingFaceH4/zephyr-7b-beta",
  baseImage: "vllm/vllm-openai:v0.9.0",
};

describe("fieldProblems", () => {
  it("finds nothing wrong with a whole model", () => {
    expect(fieldProblems(FIELDS)).toEqual({});
  });

  it("finds everything at once", () => {
    const wrong = { ...NEW_MODEL, instanceType: "large", minCapacity: "3", maxCapacity: "2" };
    expect(Object.keys(fieldProblems(wrong)).sort()).toEqual([
      "baseImage",
      "instanceType",
      "maxCapacity",
      "modelId",
      "modelName",
    ]);
  });
});

it("a model's configuration has the keys of ecsModels", () => {
  expect(configurationOf(FIELDS)).toEqual({
    modelId: "zephyr",
    modelName: "HuggingFaceH4/zephyr-7b-beta",
    modelType: "textgen",
    streaming: true,
    instanceType: "g5.xlarge",
    inferenceContainer: "vllm",
    containerConfig: { image: { baseImage: "vllm/vllm-openai:v0.9.0" } },
    autoScalingConfig: {
      minCapacity: 1,
      maxCapacity: 1,
      metricConfig: { AlbMetricName: "RequestCountPerTarget", targetValue: 30 },
    },
    loadBalancerConfig: {
      healthCheckConfig: {
        path: "/health",
        interval: 60,
        timeout: 30,
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 10,
      },
    },
  });
});

describe("changesOf", () => {
  const model = {
    modelId: "zephyr",
    state: "InService" as const,
    instances: 1,
    configuration: configurationOf(FIELDS),
  };

  it("is empty for a form that nobody touched", () => {
    expect(changesOf(fieldsOf(model), fieldsOf(model))).toEqual({});
  });

  it("has only what was changed", () => {
    const after = { ...fieldsOf(model), maxCapacity: "4", instanceType: "g5.2xlarge" };
    expect(changesOf(fieldsOf(model), after)).toEqual({
      instanceType: "g5.2xlarge",
      autoScalingConfig: { maxCapacity: 4 },
    });
  });
});
