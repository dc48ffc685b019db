import { expect, test } from "./application";

// As somebody whose sessions no other test needs at the same time.
test("all sessions can be deleted at once", async ({ app, page }) => {
  await app.signIn("admin", "#/chat");
  await app.ask("What is a large language model?");
  const sessions = await app.openPanel("Sessions");
  await sessions.getByRole("button", { name: "Delete all sessions" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await expect(sessions.getByText("No sessions")).toBeVisible();
});
