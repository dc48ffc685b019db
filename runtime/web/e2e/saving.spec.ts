import { type Page } from "@playwright/test";

import { Application, expect, onAnotherDevice, test } from "./application";

/** A question that no other test asks, so that its session can be found in the list. */
const unique = (question: string) => `${question} (${crypto.randomUUID().slice(0, 8)})`;

const SESSION = /\/session\/[0-9a-f-]{36}$/;

/** Marks, in local storage, that the network is down for writes of sessions. */
const DOWN = "test.down";

/** Let a page lose its network for writes: a route would not see those that a page sends as it goes away. */
async function makeWritesBreakable(page: Page): Promise<void> {
  await page.addInitScript((down) => {
    const fetch = window.fetch.bind(window);
    window.fetch = (input, init) =>
      init?.method === "PUT" && localStorage.getItem(down) !== null
        ? Promise.reject(new TypeError("Failed to fetch"))
        : fetch(input, init);
  }, DOWN);
  await page.reload();
  await page.evaluate((down) => localStorage.setItem(down, "1"), DOWN);
}

async function screenshots(app: Application, name: string): Promise<void> {
  await app.screenshot(name);
  await app.page.evaluate(() => document.body.classList.add("awsui-dark-mode"));
  await app.expectAccessible();
  await app.screenshot(`${name}-dark`);
  await app.page.evaluate(() => document.body.classList.remove("awsui-dark-mode"));
}

test.slow();

test.beforeEach(async ({ app }) => {
  await app.signIn("user", "#/chat");
});

test("two tabs that ask in one session at once lose nothing", async ({ app, page, context }) => {
  await app.ask("What is a large language model?");
  const other = new Application(await context.newPage());
  await other.signIn("user", new URL(page.url()).hash);
  await expect(other.answers).toHaveCount(1);

  await Promise.all([app.type("Asked in the first tab?"), other.type("Asked in the second tab?")]);
  for (const tab of [app, other]) {
    await expect(tab.stopButton).toBeHidden({ timeout: 90_000 });
    await expect(tab.questions).toHaveCount(3);
    await expect(tab.answers).toHaveCount(3);
  }
  for (const tab of [app, other]) {
    await tab.page.reload();
    await expect(tab.questions).toHaveCount(3);
    await expect(tab.page.getByText("Asked in the first tab?")).toBeVisible();
    await expect(tab.page.getByText("Asked in the second tab?")).toBeVisible();
    await expect(tab.answers).toHaveCount(3);
    await expect(tab.page.getByText("Incomplete answer")).toHaveCount(0);
    for (const answer of await tab.answers.all()) await expect(answer).toContainText(/\w/);
  }
});

test("another device whose writes are slow merges what this one saved", async ({ app, page, browser }) => {
  await app.ask("What is a large language model?");
  const hash = new URL(page.url()).hash;
  await onAnotherDevice(browser, "16", async (other) => {
    await other.signIn("user", hash);
    await expect(other.answers).toHaveCount(1);
    const statuses: number[] = [];
    other.page.on("response", (response) => {
      if (response.request().method() === "PUT") statuses.push(response.status());
    });
    let slow = true;
    await other.page.route(SESSION, async (route) => {
      if (slow && route.request().method() === "PUT") await new Promise((resolve) => setTimeout(resolve, 4_000));
      await route.continue();
    });
    await other.type("Asked on the other device?");
    await app.ask("Asked on this device?");
    await expect(other.questions).toHaveCount(3, { timeout: 30_000 });
    await expect(other.page.getByText("Includes messages from another tab or device")).toBeVisible();
    slow = false;
    await expect(other.stopButton).toBeHidden({ timeout: 90_000 });
    await other.page.evaluate(() => window.scrollTo({ top: document.documentElement.scrollHeight }));
    await screenshots(other, "chat-merged");
    expect(statuses).toContain(409);
    await expect(async () => {
      await page.reload();
      await expect(app.questions).toHaveCount(3, { timeout: 20_000 });
      await expect(app.answers).toHaveCount(3);
      await expect(page.getByText("Incomplete answer")).toHaveCount(0);
    }).toPass({ timeout: 120_000 });
  });
});

test("going home and back to the chat begins another session", async ({ app, page }) => {
  const question = unique("What is a token?");
  await app.ask(question);
  await page.getByRole("link", { name: "Home", exact: true }).click();
  await page.getByRole("link", { name: "Chat", exact: true }).click();
  await expect(app.questions).toHaveCount(0);
  await app.ask("What is a prompt?");
  const sessions = await app.openPanel("Sessions");
  await sessions.getByRole("link", { name: question }).click();
  await expect(app.questions).toHaveCount(1);
  await expect(app.answers).toHaveCount(1);
});

test("a session that was deleted in another tab is not saved again, and can be kept as a new one", async ({
  app,
  page,
  context,
}) => {
  const question = unique("What is an embedding?");
  await app.ask(question);
  const other = new Application(await context.newPage());
  await other.signIn("user", "#/chat");
  const sessions = await other.openPanel("Sessions");
  await sessions.getByRole("button", { name: `Delete the session ${question}` }).click();
  await other.page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await expect(sessions.getByRole("link", { name: question })).toBeHidden();

  await app.ask("And a vector?");
  await expect(page.getByText("The session was deleted in another tab")).toBeVisible();
  await page.evaluate(() => window.scrollTo({ top: 0 }));
  await screenshots(app, "chat-deleted");
  const deleted = page.url();
  await page.getByRole("button", { name: "Keep as a new session" }).click();
  await expect(page).not.toHaveURL(deleted);
  await expect(app.questions).toHaveCount(2);
  await expect(page.getByText("The session was deleted in another tab")).toBeHidden();
  await expect(async () => {
    await page.reload();
    await expect(app.questions).toHaveCount(2, { timeout: 20_000 });
  }).toPass({ timeout: 120_000 });
  await page.goto(deleted);
  await expect(page.getByText("The session does not exist")).toBeVisible();
});

test("what cannot be saved is told, tried again, and not left without a question", async ({ app, page }) => {
  await makeWritesBreakable(page);
  await app.ask(unique("What is a gradient?"));
  const note = page.getByText("The session is not saved yet");
  await expect(note).toBeVisible();
  await page.evaluate(() => window.scrollTo({ top: 0 }));
  await screenshots(app, "chat-unsaved");

  const warned = page.waitForEvent("dialog");
  await page.close({ runBeforeUnload: true });
  const dialog = await warned;
  expect(dialog.type()).toBe("beforeunload");
  await dialog.dismiss();

  // A reload all the same: the tab still has it, and saves it once the network is back.
  page.once("dialog", (question) => void question.accept());
  await page.reload();
  await expect(app.questions).toHaveCount(1);
  await expect(note).toBeVisible();
  await page.evaluate((down) => localStorage.removeItem(down), DOWN);
  await expect(note).toBeHidden({ timeout: 60_000 });
  await page.evaluate(() => sessionStorage.clear());
  await page.reload();
  await app.signIn("user", new URL(page.url()).hash);
  await expect(app.questions).toHaveCount(1);
  await expect(app.answers).toHaveCount(1);
});

test.describe("in the middle of an answer", () => {
  test.use({ longestAnswer: "700" });

  test("a reload keeps the question and what came of the answer", async ({ app, page }) => {
    await app.beginAnswer("Tell me a very long story of many sentences.");
    const before = (await app.answers.last().getByRole("paragraph").first().innerText()).slice(0, 20);
    await page.reload();
    await expect(app.questions).toHaveCount(1);
    await expect(app.questions).toContainText("Tell me a very long story");
    await expect(app.answers).toHaveCount(1);
    await expect(app.answers.last()).toContainText(before);
    await expect(app.answers.last()).toContainText("Incomplete answer");
    await app.expectAccessible();
    await screenshots(app, "chat-incomplete");
    await app.answers.last().getByRole("button", { name: "Answer again" }).first().click();
    await expect(app.stopButton).toBeVisible();
    await app.stopButton.click();
    await expect(app.answers).toHaveCount(1);
    await expect(app.answers.last()).toContainText("Stopped");
  });

  test("closing the page keeps the question and what came of the answer, for another device too", async ({
    app,
    page,
    browser,
  }) => {
    const hash = await app.beginAnswer("Tell me a very long story of many sentences.");
    await page.close();
    await onAnotherDevice(browser, "16", async (other) => {
      await other.signIn("user", hash);
      await expect(other.questions).toHaveCount(1);
      await expect(other.answers.last().getByRole("paragraph").first()).toContainText(/\w+ \w+/);
      await expect(other.answers.last()).toContainText("Incomplete answer");
    });
  });

  test("a question is kept when its page is closed before the first word", async ({ app, page, browser }) => {
    await page.route("**/chat/completions", () => undefined);
    await app.type("Is anybody there?");
    await expect(page).toHaveURL(/#\/chat\/[0-9a-f-]{36}$/);
    const { hash } = new URL(page.url());
    await page.close();
    await onAnotherDevice(browser, "16", async (other) => {
      await other.signIn("user", hash);
      await expect(other.questions).toContainText("Is anybody there?");
      await expect(other.answers.last()).toContainText("Incomplete answer");
    });
  });

  test("signing out keeps the question and what came of the answer", async ({ app, page }) => {
    const hash = await app.beginAnswer("Tell me a very long story of many sentences.");
    await page.getByRole("button", { name: "Una User" }).or(page.locator("#lisa-header button").last()).first().click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
    await page.evaluate(() => sessionStorage.clear());
    await app.signIn("user", hash);
    await expect(app.questions).toHaveCount(1);
    await expect(app.answers.last().getByRole("paragraph").first()).toContainText(/\w+ \w+/);
    await expect(app.answers.last()).toContainText("Stopped");
  });

  test("two tabs receive their answers at once, and each ends in both", async ({ app, page, context }) => {
    const hash = await app.beginAnswer("Tell me a very long story of many sentences.");
    const other = new Application(await context.newPage());
    await other.signIn("user", hash);
    await expect(other.questions).toHaveCount(1);
    await other.beginAnswer("Tell me another long story.");
    await expect(app.questions).toHaveCount(2, { timeout: 30_000 });
    for (const tab of [app, other]) {
      // The answer may end by itself in the moment before the click.
      await tab.stopButton.click({ timeout: 10_000 }).catch(() => undefined);
    }
    for (const tab of [app, other]) {
      await expect(tab.stopButton).toBeHidden();
      await expect(tab.page.getByText("Incomplete answer")).toHaveCount(0, { timeout: 30_000 });
      await tab.page.reload();
      await expect(tab.questions).toHaveCount(2);
      await expect(tab.answers).toHaveCount(2);
      await expect(tab.page.getByText("Incomplete answer")).toHaveCount(0);
    }
    expect(new URL(page.url()).hash).toBe(hash);
  });
});
