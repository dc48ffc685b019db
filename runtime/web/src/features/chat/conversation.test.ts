import { describe, expect, it } from "vitest";

import { type Conversation, type ConversationAction, conversationReducer } from "@/features/chat/conversation";
import { type Answer, type AnswerMetadata, storedMessages } from "@/features/chat/message";

const METADATA: AnswerMetadata = { model: "m", arguments: {}, prompt: [] };
const ASK: ConversationAction = { type: "ask", questionId: "q1", answerId: "a1", question: "Why?" };

function after(...actions: ConversationAction[]): Conversation {
  return actions.reduce(conversationReducer, { messages: [], stage: null });
}

function lastAnswer(conversation: Conversation): Answer {
  const last = conversation.messages.at(-1);
  if (last?.role !== "ai") throw new Error("the last message is no answer");
  return last;
}

function receive(text: string, choice = 0): ConversationAction {
  return { type: "receive", pieces: [{ choice, text, finishReason: null, usage: null }] };
}

describe("conversationReducer", () => {
  it("adds a question with an answer that is pending", () => {
    const { messages, stage } = after(ASK);
    expect(messages.map(({ role, id }) => [role, id])).toEqual([
      ["human", "q1"],
      ["ai", "a1"],
    ]);
    expect(stage).toBe("answering");
  });

  it("lets an answer grow and end, with what the pieces say of it", () => {
    const conversation = after(
      ASK,
      { type: "describe", metadata: METADATA },
      receive("Be"),
      { type: "receive", pieces: [{ choice: 0, text: "cause", finishReason: "stop", usage: { total_tokens: 9 } }] },
      { type: "finish", milliseconds: 120 },
    );
    expect(lastAnswer(conversation)).toMatchObject({
      alternatives: ["Because"],
      status: "complete",
      metadata: { model: "m", finishReason: "stop", usage: { total_tokens: 9 }, milliseconds: 120 },
    });
    expect(conversation.stage).toBeNull();
  });

  it("keeps alternatives apart, in whatever order their pieces come", () => {
    const conversation = after(ASK, receive("c", 2), receive("a"), receive("A"), { type: "finish", milliseconds: 1 });
    expect(lastAnswer(conversation).alternatives).toEqual(["aA", "", "c"]);
    const chosen = conversationReducer(conversation, { type: "choose", answerId: "a1", alternative: 2 });
    expect(lastAnswer(chosen).chosen).toBe(2);
  });

  it("keeps what came before a stop, and drops what comes after it", () => {
    const conversation = after(ASK, receive("Be"), { type: "stop" }, receive("cause"));
    expect(lastAnswer(conversation)).toMatchObject({ alternatives: ["Be"], status: "stopped" });
  });

  it("says why an answer failed, and goes on with the next question", () => {
    const failed = after(ASK, { type: "fail", message: "Out of memory" });
    expect(lastAnswer(failed)).toMatchObject({ status: "failed", error: "Out of memory" });
    expect(conversationReducer(failed, { ...ASK, questionId: "q2", answerId: "a2" }).messages).toHaveLength(4);
  });

  it("answers the last question again in place of the answer that it had", () => {
    const conversation = after(
      ASK,
      { type: "fail", message: "x" },
      { type: "retry", answerId: "a2", replacedId: "a1" },
    );
    expect(conversation.messages.map(({ id }) => id)).toEqual(["q1", "a2"]);
    expect(lastAnswer(conversation).status).toBe("pending");
  });

  it("tells what an answer waits for", () => {
    expect(after(ASK, { type: "stage", stage: "searching" }).stage).toBe("searching");
  });

  it("goes on receiving an answer after messages from elsewhere came in behind it", () => {
    const asked = after(ASK, receive("Be"));
    const mine = storedMessages(asked.messages);
    const theirs = [
      ...mine,
      { type: "human", id: "q9", content: "Who?" },
      { type: "system", id: "s9", content: "hidden" },
      { type: "ai", id: "a9", content: "Ada." },
    ];
    const merged = conversationReducer(asked, { type: "merge", base: mine, theirs });
    expect(merged.messages.map(({ id }) => id)).toEqual(["q1", "a1", "q9", "s9", "a9"]);
    const ended = [receive("cause"), { type: "finish" as const, milliseconds: 1 }].reduce(conversationReducer, merged);
    expect(ended.messages[1]).toMatchObject({ alternatives: ["Because"], status: "complete" });
    expect(storedMessages(ended.messages).slice(2)).toEqual(theirs.slice(2));
    expect(ended.stage).toBeNull();
  });
});
