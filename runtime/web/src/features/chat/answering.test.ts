import { describe, expect, it, vi } from "vitest";

import { answer, type Ask } from "@/features/chat/answering";
import type { ConversationAction } from "@/features/chat/conversation";
import { DEFAULT_PROMPT } from "@/features/chat/prompt";
import type { Api } from "@/shared/api";
import type { CompletionRequest } from "@/shared/api/gateway";
import type { Search } from "@/shared/api/repositories";

const ASK: Ask = {
  question: "And when?",
  history: [{ question: "Who?", answer: "Ada." }],
  model: "m",
  streaming: true,
  arguments: { temperature: 1 },
  prompt: DEFAULT_PROMPT,
  file: null,
  retrieval: { repository: { repositoryId: "r", type: "pgvector" }, embeddingModel: "e", count: 2 },
};

function fakeApi() {
  const requests: CompletionRequest[] = [];
  const searches: Search[] = [];
  const api = {
    gateway: {
      listModels: vi.fn(),
      complete: async function* (request: CompletionRequest, streaming: boolean) {
        requests.push(request);
        const text = streaming ? "In 1843." : " When did Ada write it? ";
        yield await Promise.resolve({ choice: 0, text, finishReason: "stop", usage: null });
      },
    },
    repositories: {
      search: (search: Search) => {
        searches.push(search);
        return Promise.resolve([{ source: "s3://b/notes.txt", content: "1843" }]);
      },
    },
  } as unknown as Api;
  return { api, requests, searches };
}

async function run(ask: Ask) {
  const { api, requests, searches } = fakeApi();
  const actions: ConversationAction[] = [];
  await answer(api, ask, (action) => actions.push(action), new AbortController().signal);
  return { requests, searches, actions };
}

describe("answer", () => {
  it("rephrases a follow-up question, searches with it, and tells the model what was found", async () => {
    const { requests, searches, actions } = await run(ASK);
    expect(searches).toMatchObject([{ query: "When did Ada write it?", embeddingModel: "e", count: 2 }]);
    expect(requests[1]?.messages[0]?.content).toContain("[s3://b/notes.txt]\n1843");
    expect(requests[1]?.messages.at(-1)?.content).toBe("And when?");
    expect(actions.map((action) => (action.type === "stage" ? action.stage : action.type))).toEqual([
      "rephrasing",
      "searching",
      "answering",
      "describe",
      "receive",
      "finish",
    ]);
    expect(actions.find(({ type }) => type === "describe")).toMatchObject({
      metadata: { standaloneQuestion: "When did Ada write it?", sources: [{ content: "1843" }] },
    });
  });

  it("searches with a first question as it is", async () => {
    const { requests, searches } = await run({ ...ASK, history: [] });
    expect(searches).toMatchObject([{ query: "And when?" }]);
    expect(requests).toHaveLength(1);
  });

  it("asks the model alone when no documents are chosen", async () => {
    const { requests, searches } = await run({ ...ASK, retrieval: null });
    expect(searches).toEqual([]);
    expect(requests).toMatchObject([{ model: "m", temperature: 1 }]);
  });
});
