/**
 * A conversation that is open on a page: it answers questions, one at a time, and is saved when a question is asked,
 * while its answer is received and when it has ended. It lives outside of React, so that leaving its screen loses
 * nothing.
 */

import { answer, type Ask } from "@/features/chat/answering";
import { type Conversation, type ConversationAction, conversationReducer } from "@/features/chat/conversation";
import { commonLength, identified, mergeMessages } from "@/features/chat/merging";
import { readMessages, storedMessages, textOf } from "@/features/chat/message";
import { type SaveState, SessionSaver } from "@/features/chat/sessionSaver";
import type { UnsavedMessages } from "@/features/chat/unsavedMessages";
import type { Api } from "@/shared/api";
import { ApiError, isAbort, isConnectionError, messageOf } from "@/shared/api/request";
import type { StoredSession } from "@/shared/api/sessions";

/** How long a page may take to go away; it is still there afterwards when the user stayed. */
const LEAVING_MS = 5_000;

export type ConversationApi = Pick<Api, "gateway" | "repositories" | "sessions">;

export interface LiveState extends Conversation {
  saving: SaveState;
  /** Whether another tab or device has changed the conversation since the last question. */
  merged: boolean;
}

interface LiveOptions {
  sessionId: string;
  api: ConversationApi;
  stored: StoredSession;
  /** What an earlier page could not save. */
  unsaved: UnsavedMessages | null;
  /** Called after each write, and when there is nothing more to write. */
  onSaved: (conversation: LiveConversation) => void;
}

export class LiveConversation {
  readonly sessionId: string;
  readonly #saver: SessionSaver;
  readonly #listeners = new Set<() => void>();
  #api: ConversationApi;
  #state: LiveState;
  #running: AbortController | null = null;
  #leaving = false;

  constructor({ sessionId, api, stored, unsaved, onSaved }: LiveOptions) {
    this.sessionId = sessionId;
    this.#api = api;
    const messages = readMessages(identified(stored.messages));
    this.#state = { messages, stage: null, saving: { kind: "saved" }, merged: false };
    this.#saver = new SessionSaver({
      sessionId,
      sessions: api.sessions,
      stored,
      read: () => storedMessages(this.#state.messages),
      merge: (base, theirs) => this.#merge(base, theirs),
      onState: (saving) => {
        this.#change({ saving });
        if (saving.kind === "saved" || saving.kind === "deleted") onSaved(this);
      },
      onSaved: () => onSaved(this),
    });
    if (unsaved !== null) {
      const messages = mergeMessages([], unsaved.messages, identified(stored.messages));
      this.#change({ messages: readMessages(messages) });
    }
  }

  readonly getState = (): LiveState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  get hasUnsaved(): boolean {
    return this.#saver.hasUnsaved;
  }

  get version(): number {
    return this.#saver.stored.version;
  }

  /** What a later page needs when this one cannot save: from the last question that is stored on. */
  get unsaved(): UnsavedMessages | null {
    if (!this.hasUnsaved || this.#saver.state.kind === "deleted") return null;
    const messages = storedMessages(this.#state.messages);
    const { version, messages: stored } = this.#saver.stored;
    const changed = commonLength(stored, messages);
    const question = messages.findLastIndex(({ type }, index) => index < changed && type === "human");
    return { version, messages: messages.slice(Math.max(question, 0)) };
  }

  /** Go on as another token of the caller allows. */
  connect(api: ConversationApi): void {
    if (api === this.#api) return;
    this.#api = api;
    this.#saver.connect(api.sessions);
  }

  ask(question: string, request: Omit<Ask, "question">): void {
    this.#change({ merged: false });
    this.#reduce({ type: "ask", questionId: crypto.randomUUID(), answerId: crypto.randomUUID(), question });
    this.#run({ ...request, question });
  }

  retry(replacedId: string, question: string, request: Omit<Ask, "question">): void {
    this.#reduce({ type: "retry", answerId: crypto.randomUUID(), replacedId });
    this.#run({ ...request, question });
  }

  choose(answerId: string, alternative: number): void {
    this.#dispatch({ type: "choose", answerId, alternative });
  }

  stop(): void {
    this.#running?.abort();
    this.#dispatch({ type: "stop" });
  }

  /** Its screen is left: what came of an answer is kept. */
  leave(): void {
    if (this.#state.stage !== null) this.stop();
  }

  save(): void {
    this.#saver.saveNow();
  }

  /** The page may go away. */
  flush(): void {
    this.#saver.flush();
  }

  /** The page is asked whether it may go away: its connections break next, before it is told that it goes. */
  prepareToLeave(): void {
    this.#leaving = true;
    setTimeout(() => (this.#leaving = false), LEAVING_MS);
  }

  /** Take up what other tabs and devices have stored. */
  async refresh(): Promise<void> {
    if (this.version === 0 || this.#state.saving.kind === "deleted") return;
    try {
      this.#saver.receive(await this.#api.sessions.get(this.sessionId));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#saver.markDeleted();
      // Other errors come again with the next question, and are told there.
    }
  }

  #run(request: Ask): void {
    const controller = new AbortController();
    this.#running = controller;
    answer(
      this.#api,
      request,
      (action) => {
        // What still comes of an answer that was stopped belongs to no other one.
        if (this.#running === controller && !controller.signal.aborted) this.#dispatch(action);
      },
      controller.signal,
    ).catch((error: unknown) => {
      if (this.#running !== controller || controller.signal.aborted) return;
      this.#dispatch(this.#endOf(error));
    });
    this.#saver.saveNow();
  }

  /** What an error means for the answer: what came before the connection broke is kept. */
  #endOf(error: unknown): ConversationAction {
    if (isAbort(error)) return { type: "stop" };
    if (isConnectionError(error)) {
      if (this.#leaving) return { type: "interrupt", message: null };
      const pending = this.#state.messages.find((message) => message.role === "ai" && message.status === "pending");
      const hasText = pending?.role === "ai" && textOf(pending) !== "";
      if (hasText) return { type: "interrupt", message: messageOf(error) };
    }
    return { type: "fail", message: messageOf(error) };
  }

  #dispatch(action: ConversationAction): void {
    const before = this.#state.messages;
    this.#reduce(action);
    if (this.#state.messages === before) return;
    if (this.#state.stage === null) this.#saver.saveNow();
    else this.#saver.saveSoon();
  }

  #merge(base: StoredSession["messages"], theirs: StoredSession["messages"]): void {
    const known = new Set(this.#state.messages.map(({ id }) => id));
    const count = known.size;
    this.#reduce({ type: "merge", base, theirs });
    const changed = this.#state.messages.length !== count || this.#state.messages.some(({ id }) => !known.has(id));
    if (changed) this.#change({ merged: true });
  }

  #reduce(action: ConversationAction): void {
    const { messages, stage } = this.#state;
    const next = conversationReducer({ messages, stage }, action);
    this.#change(next);
  }

  #change(change: Partial<LiveState>): void {
    this.#state = { ...this.#state, ...change };
    this.#listeners.forEach((listener) => listener());
  }
}
