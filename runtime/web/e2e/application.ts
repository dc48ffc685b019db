/** The application as a person sees it, for the tests: who signs in, and what is done on its screens. */

import AxeBuilder from "@axe-core/playwright";
import { type Browser, expect, type Locator, type Page, test as base } from "@playwright/test";

type Person = "user" | "admin";

/** Names, each with `:password` where the provider asks for one. */
const CREDENTIALS: Record<Person, string> = {
  user: process.env["LISA_USER"] ?? "user",
  admin: process.env["LISA_ADMIN"] ?? "admin",
};

/** Ids of a model that answers with an error, and of one that does not stream. */
export const BROKEN_MODEL = process.env["LISA_BROKEN_MODEL"] ?? "broken-model";
export const WHOLE_MODEL = process.env["LISA_WHOLE_MODEL"] ?? "phi-whole";

export class Application {
  constructor(readonly page: Page) {}

  async open(hash = ""): Promise<void> {
    await this.page.goto(`${process.env["LISA_WEB_URL"] ?? ""}${hash}`);
  }

  async signIn(person: Person, hash = ""): Promise<void> {
    const [name = "", password] = CREDENTIALS[person].split(":");
    await this.open(hash);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    if (password === undefined) {
      await this.page.getByRole("button", { name, exact: true }).click();
    } else {
      await this.page.locator("input[name=login], input[name=username]").fill(name);
      await this.page.locator("input[name=password]").fill(password);
      await this.page.locator("[type=submit]").click();
    }
    await expect(this.page.getByRole("button", { name: /^Gateway: Connected/ })).toBeVisible();
  }

  async openPanel(name: "Sessions" | "Chat settings"): Promise<Locator> {
    const heading = this.page.getByRole("heading", { level: 2, name, exact: true });
    // A panel that is open may still be loading, and a click would close it.
    const trigger = this.page.getByRole("button", { name, exact: true });
    if ((await trigger.getAttribute("aria-expanded")) !== "true") await trigger.click();
    await expect(heading).toBeVisible();
    return this.page.getByRole("complementary", { name, exact: true });
  }

  async chooseModel(name: string): Promise<void> {
    await this.page.getByRole("button", { name: /^Model / }).click();
    await this.page.getByRole("option", { name }).click();
  }

  async type(question: string): Promise<void> {
    await this.page.getByRole("textbox", { name: "Question" }).fill(question);
    await this.page.keyboard.press("Enter");
  }

  /** Ask, and wait for the end of the answer. */
  async ask(question: string): Promise<Locator> {
    const before = await this.answers.count();
    await this.type(question);
    await expect(this.answers).toHaveCount(before + 1);
    await expect(this.stopButton).toBeHidden({ timeout: 90_000 });
    return this.answers.last();
  }

  get questions(): Locator {
    return this.page.getByRole("group", { name: /^Question of/ });
  }

  /** Ask, and wait for the address and the first words: the answer is being received. */
  async beginAnswer(question: string): Promise<string> {
    await this.type(question);
    await this.expectFirstWords();
    await expect(this.page).toHaveURL(/#\/chat\/[0-9a-f-]{36}$/);
    return new URL(this.page.url()).hash;
  }

  /** That the last answer has begun; what it says while it waits for the model is no paragraph. */
  async expectFirstWords(): Promise<void> {
    const text = this.answers.last().getByRole("paragraph").first();
    await expect(text).toContainText(/\w+ \w+/, { timeout: 60_000 });
  }

  get stopButton(): Locator {
    return this.page.getByRole("button", { name: "Stop the answer" });
  }

  get answers(): Locator {
    return this.page.getByRole("group", { name: /^Answer/ });
  }

  /** Keep a picture of the screen among the artifacts of the run, when nothing moves any more. */
  async screenshot(name: string): Promise<void> {
    await this.page.screenshot({ path: `artifacts/screenshots/${name}.png`, animations: "disabled" });
  }

  /** That axe-core finds nothing serious or critical on the screen. */
  async expectAccessible(): Promise<void> {
    const { violations } = await new AxeBuilder({ page: this.page }).analyze();
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const found = grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n  ")}`);
    expect(found).toEqual([]);
  }
}

const SHORT = "16";

/** The application in a browser that shares nothing with the others, as on another device. */
export async function onAnotherDevice(
  browser: Browser,
  longestAnswer: string,
  use: (app: Application) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ignoreHTTPSErrors: true });
  try {
    const page = await context.newPage();
    await limitAnswers(page, longestAnswer);
    await use(new Application(page));
  } finally {
    await context.close();
  }
}

async function limitAnswers(page: Page, longestAnswer: string): Promise<void> {
  await page.addInitScript((tokens) => {
    const settings = JSON.stringify({ arguments: { max_tokens: tokens } });
    if (localStorage.getItem("lisa.chat") === null) localStorage.setItem("lisa.chat", settings);
  }, longestAnswer);
  if (longestAnswer !== SHORT) {
    // The small model ends its stories after a few seconds, too soon for what happens in the middle of an answer.
    await page.context().route("**/chat/completions", async (route) => {
      const body = route.request().postDataJSON() as Record<string, unknown> | null;
      await route.continue(body === null ? {} : { postData: { ...body, ignore_eos: true } });
    });
  }
}

/**
 * A test that has the application, and that fails when the page reports an error or breaks its security policy. A real
 * model answers, so that answers are short unless a test gives `longestAnswer` in tokens.
 */
export const test = base.extend<{ app: Application; longestAnswer: string }>({
  longestAnswer: [SHORT, { option: true }],
  app: async ({ page, longestAnswer }, use) => {
    await limitAnswers(page, longestAnswer);
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      if (/Content.Security.Policy|Refused to|Warning:/i.test(message.text())) problems.push(message.text());
    });
    await use(new Application(page));
    expect(problems).toEqual([]);
  },
});

export { expect };
