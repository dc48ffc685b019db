/** A person signs in to the chat application with Keycloak in Chromium, asks, and signs out. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { modules, browser: executablePath, application, user, password, question, answer } = JSON.parse(
  process.env.SIGN_IN,
);
const { chromium } = createRequire(`${modules}/`)("playwright-core");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const context = await browser.newContext({ locale: "en-US" });
  context.setDefaultTimeout(90_000);
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(`${application}#/chat`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(/\/realms\/lisa\//);
  await page.locator("input[name=username]").fill(user);
  await page.locator("input[name=password]").fill(password);
  await page.locator("[type=submit]").click();
  await page.getByRole("button", { name: /^Gateway: Connected/ }).waitFor();
  // Keycloak's groups claim makes her an administrator.
  await page.getByRole("link", { name: "Model management" }).waitFor();
  await page.getByRole("textbox", { name: "Question" }).fill(question);
  await page.keyboard.press("Enter");
  await page.getByRole("group", { name: /^Answer/ }).getByText(answer).waitFor();
  await page.getByRole("button", { name: "Ada Admin" }).or(page.locator("#lisa-header button").last()).first().click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL((url) => url.href.startsWith(application));
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  // The session in Keycloak has ended too: it asks for the password again.
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("input[name=password]").waitFor();
  assert.deepEqual(problems, []);
} finally {
  await browser.close();
}
