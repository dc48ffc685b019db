import { describe, expect, it } from "vitest";

import { withChanges } from "@/shared/storedState";

describe("withChanges", () => {
  it("keeps what another tab stored meanwhile", () => {
    const before = { model: "a", streaming: true, arguments: { temperature: "", seed: "" } };
    const stored = { ...before, model: "b", arguments: { temperature: "0.5", seed: "" } };
    const after = { ...before, streaming: false, arguments: { temperature: "", seed: "7" } };
    expect(withChanges(stored, before, after)).toEqual({
      model: "b",
      streaming: false,
      arguments: { temperature: "0.5", seed: "7" },
    });
  });

  it("replaces lists and plain values", () => {
    expect(withChanges({ stop: ["x"] }, { stop: [] }, { stop: ["y"] })).toEqual({ stop: ["y"] });
    expect(withChanges("dark", "light", "system")).toBe("system");
  });

  it("stores everything where nothing valid is stored", () => {
    expect(withChanges(null, { a: 1 }, { a: 1, b: 2 })).toEqual({ a: 1, b: 2 });
    expect(withChanges({ b: 3 }, { a: 1, b: 2 }, { a: 1, b: 2 })).toEqual({ a: 1, b: 3 });
  });
});
