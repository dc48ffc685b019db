// Shows what env.js, which the deployment writes, says about it.
const environment = window.env ?? {};
document.getElementById("rest-api").textContent = environment.RESTAPI_URI ?? "unknown";
for (const { model, modelType } of environment.MODELS ?? []) {
  const item = document.createElement("li");
  item.textContent = `${model} (${modelType})`;
  document.getElementById("models").append(item);
}
