import { describe, expect, it } from "vitest";

import { inDays, validityOf } from "@/features/tokens/validity";

const NOW = 1_800_000_000;
const DAY = 86_400;

describe("validityOf", () => {
  it.each([
    [null, "valid"],
    [NOW + 8 * DAY, "valid"],
    [NOW + 7 * DAY, "soon"],
    [NOW + 1, "soon"],
    [NOW, "expired"],
    [NOW - 1, "expired"],
  ])("of a token that ends at %s is %s", (expires, validity) => {
    expect(validityOf({ expires }, NOW)).toBe(validity);
  });
});

describe("inDays", () => {
  it.each([
    [5.5, "in 5 days"],
    [1.5, "tomorrow"],
    [0.5, "today"],
    [-0.5, "today"],
    [-1.5, "yesterday"],
    [-40, "40 days ago"],
  ])("%s days from now is %s", (days, text) => {
    expect(inDays(NOW + days * DAY, NOW)).toBe(text);
  });
});
