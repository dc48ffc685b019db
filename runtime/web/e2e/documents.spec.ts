import { expect, test } from "./application";

const SENTENCE = "The door of the archive is painted in the colour heliotrope.";

test("an uploaded document shows its progress, and its sentence comes back as a source", async ({ app, page }) => {
  test.slow();
  // The list of repositories comes after the dialog has opened.
  await page.route(/\/repository$/, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await route.continue();
  });
  await app.signIn("user", "#/chat");
  await page.getByRole("button", { name: "Upload documents to a repository" }).click();
  const dialog = page.getByRole("dialog", { name: "Upload documents" });
  await expect(dialog).toBeVisible();
  await app.expectAccessible();

  const files = dialog.locator("input[type=file]");
  await files.setInputFiles({ name: "table.xlsx", mimeType: "application/zip", buffer: Buffer.from("x") });
  await expect(dialog.getByText("Unsupported file type")).toBeVisible();
  await expect(dialog.getByRole("button", { name: "Upload", exact: true })).toBeDisabled();
  await dialog.getByRole("button", { name: "Remove table.xlsx" }).click();

  const name = `archive-${Date.now()}.txt`;
  const others = Array.from({ length: 300 }, (_, box) => `Box ${box} of the cellar is on shelf ${(box * 7) % 40}.`);
  const text = [SENTENCE, ...others].join("\n");
  await files.setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
  await dialog.getByLabel("Chunk size").fill("50");
  await expect(dialog.getByText("100 to 10000 characters.")).toBeVisible();
  await dialog.getByLabel("Chunk size").fill("200");
  await dialog.getByLabel("Overlap").fill("20");
  await app.screenshot("documents-upload");

  const network = await page.context().newCDPSession(page);
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 3 * 1024 };
  await network.send("Network.emulateNetworkConditions", slow);
  await dialog.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(dialog.getByRole("progressbar")).toBeVisible();
  await app.screenshot("documents-progress");
  await network.send("Network.emulateNetworkConditions", { ...slow, uploadThroughput: -1 });
  await expect(dialog.getByText(/^Ingested: \d+ chunks$/)).toBeVisible({ timeout: 60_000 });
  await dialog.getByRole("button", { name: "Close", exact: true }).last().click();

  const settings = await app.openPanel("Chat settings");
  await settings.getByText("Show metadata").click();
  const answer = await app.ask("Which colour is the door of the archive?");
  await answer.getByRole("button", { name: /^Sources/ }).click();
  await expect(answer.getByText(SENTENCE).first()).toBeVisible();
  await expect(answer.getByText(name).first()).toBeVisible();
  await answer.getByRole("button", { name: "As JSON" }).click();
  await expect(answer.getByRole("group", { name: "Metadata" })).toContainText('"sources"');
  await app.expectAccessible();
  await app.screenshot("chat-sources");

  const followUp = await app.ask("And who painted it?");
  await expect(followUp).toContainText("Search query");
});
