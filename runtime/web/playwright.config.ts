import { existsSync } from "node:fs";

import { defineConfig } from "@playwright/test";

const BROWSERS = [process.env["CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/google-chrome"];
const browser = BROWSERS.find((path) => path !== "" && existsSync(path));

if (process.env["LISA_WEB_URL"] === undefined) {
  throw new Error("LISA_WEB_URL is not set: `make test-e2e` starts what the tests need, and sets it.");
}

/** End-to-end tests in a real Chromium, against what runs at LISA_WEB_URL: that of `lisa dev`, or a deployment. */
export default defineConfig({
  testDir: "e2e",
  outputDir: "artifacts/results",
  workers: 2,
  fullyParallel: true,
  forbidOnly: process.env["CI"] !== undefined,
  retries: 0,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: {
    ...(browser === undefined ? {} : { launchOptions: { executablePath: browser, args: ["--no-sandbox"] } }),
    viewport: { width: 1440, height: 900 },
    locale: "en-US",
    timezoneId: "UTC",
    ignoreHTTPSErrors: true,
    permissions: ["clipboard-read", "clipboard-write"],
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
  },
});
