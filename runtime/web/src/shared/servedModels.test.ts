import { expect, it } from "vitest";

import { mergeModels } from "@/shared/servedModels";

it("keeps the configured order, marks what is not served, and adds what is served besides", () => {
  const configured = [
    { id: "a", type: "textgen" as const, streaming: false },
    { id: "b", type: "embedding" as const, streaming: false },
  ];
  expect(mergeModels(configured, ["b", "c"])).toEqual([
    { id: "a", type: "textgen", streaming: false, available: false },
    { id: "b", type: "embedding", streaming: false, available: true },
    { id: "c", type: "textgen", streaming: true, available: true },
  ]);
});
