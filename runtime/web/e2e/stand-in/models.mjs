/** Model management: models that start and stop within a second, and proposals. */

import { readJson, sendJson } from "./http.mjs";

const PASSING_MS = 1_000;

const MODELS = [
  hosted("mistral-7b", "mistralai/Mistral-7B-Instruct-v0.2", "textgen", "tgi", "g5.xlarge", "InService"),
  hosted("llama-3-8b", "meta-llama/Meta-Llama-3-8B-Instruct", "textgen", "vllm", "g5.12xlarge", "InService"),
  hosted("phi-whole", "microsoft/phi-2", "textgen", "vllm", "g5.xlarge", "Updating"),
  hosted("e5-large", "intfloat/e5-large-v2", "embedding", "tei", "g5.xlarge", "Stopped"),
  hosted("broken-model", "example/broken", "textgen", "tgi", "g5.xlarge", "Failed"),
];

function hosted(modelId, modelName, modelType, inferenceContainer, instanceType, state) {
  const configuration = {
    modelId,
    modelName,
    modelType,
    inferenceContainer,
    instanceType,
    ...(modelType === "textgen" ? { streaming: true } : {}),
    containerConfig: { image: { baseImage: `example/${inferenceContainer}:1.0` } },
    autoScalingConfig: { minCapacity: 1, maxCapacity: 2 },
  };
  return { modelId, state, instances: state === "Stopped" ? 0 : 1, url: "http://internal", configuration };
}

/** @returns {(request, response, caller, url: URL) => Promise<boolean>} whether the route was one of these */
export function createModelRoutes() {
  const models = new Map(MODELS.map((model) => [model.modelId, { ...model }]));
  return async (request, response, { isAdmin }, { pathname }) => {
    const [matched, id, action] = /^\/models(?:\/(.+?)(?:\/(start|stop))?)?$/.exec(pathname) ?? [];
    if (matched === undefined) return false;
    const model = models.get(decodeURIComponent(id ?? ""));
    if (!isAdmin) {
      sendJson(response, 403, { message: "Only administrators manage models.", code: "Forbidden" });
    } else if (id === undefined && request.method === "POST") {
      propose(response, "create", await readJson(request));
    } else if (id === undefined) {
      sendJson(response, 200, { models: [...models.values()] });
    } else if (model === undefined) {
      sendJson(response, 404, { message: `No model ${id} is hosted.`, code: "NotFound" });
    } else if (action !== undefined) {
      resize(model, action);
      sendJson(response, 202, { modelId: model.modelId, state: model.state });
    } else if (request.method === "PUT") {
      propose(response, "update", { modelId: model.modelId, ...(await readJson(request)) });
    } else if (request.method === "DELETE") {
      propose(response, "delete", { modelId: model.modelId, deploy: false });
    } else {
      sendJson(response, 200, model);
    }
    return true;
  };
}

function resize(model, action) {
  const starts = action === "start";
  model.state = starts ? "Creating" : "Stopping";
  setTimeout(() => {
    Object.assign(model, starts ? { state: "InService", instances: 1 } : { state: "Stopped", instances: 0 });
  }, PASSING_MS).unref();
}

function propose(response, kind, change) {
  sendJson(response, 202, {
    id: "20261122T101500-0a1b2c3d",
    environment: "dev",
    kind,
    modelId: change.modelId,
    status: "pending",
    file: "environments/dev.yaml",
    patch: `ecsModels:\n- ${yamlOf(change, "  ").trimStart()}`,
    change,
    validation: { complete: true, warnings: [] },
  });
}

function yamlOf(value, indent) {
  return Object.entries(value)
    .map(([key, inner]) =>
      typeof inner === "object" ? `${indent}${key}:\n${yamlOf(inner, `${indent}  `)}` : `${indent}${key}: ${inner}\n`,
    )
    .join("");
}
