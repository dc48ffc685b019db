/** Stand-ins for the services of a live conversation: sessions and a model, both driven by the test. */
import { vi } from "vitest";

import type { Ask } from "@/features/chat/answering";
import { LiveConversation } from "@/features/chat/liveConversation";
import { textOf } from "@/features/chat/message";
import { DEFAULT_PROMPT } from "@/features/chat/prompt";
import type { UnsavedMessages } from "@/features/chat/unsavedMessages";
import type { Api } from "@/shared/api";
import { ApiError, interruption } from "@/shared/api/request";
import type { SessionWrite, StoredSession } from "@/shared/api/sessions";

export const REQUEST: Omit<Ask, "question"> = {
  history: [],
  model: "m",
  streaming: true,
  arguments: {},
  prompt: DEFAULT_PROMPT,
  file: null,
  retrieval: null,
};

/** The API's rules for one session: versions, offsets, a page that replaces its own write, deletion. */
export class Service {
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

export function copy<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

/** A model whose answers come word by word, as the test says. */
export class Model {
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
export async function settle() {
  await vi.advanceTimersByTimeAsync(60);
}

export const EMPTY: StoredSession = { version: 0, messages: [] };

export function open(
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
