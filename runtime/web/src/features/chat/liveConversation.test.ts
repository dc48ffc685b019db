import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { REQUEST, Service, copy, open, settle } from "@/features/chat/conversationStandIns";
import { ApiError, interruption } from "@/shared/api/request";
import type { StoredSession } from "@/shared/api/sessions";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a conversation", () => {
  it("saves a question as soon as it is asked, and the answer when it has ended", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await settle();
    expect(service.stored).toMatchObject({
      version: 1,
      messages: [{ content: "Why?" }, { metadata: { status: "partial" } }],
    });
    await model.says("Be", "cause", null);
    expect(service.texts()).toEqual(["Why?", "Because"]);
    expect(service.stored?.messages[1]?.metadata?.["status"]).toBe("complete");
    expect(conversation.hasUnsaved).toBe(false);
  });

  it("saves the beginning of an answer every few seconds, and sends what changed alone", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await model.says("Be");
    await vi.advanceTimersByTimeAsync(3_100);
    expect(service.texts()).toEqual(["Why?", "Be"]);
    expect(service.writes.at(-1)).toMatchObject({ version: 1, offset: 1, messages: [{ content: "Be" }] });
  });

  it("keeps what came of an answer whose screen is left", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await model.says("Be");
    conversation.leave();
    await settle();
    expect(service.texts()).toEqual(["Why?", "Be"]);
    expect(service.stored?.messages[1]?.metadata?.["status"]).toBe("stopped");
  });

  it("does not receive the rest of an answer that was stopped into the next one", async () => {
    const { conversation, model, shown } = open(new Service());
    conversation.ask("One?", REQUEST);
    await model.says("Fi");
    conversation.stop();
    conversation.ask("Two?", REQUEST);
    await model.says("Second", null);
    expect(shown()).toEqual(["One?", "Fi", "Two?", "Second"]);
  });

  it("keeps what came before the connection broke, and says why it ended", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await model.says("Be");
    await model.breaks();
    const expected = { content: "Be", metadata: { status: "partial", error: interruption().message } };
    expect(service.stored?.messages[1]).toMatchObject(expected);
    conversation.ask("And?", REQUEST);
    await model.breaks();
    expect(service.stored?.messages[3]).toMatchObject({ content: "", metadata: { status: "failed" } });
  });

  it("takes no connection that breaks because the page goes away for a failure of the model", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await settle();
    conversation.prepareToLeave();
    await model.breaks();
    expect(service.stored?.messages[1]?.metadata).toMatchObject({ status: "partial" });
    expect(service.stored?.messages[1]?.metadata).not.toHaveProperty("error");
    await vi.advanceTimersByTimeAsync(6_000);
    conversation.ask("And?", REQUEST);
    await model.breaks(new ApiError("The model failed. Try again.", 0));
    expect(service.stored?.messages[3]?.metadata).toMatchObject({
      status: "failed",
      error: "The model failed. Try again.",
    });
  });

  it("does not write a session that was only read, also one from before there were versions and ids", async () => {
    const service = new Service();
    const messages = [{ type: "human", content: "Why?" }];
    service.stored = { version: 1, messages, base: 0, writer: null };
    const { conversation } = open(service);
    conversation.save();
    conversation.flush();
    await settle();
    expect(service.writes).toEqual([]);
    expect(conversation.unsaved).toBeNull();
  });
});

describe("two tabs", () => {
  it("that ask at once both keep their question and answer", async () => {
    const service = new Service();
    const first = open(service);
    const second = open(service);
    first.conversation.ask("A?", REQUEST);
    second.conversation.ask("B?", REQUEST);
    await vi.advanceTimersByTimeAsync(1_000);
    await first.model.says("a");
    await second.model.says("b");
    await vi.advanceTimersByTimeAsync(4_000);
    await second.model.says(null);
    await first.model.says(null);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(service.texts()).toEqual(["A?", "a", "B?", "b"]);
    await first.conversation.refresh();
    await second.conversation.refresh();
    expect(first.shown()).toEqual(service.texts());
    expect(second.shown()).toEqual(service.texts());
    expect(second.conversation.getState().merged).toBe(true);
    expect(first.conversation.hasUnsaved || second.conversation.hasUnsaved).toBe(false);
  });

  it("converge, however many there are", async () => {
    const service = new Service();
    const tabs = Array.from({ length: 6 }, () => open(service));
    tabs.forEach(({ conversation }, index) => conversation.ask(`${index}?`, REQUEST));
    await vi.advanceTimersByTimeAsync(120_000);
    for (const [index, { model }] of tabs.entries()) await model.says(`${index}.`, null);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(service.texts().toSorted()).toEqual(tabs.flatMap((_, index) => [`${index}.`, `${index}?`]).toSorted());
  });
});

describe("a page that goes away", () => {
  it("saves the question and what came of the answer, in a request that outlives it", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await model.says("Be");
    conversation.flush();
    expect(service.writes.at(-1)).toMatchObject({ keepalive: true, offset: 1 });
    expect(service.texts()).toEqual(["Why?", "Be"]);
    conversation.flush();
    expect(service.writes.filter(({ keepalive }) => keepalive)).toHaveLength(1);
  });

  it("does not wait for the answer to a write that is under way", async () => {
    const service = new Service();
    service.answers = false;
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await model.says("Be");
    expect(service.texts()).toEqual(["Why?", ""]);
    conversation.flush();
    await settle();
    expect(service.texts()).toEqual(["Why?", "Be"]);
  });

  it("does not ask for more than browsers allow when it has more to save", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await model.says("é".repeat(40_000));
    conversation.flush();
    expect(service.writes.at(-1)?.keepalive).toBe(false);
  });

  it("leaves what it could not save for the next one, from the question on", async () => {
    const service = new Service();
    service.stored = { version: 4, messages: [{ type: "human", id: "q0", content: "0?" }], base: 3, writer: null };
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await model.says("Be");
    service.failures = [new ApiError("offline", 0)];
    conversation.flush();
    await settle();
    const { unsaved } = conversation;
    expect(unsaved?.messages.map(({ content }) => content)).toEqual(["Why?", "Be"]);

    const other = { type: "human", id: "qB", content: "B?" };
    const stored = service.stored as StoredSession | null;
    await service.put("s", {
      version: stored?.version ?? 0,
      offset: 3,
      messages: [other],
      writer: { id: "x", sequence: 1 },
    });
    const next = open(service, await service.get(), copy(unsaved));
    expect(next.shown()).toEqual(["0?", "Why?", "Be", "B?"]);
    next.conversation.save();
    await settle();
    expect(service.texts()).toEqual(["0?", "Why?", "Be", "B?"]);
  });
});
