import { expect, it } from "vitest";

import { timeAgo } from "@/features/sessions/timeAgo";

const NOW = new Date("2026-11-22T12:00:00Z");

it.each([
  ["2026-11-22T11:59:40.123456Z", "just now"],
  ["2026-11-22T11:55:00Z", "5 minutes ago"],
  ["2026-11-22T09:10:00Z", "2 hours ago"],
  ["2026-11-21T11:00:00Z", "yesterday"],
  ["2026-10-01T12:00:00Z", "Oct 1, 2026"],
  ["2026-11-22T12:00:05Z", "just now"],
  ["never", ""],
])("%s is %s", (time, words) => {
  expect(timeAgo(time, NOW)).toBe(words);
});
