import { type APIRequestContext, type Page } from "@playwright/test";

import { expect, test } from "./application";

// One after the other: an administrator revokes all tokens of the person who uses one in another test.
test.describe.configure({ mode: "default" });

/** How the gateway answers a program that asks a model with a token. */
async function askWith(request: APIRequestContext, gatewayUrl: string, token: string): Promise<number> {
  const answer = await request.post(`${gatewayUrl}/chat/completions`, {
    headers: { Authorization: `Bearer ${token}` },
    data: { model: "mistral-7b", max_tokens: 4, messages: [{ role: "user", content: "Hello" }] },
    timeout: 90_000,
  });
  return answer.status();
}

async function gatewayUrlOf(page: Page): Promise<string> {
  return page.evaluate(() => {
    const { env } = window as unknown as { env: Record<string, string> };
    return `${env["RESTAPI_URI"]?.replace(/\/$/, "") ?? ""}/${env["RESTAPI_VERSION"] ?? ""}/serve`;
  });
}

/** Create a token in the form, and return what the dialog shows once. */
async function create(page: Page, name: string): Promise<string> {
  await page.getByRole("button", { name: "Create token" }).first().click();
  const form = page.getByRole("dialog", { name: "Create an API token" });
  await form.getByLabel("Name").fill(name);
  await page.keyboard.press("Enter");
  const shown = page.getByRole("dialog", { name: `API token ${name}` });
  const token = (await shown.getByRole("region", { name: "Token", exact: true }).textContent()) ?? "";
  return /lisa_[0-9A-Za-z]{49}/.exec(token)?.[0] ?? token;
}

test("tokens: one is created, calls a model, is revoked, and is rejected within a minute", async ({
  app,
  page,
  request,
}) => {
  await app.signIn("user", "#/tokens");
  await expect(page.getByRole("heading", { level: 1, name: /^API tokens/ })).toBeVisible();
  const name = `e2e-${Date.now()}`;
  await page.getByRole("button", { name: "Create token" }).first().click();
  const form = page.getByRole("dialog", { name: "Create an API token" });
  await expect(form.getByLabel("Name")).toBeFocused();
  await form.getByRole("button", { name: "Create token" }).click();
  await expect(form.getByText("Enter what the token is for")).toBeVisible();
  await form.getByLabel("Name").fill(name);
  await form.getByLabel("Selected operations").check();
  await form.getByRole("button", { name: "Create token" }).click();
  await expect(form.getByText("Choose at least one operation")).toBeVisible();
  await form.getByRole("button", { name: /^Selected operations/ }).click();
  await page.getByRole("option", { name: "chat" }).click();
  await page.keyboard.press("Escape");
  await app.expectAccessible();
  await app.screenshot("tokens-form");
  await form.getByRole("button", { name: "Create token" }).click();

  const shown = page.getByRole("dialog", { name: `API token ${name}` });
  const token =
    /lisa_[0-9A-Za-z]{49}/.exec(
      (await shown.getByRole("region", { name: "Token", exact: true }).textContent()) ?? "",
    )?.[0] ?? "";
  expect(token).toMatch(/^lisa_/);
  await shown
    .getByRole("region", { name: "Token", exact: true })
    .getByRole("button", { name: "Copy the code" })
    .click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(token);
  await expect(shown.getByRole("region", { name: "Python program" })).toContainText("from openai import OpenAI");
  await expect(shown.getByRole("region", { name: "Python program" })).not.toContainText(token);
  await app.expectAccessible();
  await app.screenshot("tokens-created");
  await page.keyboard.press("Escape");
  await expect(shown).toBeVisible();
  await shown.getByRole("button", { name: "Done" }).click();
  await expect(shown).toBeHidden();
  expect(await page.content()).not.toContain(token);

  const gatewayUrl = await gatewayUrlOf(page);
  expect(await askWith(request, gatewayUrl, token)).toBe(200);

  const row = page.getByRole("row").filter({ hasText: name });
  await expect(row).toContainText("chat");
  await app.expectAccessible();
  await app.screenshot("tokens");
  await row.getByRole("radio").check();
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await app.screenshot("tokens-revoke");
  await page
    .getByRole("dialog", { name: `Revoke ${name}?` })
    .getByRole("button", { name: "Revoke" })
    .click();
  await expect(row).toBeHidden();
  const revoked = Date.now();
  await expect(async () => expect(await askWith(request, gatewayUrl, token)).toBe(401)).toPass({ timeout: 60_000 });
  expect(Date.now() - revoked).toBeLessThan(60_000);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1, name: /^API tokens \(/ })).toBeVisible();
  await expect(row).toBeHidden();
});

test("tokens: an administrator finds those of others, and revokes all of an owner", async ({ app, page, browser }) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const other = await context.newPage();
  await new (app.constructor as new (page: Page) => typeof app)(other).signIn("user", "#/tokens");
  const name = `theirs-${Date.now()}`;
  await create(other, name);

  await app.signIn("admin", "#/tokens");
  await expect(page.getByRole("row").filter({ hasText: name })).toBeHidden();
  await page
    .getByRole("button", { name: "All owners" })
    .or(page.getByRole("radio", { name: "All owners" }))
    .click();
  await page
    .getByRole("searchbox", { name: "Find tokens" })
    .or(page.getByRole("textbox", { name: "Find tokens" }))
    .fill(name);
  const row = page.getByRole("row").filter({ hasText: name });
  await expect(row.getByText("user", { exact: true })).toBeVisible();
  await app.expectAccessible();
  await app.screenshot("tokens-all");
  await row.getByRole("radio").check();
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByRole("menuitem", { name: /^Revoke all tokens of/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke all" }).click();
  await expect(row).toBeHidden();
  await other.reload();
  await expect(other.getByRole("heading", { level: 1, name: /^API tokens/ })).toBeVisible();
  await expect(other.getByText(name)).toBeHidden();
  await context.close();
});

test("tokens: nothing yet, dark mode, a narrow screen, and errors", async ({ app, page }) => {
  const answer = { status: 200, body: '{"tokens":[]}' };
  await page.route("**/tokens", (route) =>
    answer.status === 0 ? route.abort() : route.fulfill({ ...answer, contentType: "application/json" }),
  );
  await app.signIn("user", "#/tokens");
  await expect(page.getByText("No API tokens")).toBeVisible();
  await app.expectAccessible();
  await app.screenshot("tokens-empty");
  const now = Math.floor(Date.now() / 1000);
  const token = { owner: "u", ownerType: "user", ownerName: "Una User", groups: ["research"], lastUsed: now };
  const tokens = [
    { ...token, tokenId: "000000000001", name: "nightly-report", scopes: [], created: now - 9e6, expires: now + 2e7 },
    {
      ...token,
      tokenId: "000000000002",
      name: "laptop",
      scopes: ["chat", "models", "embeddings"],
      created: now - 8e6,
      expires: now + 3e5,
    },
    {
      ...token,
      tokenId: "000000000003",
      name: "a-name-that-is-as-long-as-the-api-permits-which-is-64-characters-",
      scopes: ["chat"],
      created: now - 9e6,
      expires: now - 1e5,
      lastUsed: null,
    },
  ];
  answer.body = JSON.stringify({ tokens });
  await page.getByRole("button", { name: "Refresh the API tokens" }).click();
  await expect(page.getByText("nightly-report")).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: "laptop" })).toContainText("in 3 days");
  await expect(page.getByRole("row").filter({ hasText: "a-name-that" })).toContainText("Expired");
  await app.screenshot("tokens-list");
  await page.getByRole("button", { name: "Appearance" }).click();
  await page.getByRole("menuitemcheckbox", { name: "Dark" }).click();
  await app.expectAccessible();
  await app.screenshot("tokens-dark");
  await page.setViewportSize({ width: 390, height: 844 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await app.expectAccessible();
  await app.screenshot("tokens-narrow");

  answer.status = 0;
  await page.getByRole("button", { name: "Refresh the API tokens" }).click();
  await expect(page.getByText("The current API tokens cannot be loaded")).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText("nightly-report")).toBeVisible();
  await app.screenshot("tokens-unreachable");
  Object.assign(answer, { status: 403, body: '{"message":"explicit deny","code":"ACCESS_DENIED"}' });
  await page.reload();
  await expect(page.getByText("You do not have permission to do this.")).toBeVisible();
  Object.assign(answer, { status: 401, body: '{"message":"Unauthorized","code":"UNAUTHORIZED"}' });
  await page.reload();
  await expect(page.getByText("Your session has ended. Sign in again.")).toBeVisible();
  await app.screenshot("tokens-session-ended");
  await page.getByRole("button", { name: "Sign in again" }).click();
  await expect(page.getByRole("button", { name: "Sign in", exact: true })).toBeVisible();
});
