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

function hosted(modelId, modelName, modelType, inferenceContainer, instanceType, status) {
  return {
    modelId,
    modelName,
    modelType,
    inferenceContainer,
    instanceType,
    streaming: modelType === "textgen",
    containerConfig: { image: { baseImage: `example/${inferenceContainer}:1.0` } },
    autoScalingConfig: { minCapacity: 1, maxCapacity: 2 },
    status,
  };
}

/** @returns {(request, response, caller, url: URL) => Promise<boolean>} whether the route was one of these */
export function createModelRoutes() {
  const models = new Map(MODELS.map((model) => [model.modelId, { ...model }]));
  let proposals = 0;
  const propose = (response, patch) =>
    sendJson(response, 202, { proposalId: `p-${(proposals += 1)}`, file: "environments/dev.yaml", patch });
  return async (request, response, { isAdmin }, { pathname }) => {
    const [matched, id, action] = /^\/models(?:\/([^/]+)(?:\/(start|stop))?)?$/.exec(pathname) ?? [];
    if (matched === undefined) return false;
    const model = models.get(decodeURIComponent(id ?? ""));
    if (!isAdmin) {
      sendJson(response, 403, { message: "Only administrators manage models.", code: "Forbidden" });
    } else if (id === undefined) {
      if (request.method === "POST") propose(response, addition(await readJson(request)));
      else sendJson(response, 200, { models: [...models.values()] });
    } else if (model === undefined) {
      sendJson(response, 404, { message: "There is no such model.", code: "NotFound" });
    } else if (action !== undefined) {
      model.status = action === "start" ? "Creating" : "Stopping";
      setTimeout(() => (model.status = action === "start" ? "InService" : "Stopped"), PASSING_MS).unref();
      sendJson(response, 202, model);
    } else if (request.method === "DELETE") {
      propose(response, `@@ ecsModels @@\n-  - modelId: ${model.modelId}\n-    modelName: ${model.modelName}\n`);
    } else if (request.method === "PUT") {
      propose(response, change(model, await readJson(request)));
    } else {
      sendJson(response, 200, model);
    }
    return true;
  };
}

function addition({ modelId, modelName, modelType, inferenceContainer, instanceType, autoScalingConfig }) {
  return `--- a/environments/dev.yaml
+++ b/environments/dev.yaml
@@ -40,3 +40,11 @@ dev:
   ecsModels:
+    - modelId: ${modelId}
+      modelName: ${modelName}
+      modelType: ${modelType}
+      inferenceContainer: ${inferenceContainer}
+      instanceType: ${instanceType}
+      autoScalingConfig:
+        minCapacity: ${autoScalingConfig.minCapacity}
+        maxCapacity: ${autoScalingConfig.maxCapacity}
     - modelId: mistral-7b
       modelName: mistralai/Mistral-7B-Instruct-v0.2
`;
}

function change(model, { instanceType }) {
  return `--- a/environments/dev.yaml
+++ b/environments/dev.yaml
@@ -42,3 +42,3 @@ dev:
     - modelId: ${model.modelId}
-      instanceType: ${model.instanceType}
+      instanceType: ${instanceType}
`;
}
