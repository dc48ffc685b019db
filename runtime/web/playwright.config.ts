import { existsSync } from "node:fs";

import { defineConfig } from "@playwright/test";

const BROWSERS = [process.env["CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/google-chrome"];
const browser = BROWSERS.find((path) => path !== "" && existsSync(path));

/**
 * End-to-end tests in a real Chromium. They run against the deployment at LISA_WEB_URL, or, when it is not set, against
 * the servers of e2e/stand-in. Users are LISA_USER and LISA_ADMIN, each as `name:password`.
 */
export default defineConfig({
  testDir: "e2e",
  globalSetup: "./e2e/globalSetup.ts",
  outputDir: "artifacts/results",
  workers: 2,
  fullyParallel: true,
  forbidOnly: process.env["CI"] !== undefined,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 15_000 },
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
