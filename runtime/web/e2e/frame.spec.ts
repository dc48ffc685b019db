import { expect, test } from "./application";

test("nobody sees anything before signing in, and signing out ends it", async ({ app, page }) => {
  await app.open("#/chat");
  await expect(page.getByRole("button", { name: "Sign in" })).toBeFocused();
  await expect(page.getByRole("textbox", { name: "Question" })).toBeHidden();
  await app.expectAccessible();
  await app.screenshot("sign-in");
  await app.signIn("user", "#/chat");
  await expect(page).toHaveURL(/#\/chat$/);
  await page.getByRole("button", { name: "Una User" }).or(page.locator("#lisa-header button").last()).first().click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  expect(await page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith("oidc.user")))).toEqual(
    [],
  );
});

test("a user sees neither the link to model management nor its page", async ({ app, page }) => {
  await app.signIn("user");
  await expect(page.getByRole("heading", { name: "Welcome to LISA" })).toBeVisible();
  await app.expectAccessible();
  await app.screenshot("home");
  await expect(page.getByRole("link", { name: "Model management" })).toBeHidden();
  await app.open("#/models");
  await expect(page.getByText("Administrator access required")).toBeVisible();
});

test("an address that there is not leads home", async ({ app, page }) => {
  await app.signIn("user", "#/nowhere");
  await expect(page.getByText("Page not found")).toBeVisible();
  await page.getByRole("button", { name: "Go to the home page" }).click();
  await expect(page.getByRole("heading", { name: "Welcome to LISA" })).toBeVisible();
});

test("the system banner is above and below every screen", async ({ app, page }) => {
  await page.route("**/env.js", async (route) => {
    const body = await (await route.fetch()).text();
    const banner = { text: "TEST SYSTEM", backgroundColor: "#006400", fontColor: "#ffffff" };
    await route.fulfill({
      contentType: "text/javascript",
      body: `${body}\nwindow.env.SYSTEM_BANNER = ${JSON.stringify(banner)};`,
    });
  });
  await app.open();
  await expect(page.getByRole("region", { name: /^System banner/ })).toHaveText(["TEST SYSTEM", "TEST SYSTEM"]);
  await app.signIn("user", "#/chat");
  await expect(page.getByRole("region", { name: /^System banner/ })).toHaveText(["TEST SYSTEM", "TEST SYSTEM"]);
  await app.ask("Write a Python function that counts words.");
  await expect(page.getByRole("region", { name: "System banner, bottom" })).toBeInViewport();
  await expect(page.getByRole("textbox", { name: "Question" })).toBeInViewport();
  await app.expectAccessible();
  await app.screenshot("banner");
});

test("dark mode is kept, and readable", async ({ app, page }) => {
  await app.signIn("user", "#/chat");
  await page.getByRole("button", { name: "Appearance" }).click();
  await page.getByRole("menuitemcheckbox", { name: "Dark" }).click();
  await expect(page.locator("body")).toHaveClass(/awsui-dark-mode/);
  await app.ask("Write a Python function that counts words.");
  await app.expectAccessible();
  await app.screenshot("chat-dark");
  await page.reload();
  await expect(page.locator("body")).toHaveClass(/awsui-dark-mode/);
  await app.open("#/");
  await expect(page.getByRole("heading", { name: "Welcome to LISA" })).toBeVisible();
  await app.expectAccessible();
  await app.screenshot("home-dark");
});

test("everything fits on a narrow screen", async ({ app, page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await app.signIn("user", "#/chat");
  await app.ask("Compare supervised and unsupervised learning in a table.");
  await expect(page.getByRole("textbox", { name: "Question" })).toBeInViewport();
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await app.expectAccessible();
  await app.screenshot("chat-narrow");
  await app.openPanel("Chat settings");
  await app.screenshot("chat-settings-narrow");
});

test("a gateway that cannot be reached is told, with a way to try again", async ({ app, page }) => {
  await app.signIn("user");
  await page.route("**/serve/models", (route) => route.abort());
  await page.getByRole("button", { name: /^Gateway:/ }).click();
  await expect(page.getByRole("button", { name: /^Gateway: Disconnected/ })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText("The models cannot be loaded")).toBeVisible();
  await app.screenshot("disconnected");
  await page.unroute("**/serve/models");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("button", { name: /^Gateway: Connected/ })).toBeVisible();
});

test("the application reloads itself at an address without its last slash", async ({ app, page }) => {
  await page.goto((process.env["LISA_WEB_URL"] ?? "").replace(/\/$/, ""));
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  await app.signIn("user");
});
