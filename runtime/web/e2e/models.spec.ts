import { expect, test } from "./application";

test("an administrator sees models with their state, and starts and stops them", async ({ app, page }) => {
  await app.signIn("admin");
  await page.getByRole("link", { name: "Model management" }).click();
  const row = (name: string) => page.getByRole("row").filter({ hasText: name });
  await expect(row("mistral-7b")).toContainText("In service");
  await expect(row("broken-model")).toBeHidden();
  await app.expectAccessible();
  await app.screenshot("models");

  await row("llama-3-8b").getByRole("radio").check();
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Stop", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop", exact: true }).click();
  await expect(row("llama-3-8b")).toContainText("Stopped", { timeout: 20_000 });
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Start", exact: true }).click();
  await expect(row("llama-3-8b")).toContainText("In service", { timeout: 20_000 });
});

test("create, update and delete are shown as the change of the configuration that they propose", async ({
  app,
  page,
}) => {
  await app.signIn("admin", "#/models");
  await page.getByRole("button", { name: "Propose a model" }).click();
  const form = page.getByRole("dialog", { name: "Propose a model" });
  await form.getByRole("button", { name: "Create proposal" }).click();
  await expect(form.getByText("Enter a model name for clients, such as mistral-7b.")).toBeVisible();
  await form.getByLabel("Model ID").fill("zephyr-7b");
  await form.getByLabel("Model name").fill("HuggingFaceH4/zephyr-7b-beta");
  await form.getByLabel("Base image").fill("vllm/vllm-openai:v0.9.0");
  await app.expectAccessible();
  await app.screenshot("models-form");
  await form.getByRole("button", { name: "Create proposal" }).click();
  const proposal = page.getByRole("dialog", { name: "Proposal" });
  await expect(proposal.getByRole("region", { name: "Change of the configuration" })).toContainText("zephyr-7b");
  await expect(proposal.getByRole("region", { name: "Command" })).toContainText(
    /^lisa proposals apply \S+ --env \S+\s*$/,
  );
  await app.expectAccessible();
  await app.screenshot("models-proposal");
  await proposal.getByRole("button", { name: "Done" }).click();

  await page.getByRole("row").filter({ hasText: "mistral-7b" }).getByRole("radio").check();
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Propose an update" }).click();
  await page.getByRole("dialog").getByLabel("Instance type").fill("g5.2xlarge");
  await page.getByRole("dialog").getByRole("button", { name: "Create proposal" }).click();
  const change = proposal.getByRole("region", { name: "Change of the configuration" });
  await expect(change).toContainText("instanceType: g5.2xlarge");
  await expect(change).not.toContainText("minCapacity");
  await proposal.getByRole("button", { name: "Done" }).click();

  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Propose deletion" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Propose", exact: true }).click();
  await expect(change).toContainText("deploy: false");
});
