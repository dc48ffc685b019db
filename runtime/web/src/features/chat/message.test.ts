import { describe, expect, it } from "vitest";

import { type Answer, type Message, readMessages, storedMessages } from "@/features/chat/message";

let count = 0;
const newId = () => `id-${(count += 1)}`;

const ANSWER: Answer = {
  role: "ai",
  id: "a",
  alternatives: ["one", "two"],
  chosen: 1,
  status: "stopped",
  error: null,
  metadata: {
    model: "m",
    arguments: { temperature: 0 },
    prompt: [{ role: "user", content: "long" }],
    sources: [{ source: "s3://b/x.txt", content: "c" }],
  },
};

const MESSAGES: Message[] = [{ role: "human", id: "q", content: "Why?" }, ANSWER];

/** As the API gives it back: through JSON. */
function stored(messages: Message[]) {
  return JSON.parse(JSON.stringify(storedMessages(messages))) as ReturnType<typeof storedMessages>;
}

describe("stored messages", () => {
  it("are human and ai messages, the chosen alternative as the content", () => {
    expect(stored(MESSAGES).map(({ type, content }) => [type, content])).toEqual([
      ["human", "Why?"],
      ["ai", "two"],
    ]);
  });

  it("come back as they were, but for the prompt", () => {
    const [question, answer] = readMessages(stored(MESSAGES), newId);
    expect(question).toMatchObject({ role: "human", content: "Why?" });
    expect(answer).toMatchObject({ ...ANSWER, id: answer?.id, metadata: { ...ANSWER.metadata, prompt: [] } });
  });

  it("of an answer that was never finished are those of one that was stopped", () => {
    expect(stored([{ ...ANSWER, status: "pending" }])[0]?.metadata?.["status"]).toBe("stopped");
  });

  it("of LISA 2.x, without metadata, can be read", () => {
    expect(readMessages([{ type: "ai", content: "x" }], newId)[0]).toMatchObject({
      alternatives: ["x"],
      chosen: 0,
      status: "complete",
      metadata: null,
    });
  });

  it("with metadata of any shape can be read", () => {
    const metadata = { model: 7, alternatives: "x", chosen: 9, status: "?", error: {}, sources: 1 };
    expect(readMessages([{ type: "ai", content: "x", metadata }], newId)[0]).toMatchObject({
      alternatives: ["x"],
      chosen: 0,
      metadata: null,
      error: null,
    });
  });
});
