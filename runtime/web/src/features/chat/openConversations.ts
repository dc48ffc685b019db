/** The conversations of a page that are shown, or left and not saved yet. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useState } from "react";

import type { LiveConversation } from "@/features/chat/liveConversation";
import { dropUnsaved, keepUnsaved } from "@/features/chat/unsavedMessages";
import { queryKeys, useApi } from "@/shared/api";
import { useCaller } from "@/shared/authentication/caller";

/** Tells the other tabs of this browser which session was saved. */
const CHANNEL = "lisa.sessions";

export class OpenConversations {
  readonly #open = new Map<string, LiveConversation>();
  readonly #shown = new Set<LiveConversation>();
  #listener: ((conversation: LiveConversation) => void) | null = null;

  /** The conversation of a session that is open already; it has what is not stored yet. */
  find(sessionId: string): LiveConversation | null {
    return this.#open.get(sessionId) ?? null;
  }

  get all(): LiveConversation[] {
    return [...this.#open.values()];
  }

  enter(conversation: LiveConversation): void {
    this.#open.set(conversation.sessionId, conversation);
    this.#shown.add(conversation);
    conversation.save();
  }

  leave(conversation: LiveConversation): void {
    conversation.leave();
    this.#shown.delete(conversation);
    this.#forget(conversation);
  }

  listen(listener: ((conversation: LiveConversation) => void) | null): void {
    this.#listener = listener;
  }

  onSaved(conversation: LiveConversation): void {
    this.#listener?.(conversation);
    this.#forget(conversation);
  }

  #forget(conversation: LiveConversation): void {
    const { saving } = conversation.getState();
    const isOver = !conversation.hasUnsaved || saving.kind === "deleted";
    if (isOver && !this.#shown.has(conversation)) this.#open.delete(conversation.sessionId);
  }
}

/**
 * The page's conversations, saved when the page goes away, brought up to date when it comes back, and told of by the
 * other tabs. Nothing depends on what tabs tell each other: versions decide.
 */
export function useOpenConversations(): OpenConversations {
  const [conversations] = useState(() => new OpenConversations());
  const api = useApi();
  const { id: callerId } = useCaller();
  const queries = useQueryClient();

  useEffect(() => conversations.all.forEach((conversation) => conversation.connect(api)), [api, conversations]);

  const keepAll = useEffectEvent(() => {
    for (const conversation of conversations.all) {
      const { unsaved } = conversation;
      if (unsaved !== null) keepUnsaved(callerId, conversation.sessionId, unsaved);
      conversation.flush();
    }
  });
  const whenSaved = useEffectEvent((conversation: LiveConversation, channel: BroadcastChannel) => {
    dropUnsaved(callerId, conversation.sessionId);
    channel.postMessage({ callerId, sessionId: conversation.sessionId });
    // While an answer grows, only its time in the list would change.
    if (conversation.version === 1 || conversation.getState().stage === null) {
      void queries.invalidateQueries({ queryKey: queryKeys.sessions });
    }
  });
  const whenTold = useEffectEvent((message: unknown) => {
    const { callerId: teller, sessionId } = (message ?? {}) as { callerId?: unknown; sessionId?: unknown };
    if (teller !== callerId || typeof sessionId !== "string") return;
    void conversations.find(sessionId)?.refresh();
    void queries.invalidateQueries({ queryKey: queryKeys.sessions });
  });

  useEffect(() => {
    const listening = new AbortController();
    const { signal } = listening;
    const channel = new BroadcastChannel(CHANNEL);
    channel.addEventListener("message", ({ data }) => whenTold(data), { signal });
    conversations.listen((conversation) => whenSaved(conversation, channel));
    window.addEventListener("pagehide", () => keepAll(), { signal });
    window.addEventListener("online", () => conversations.all.forEach((each) => each.save()), { signal });
    window.addEventListener("beforeunload", (event) => warnOfUnsaved(event, conversations), { signal });
    document.addEventListener(
      "visibilitychange",
      () => {
        if (document.visibilityState === "hidden") keepAll();
        else conversations.all.forEach((conversation) => void conversation.refresh());
      },
      { signal },
    );
    return () => {
      listening.abort();
      keepAll();
      conversations.listen(null);
      channel.close();
    };
  }, [conversations]);
  return conversations;
}

/** Only what could not be saved is worth a question: everything else is saved as the page goes away. */
function warnOfUnsaved(event: BeforeUnloadEvent, conversations: OpenConversations): void {
  const isUnsaved = ({ hasUnsaved, getState }: LiveConversation) => {
    const { kind } = getState().saving;
    return hasUnsaved && (kind === "waiting" || kind === "refused");
  };
  if (conversations.all.some(isUnsaved)) event.preventDefault();
  conversations.all.forEach((conversation) => conversation.prepareToLeave());
}
