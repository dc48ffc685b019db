import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Ask } from "@/features/chat/answering";
import { LiveConversation } from "@/features/chat/liveConversation";
import { textOf } from "@/features/chat/message";
import { DEFAULT_PROMPT } from "@/features/chat/prompt";
import type { UnsavedMessages } from "@/features/chat/unsavedMessages";
import type { Api } from "@/shared/api";
import { ApiError, interruption } from "@/shared/api/request";
import type { SessionWrite, StoredMessage, StoredSession } from "@/shared/api/sessions";

const REQUEST: Omit<Ask, "question"> = {
  history: [],
  model: "m",
  streaming: true,
  arguments: {},
  prompt: DEFAULT_PROMPT,
  file: null,
  retrieval: null,
};

/** The API's rules for one session: versions, offsets, a page that replaces its own write, deletion. */
class Service {
  stored: (StoredSession & { base: number; writer: SessionWrite["writer"] | null }) | null = null;
  writes: (SessionWrite & { keepalive: boolean })[] = [];
  /** What the next writes are answered with instead. */
  failures: ApiError[] = [];
  /** Whether a write is done, but its answer never comes. */
  answers = true;

  readonly get = (): Promise<StoredSession> => {
    if (this.stored === null) return Promise.reject(new ApiError("none", 404));
    return Promise.resolve(copy(this.stored));
  };

  readonly put = async (_: string, write: SessionWrite, options: { keepalive?: boolean } = {}): Promise<number> => {
    const { version, offset, messages, writer } = copy(write);
    this.writes.push({ version, offset, messages, writer, keepalive: options.keepalive ?? false });
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const before = this.stored;
    const own = before?.base === version && before.writer?.id === writer.id && before.writer.sequence < writer.sequence;
    if (before === null && version > 0) throw new ApiError("deleted", 404);
    if (before !== null && before.version !== version && !own) {
      throw new ApiError("conflict", 409, "Conflict", null, JSON.stringify({ session: before }));
    }
    const kept = [...(before?.messages.slice(0, offset) ?? []), ...messages];
    this.stored = { version: (before?.version ?? 0) + 1, messages: kept, base: version, writer };
    await Promise.resolve();
    return this.answers ? this.stored.version : new Promise(() => undefined);
  };

  texts(): unknown[] {
    return this.stored?.messages.map(({ content }) => content) ?? [];
  }
}

function copy<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

/** A model whose answers come word by word, as the test says. */
class Model {
  #say: ((text: string | null) => void) | null = null;
  #fail: ((error: unknown) => void) | null = null;

  async *complete(_: unknown, __: unknown, signal: AbortSignal) {
    for (;;) {
      const text = await new Promise<string | null>((resolve, reject) => {
        this.#say = resolve;
        this.#fail = reject;
        signal.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      });
      if (text === null) return;
      yield { choice: 0, text, finishReason: null, usage: null };
    }
  }

  async breaks(error: unknown = interruption()): Promise<void> {
    await settle();
    this.#fail?.(error);
    await settle();
  }

  async says(...texts: (string | null)[]): Promise<void> {
    for (const text of texts) {
      await settle();
      this.#say?.(text);
      await settle();
    }
  }
}

/** Long enough for what is under way, not for the next regular save. */
async function settle() {
  await vi.advanceTimersByTimeAsync(60);
}

const EMPTY: StoredSession = { version: 0, messages: [] };

function open(
  service: Service,
  stored: StoredSession = service.stored ?? EMPTY,
  unsaved: UnsavedMessages | null = null,
) {
  const model = new Model();
  const api = { gateway: model, sessions: service, repositories: {} } as unknown as Api;
  const conversation = new LiveConversation({
    sessionId: "s",
    api,
    stored: copy(stored),
    unsaved,
    onSaved: () => undefined,
  });
  return {
    conversation,
    model,
    api,
    shown: () => conversation.getState().messages.map((each) => textOf(each as never)),
  };
}

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

describe("a session that cannot be saved", () => {
  it.each([0, 429, 503])("because of status %d is saved again by itself", async (status) => {
    const service = new Service();
    const { conversation, model } = open(service);
    service.failures = [new ApiError("Later.", status), new ApiError("Later.", status)];
    conversation.ask("Why?", REQUEST);
    await settle();
    expect(conversation.getState().saving).toEqual({ kind: "waiting", message: "Later." });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(conversation.getState().saving).toEqual({ kind: "saved" });
    await model.says("Because", null);
    expect(service.texts()).toEqual(["Why?", "Because"]);
  });

  it.each([401, 413])("because of status %d waits for the user, or a new token", async (status) => {
    const service = new Service();
    const { conversation, api } = open(service);
    service.failures = [new ApiError("No.", status)];
    conversation.ask("Why?", REQUEST);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(conversation.getState().saving).toEqual({ kind: "refused", message: "No." });
    expect(service.writes).toHaveLength(1);
    conversation.connect({ ...api });
    await settle();
    expect(conversation.getState().saving).toEqual({ kind: "saved" });
    expect(service.texts()[0]).toBe("Why?");
  });

  it("because it was deleted elsewhere is not created again, and can be kept as another", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await settle();
    service.stored = null;
    await model.says("Because", null);
    expect(conversation.getState().saving).toEqual({ kind: "deleted" });
    conversation.ask("And?", REQUEST);
    conversation.flush();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(service.stored).toBeNull();
  });

  it("is found to be deleted when its page is looked at again", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await model.says("Because", null);
    service.stored = null;
    await conversation.refresh();
    expect(conversation.getState().saving).toEqual({ kind: "deleted" });
  });

  it("whose write was done without an answer is not told twice", async () => {
    const service = new Service();
    const { conversation, model, shown } = open(service);
    service.answers = false;
    conversation.ask("Why?", REQUEST);
    await settle();
    const messages: StoredMessage[] = service.stored?.messages ?? [];
    expect(messages).toHaveLength(2);
    service.answers = true;
    conversation.flush();
    await model.says("Because", null);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(shown()).toEqual(["Why?", "Because"]);
  });
});
