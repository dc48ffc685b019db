import { BROKEN_MODEL, expect, test, WHOLE_MODEL } from "./application";

test.beforeEach(async ({ app }) => {
  await app.signIn("user", "#/chat");
});

test("answers stream as Markdown with code, and the session is saved, opened after a reload, and deleted", async ({
  app,
  page,
}) => {
  await app.expectAccessible();
  await app.screenshot("chat-empty");
  const question = `Write a Python function that counts the words of a text file (${Date.now()}).`;
  const answer = await app.ask(question);
  await expect(answer).not.toBeEmpty();
  await expect(page).toHaveURL(/#\/chat\/[0-9a-f-]{36}$/);

  const sessions = await app.openPanel("Sessions");
  await expect(sessions.getByRole("link", { name: question })).toBeVisible();
  await app.expectAccessible();
  await app.screenshot("chat-answer");

  await page.reload();
  await expect(page.getByRole("group", { name: /^Question of/ })).toContainText(question);
  await expect(app.answers).toHaveCount(1);

  await app.openPanel("Sessions");
  await sessions.getByRole("button", { name: "New session" }).click();
  await expect(app.answers).toHaveCount(0);
  await sessions.getByRole("link", { name: question }).click();
  await expect(app.answers).toHaveCount(1);

  await sessions.getByRole("button", { name: `Delete the session ${question}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await expect(sessions.getByRole("link", { name: question })).toBeHidden();
  await expect(app.answers).toHaveCount(0);
});

test.describe("long answers", () => {
  test.use({ longestAnswer: "500" });

  test("an answer can be stopped, and the conversation goes on", async ({ app, page }) => {
    await app.type("Tell me a very long story of many sentences.");
    await app.expectFirstWords();
    await app.stopButton.click();
    await expect(app.answers.last()).toContainText("Stopped");
    await expect(page.getByRole("textbox", { name: "Question" })).toBeFocused();
    await app.ask("What is a large language model?");
    await expect(app.answers).toHaveCount(2);
  });

  test("an answer that somebody leaves is kept as far as it came", async ({ app, page }) => {
    const question = `Tell me a very long story (${Date.now()}).`;
    await app.type(question);
    await app.expectFirstWords();
    const sessions = await app.openPanel("Sessions");
    await sessions.getByRole("button", { name: "New session" }).click();
    await expect(app.answers).toHaveCount(0);
    await sessions.getByRole("link", { name: question }).click();
    await expect(app.answers.last()).toContainText("Stopped");
    await expect(page).toHaveURL(/#\/chat\/[0-9a-f-]{36}$/);
  });
});

test("model arguments are sent and shown in the metadata", async ({ app, page }) => {
  const settings = await app.openPanel("Chat settings");
  await settings.getByText("Show metadata").click();
  await settings.getByRole("button", { name: "Model arguments" }).click();
  await settings.getByLabel("Temperature").fill("3");
  await expect(settings.getByText("Temperature must be at most 2.")).toBeVisible();
  await settings.getByLabel("Temperature").fill("0.25");
  await settings.getByLabel("Max tokens").fill("64");
  await settings.getByLabel("Seed").fill("7");
  await settings.getByRole("button", { name: "Add", exact: true }).click();
  await settings.getByLabel("Stop sequence 1").fill("###");
  await app.screenshot("chat-settings");
  await app.expectAccessible();

  const answer = await app.ask("What is a large language model?");
  await answer.getByRole("button", { name: "As JSON" }).click();
  const shown = answer.getByRole("group", { name: "Metadata" });
  await expect(shown).toContainText('"temperature": 0.25');
  await expect(shown).toContainText('"max_tokens": 64');
  await expect(shown).toContainText('"seed": 7');
  await expect(shown).toContainText("###");

  await page.reload();
  await app.openPanel("Chat settings");
  await settings.getByRole("button", { name: "Model arguments" }).click();
  await expect(settings.getByLabel("Temperature")).toHaveValue("0.25");
});

test("a prompt template with its prefixes becomes the prompt, with the history that the buffer allows", async ({
  app,
}) => {
  await app.ask("First question?");
  const settings = await app.openPanel("Chat settings");
  await settings.getByText("Show metadata").click();
  await settings.getByRole("button", { name: "Prompt", exact: true }).click();
  await settings.getByText("One text with all parts.").click();
  await settings.getByLabel("Human prefix").fill("Pilot");
  await settings.getByLabel("AI prefix").fill("Tower");
  await settings.getByLabel("Prompt template").fill("no place");
  await expect(settings.getByText("The template must contain {input}")).toBeVisible();
  await settings.getByLabel("Prompt template").fill("Radio.\n{history}\n{human}: {input}\n{ai}:");
  const answer = await app.ask("Second question?");
  await answer.getByRole("button", { name: "As JSON" }).click();
  const shown = answer.getByRole("group", { name: "Metadata" });
  await expect(shown).toContainText("Radio.\\nPilot: First question?\\nTower: ");
  await expect(shown).toContainText("\\nPilot: Second question?\\nTower:");
});

test("several answers can be asked for, and one of them chosen", async ({ app }) => {
  const settings = await app.openPanel("Chat settings");
  await settings.getByRole("button", { name: "Model arguments" }).click();
  await settings.getByLabel("Answers", { exact: true }).fill("2");
  const answer = await app.ask("What is a large language model?");
  await expect(answer).toContainText("Answer 1 of 2");
  await answer.getByRole("button", { name: "Next answer" }).click();
  await expect(answer).toContainText("Answer 2 of 2");
});

test("a model that cannot stream answers as a whole", async ({ app, page }) => {
  await app.chooseModel(WHOLE_MODEL);
  await expect(page.getByText("Stream answers")).toBeHidden();
  await expect(await app.ask("What is a large language model?")).not.toBeEmpty();
});

test("a model that fails shows its error, and the chat goes on", async ({ app, page }) => {
  await app.chooseModel(BROKEN_MODEL);
  const answer = await app.ask("What is a large language model?");
  await expect(answer).toContainText("The model did not respond");
  await app.expectAccessible();
  await app.screenshot("chat-error");
  await page.getByRole("button", { name: /^Model / }).click();
  await page.getByRole("option").first().click();
  await answer.getByRole("button", { name: "Try again" }).click();
  await expect(app.answers).toHaveCount(1);
  await expect(app.answers.last()).not.toContainText("did not respond");
  await expect(app.stopButton).toBeHidden();
});

test("a text file of 10 KB at most goes along as context", async ({ app, page }) => {
  const input = page.locator("input[type=file]");
  await input.setInputFiles({ name: "large.txt", mimeType: "text/plain", buffer: Buffer.alloc(10 * 1024 + 1, "a") });
  await expect(page.getByText("large.txt is larger than 10 KB")).toBeVisible();
  await input.setInputFiles({
    name: "door.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("The door of the archive is painted in the colour heliotrope."),
  });
  await expect(page.getByText("door.txt")).toBeVisible();
  const settings = await app.openPanel("Chat settings");
  await settings.getByText("Show metadata").click();
  const answer = await app.ask("Which colour is the door?");
  await answer.getByRole("button", { name: "As JSON" }).click();
  await expect(answer.getByRole("group", { name: "Metadata" })).toContainText("[door.txt]\\nThe door of the archive");
});

test("what a model writes cannot run", async ({ app, page }) => {
  await app.ask("Answer with a script.");
  expect(await page.evaluate(() => "pwned" in window)).toBe(false);
  await expect(app.answers.last().locator("script, img")).toHaveCount(0);
});
