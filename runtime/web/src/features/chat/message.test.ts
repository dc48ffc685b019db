import { describe, expect, it } from "vitest";

import { identified } from "@/features/chat/merging";
import { type Answer, readMessages, type SessionMessage, storedMessages } from "@/features/chat/message";
import type { StoredMessage } from "@/shared/api/sessions";

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
  stored: null,
};

const MESSAGES: SessionMessage[] = [{ role: "human", id: "q", content: "Why?", stored: null }, ANSWER];

function read(...messages: StoredMessage[]) {
  return readMessages(identified(messages));
}

/** As the API gives it back: through JSON. */
function stored(messages: SessionMessage[]) {
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
    const [question, answer] = read(...stored(MESSAGES));
    expect(question).toMatchObject({ role: "human", id: "q", content: "Why?" });
    expect(answer).toMatchObject({ ...ANSWER, stored: {}, metadata: { ...ANSWER.metadata, prompt: [] } });
  });

  it("of an answer that is being received are partial, and stay so when its page is gone", () => {
    const [partial] = stored([{ ...ANSWER, status: "pending" }]);
    expect(partial?.metadata?.["status"]).toBe("partial");
    expect(read(partial ?? { type: "ai", content: "" })[0]).toMatchObject({
      status: "partial",
      alternatives: ["one", "two"],
    });
  });

  it("of other clients stay as they are, with what this application does not know", () => {
    const others = [
      { type: "system", content: "Be brief.", example: false },
      { type: "human", content: [{ type: "text", text: "Why?" }], additional_kwargs: { a: 1 } },
      { type: "ai", content: "Because.", metadata: { custom: [1] }, response_metadata: {} },
    ];
    const messages = read(...others);
    expect(messages.map(({ role }) => role)).toEqual(["other", "human", "ai"]);
    expect(messages[1]).toMatchObject({ content: "Why?" });
    expect(storedMessages(messages)).toEqual(others.map((message, index) => ({ ...message, id: `message-${index}` })));
  });

  it("change by the choice among alternatives alone", () => {
    const [, kept] = stored(MESSAGES);
    const [answer] = read(kept ?? { type: "ai", content: "" }) as Answer[];
    if (answer === undefined) throw new Error("there is no answer");
    expect(storedMessages([answer])).toEqual([kept]);
    expect(storedMessages([{ ...answer, chosen: 0 }])[0]).toMatchObject({
      content: "one",
      metadata: { chosen: 0, model: "m" },
    });
  });

  it("of LISA 2.x, without metadata, can be read", () => {
    expect(read({ type: "ai", content: "x" })[0]).toMatchObject({
      alternatives: ["x"],
      chosen: 0,
      status: "complete",
      metadata: null,
    });
  });

  it("with metadata of any shape can be read", () => {
    const metadata = { model: 7, alternatives: "x", chosen: 9, status: "?", error: {}, sources: 1 };
    expect(read({ type: "ai", content: "x", metadata })[0]).toMatchObject({
      alternatives: ["x"],
      chosen: 0,
      metadata: null,
      error: null,
    });
  });
});
