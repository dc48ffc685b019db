import { describe, expect, it } from "vitest";

import { newTokenFields, tokenProblems, wantedToken } from "@/features/tokens/tokenFields";

const FIELDS = { ...newTokenFields(["staff"]), name: "laptop" };

describe("tokenProblems", () => {
  it.each([
    ["laptop", undefined],
    ["", "Enter what the token is for"],
    ["   ", "Enter what the token is for"],
    ["x".repeat(64), undefined],
    ["x".repeat(65), "at most 64"],
    ["🚢".repeat(64), undefined],
    ["🚢".repeat(65), "at most 64"],
    ["a\u0007b", "printable"],
  ])("checks the name %j", (name, problem) => {
    const found = tokenProblems({ ...FIELDS, name }).name;
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(problem);
  });

  it("wants an operation of a limited token", () => {
    expect(tokenProblems({ ...FIELDS, limited: true }).scopes).toContain("at least one");
    expect(tokenProblems({ ...FIELDS, limited: true, scopes: ["chat"] })).toEqual({});
  });
});

describe("wantedToken", () => {
  it("drops operations that were chosen before all were allowed", () => {
    const wanted = wantedToken({ ...FIELDS, name: " laptop ", limited: false, scopes: ["chat"] }, ["staff"]);
    expect(wanted).toEqual({ name: "laptop", days: 90, scopes: [], groups: null });
  });

  it("keeps the operations of a limited token", () => {
    const fields = { ...FIELDS, limited: true, scopes: ["chat" as const, "models" as const] };
    expect(wantedToken(fields, ["staff"]).scopes).toEqual(["chat", "models"]);
  });

  it.each([
    [["staff"], ["staff"], null],
    [[], [], null],
    [["staff"], ["staff", "admins"], ["staff"]],
    [[], ["staff"], []],
  ])("sends groups %j of %j only when they are not all", (groups, callers, sent) => {
    expect(wantedToken({ ...FIELDS, groups }, callers).groups).toEqual(sent);
  });
});
