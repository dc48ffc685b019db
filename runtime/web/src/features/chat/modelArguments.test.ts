import { describe, expect, it } from "vitest";

import { argumentProblem, completionArguments, NO_ARGUMENTS, readArgumentFields } from "@/features/chat/modelArguments";

describe("completionArguments", () => {
  it("sends nothing that is left empty", () => {
    expect(completionArguments(NO_ARGUMENTS)).toEqual({});
  });

  it("sends numbers by their names in the API, and at most four stop sequences", () => {
    const fields = { ...NO_ARGUMENTS, max_tokens: "64", temperature: "0", stop: ["a", "", "b", "c", "d", "e"] };
    expect(completionArguments(fields)).toEqual({ max_tokens: 64, temperature: 0, stop: ["a", "b", "c", "d"] });
  });

  it("sends nothing that is wrong", () => {
    expect(completionArguments({ ...NO_ARGUMENTS, n: "11", top_p: "x", seed: "1.5" })).toEqual({});
  });
});

describe("argumentProblem", () => {
  it.each([
    ["temperature", "2", null],
    ["temperature", "2.1", "Temperature must be at most 2."],
    ["frequency_penalty", "-2.5", "Frequency penalty must be at least -2."],
    ["n", "1.5", "Answers must be an integer."],
    ["seed", "x", "Seed must be a number."],
    ["max_tokens", "", null],
  ] as const)("of %s %s is %s", (name, typed, problem) => {
    expect(argumentProblem(name, typed)).toBe(problem);
  });
});

it("fields of any shape can be read", () => {
  expect(readArgumentFields({ n: 3, seed: "4", stop: ["a", 1] })).toEqual({ ...NO_ARGUMENTS, seed: "4", stop: ["a"] });
  expect(readArgumentFields("x")).toEqual(NO_ARGUMENTS);
});
