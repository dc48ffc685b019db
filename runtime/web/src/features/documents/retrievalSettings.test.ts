import { expect, it } from "vitest";

import { chosenRetrieval, NO_RETRIEVAL, readRetrievalSettings } from "@/features/documents/retrievalSettings";

const REPOSITORY = { repositoryId: "r", type: "pgvector" };
const CHOSEN = { repositoryId: "r", embeddingModel: "e", count: 5 };

it("searches what is chosen and still there", () => {
  expect(chosenRetrieval(CHOSEN, [REPOSITORY], ["e"])).toEqual({
    repository: REPOSITORY,
    embeddingModel: "e",
    count: 5,
  });
  expect(chosenRetrieval(CHOSEN, [], ["e"])).toBeNull();
  expect(chosenRetrieval(CHOSEN, [REPOSITORY], ["f"])).toBeNull();
});

it("settings of any shape can be read", () => {
  expect(readRetrievalSettings(CHOSEN)).toEqual(CHOSEN);
  expect(readRetrievalSettings({ repositoryId: 1, count: 11 })).toEqual(NO_RETRIEVAL);
});
