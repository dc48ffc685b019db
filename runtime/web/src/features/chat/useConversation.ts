import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useCallback, useEffect, useEffectEvent, useReducer, useRef } from "react";

import { answer, type Ask } from "@/features/chat/answering";
import { conversationReducer, type Conversation } from "@/features/chat/conversation";
import { type Message, storedMessages } from "@/features/chat/message";
import { queryKeys, useApi } from "@/shared/api";
import { isAbort, messageOf } from "@/shared/api/request";

/** What a question is asked with, besides the conversation itself. */
export type AskSettings = Omit<Ask, "question" | "history">;

export interface ConversationControls extends Conversation {
  ask: (question: string, ask: Omit<Ask, "question">) => void;
  retry: (question: string, ask: Omit<Ask, "question">) => void;
  stop: () => void;
  choose: (answerId: string, alternative: number) => void;
  /** Why the conversation could not be saved; null when it was. */
  saveProblem: string | null;
  save: () => void;
}

/** A conversation that answers questions, one at a time, and is saved when an answer has ended. */
export function useConversation(
  sessionId: string,
  initial: Message[],
  onSaved: (sessionId: string) => void,
): ConversationControls {
  const api = useApi();
  const [conversation, dispatch] = useReducer(conversationReducer, { messages: initial, stage: null });
  const running = useRef<AbortController | null>(null);
  const saving = useSave(sessionId, onSaved);
  const { mutate: save } = saving;

  const run = useCallback(
    (request: Ask) => {
      const controller = new AbortController();
      running.current = controller;
      answer(api, request, dispatch, controller.signal).catch((error: unknown) =>
        dispatch(
          isAbort(error) || controller.signal.aborted ? { type: "stop" } : { type: "fail", message: messageOf(error) },
        ),
      );
    },
    [api],
  );

  const { messages, stage } = conversation;
  const kept = useRef(initial);
  useEffect(() => {
    if (stage !== null || messages === kept.current) return;
    kept.current = messages;
    save(messages);
  }, [stage, messages, save]);
  useSaveOnLeaving(sessionId, conversation, running);

  return {
    ...conversation,
    ask: (question, request) => {
      dispatch({ type: "ask", questionId: crypto.randomUUID(), answerId: crypto.randomUUID(), question });
      run({ ...request, question });
    },
    retry: (question, request) => {
      dispatch({ type: "retry", answerId: crypto.randomUUID() });
      run({ ...request, question });
    },
    stop: () => running.current?.abort(),
    choose: (answerId, alternative) => dispatch({ type: "choose", answerId, alternative }),
    saveProblem: saving.isError ? messageOf(saving.error) : null,
    save: () => save(messages),
  };
}

function useSave(sessionId: string, onSaved: (sessionId: string) => void) {
  const { sessions } = useApi();
  const queries = useQueryClient();
  const open = useRef(true);
  useEffect(() => {
    open.current = true;
    return () => void (open.current = false);
  }, []);
  return useMutation({
    mutationFn: (messages: Message[]) => sessions.put(sessionId, storedMessages(messages)),
    // One after another, so that an older state never overwrites a newer one.
    scope: { id: `session-${sessionId}` },
    retry: 1,
    onSuccess: async () => {
      if (open.current) onSaved(sessionId);
      await queries.invalidateQueries({ queryKey: queryKeys.sessions });
    },
  });
}

/** Somebody who goes to another session in the middle of an answer finds what there was of it when they come back. */
function useSaveOnLeaving(sessionId: string, conversation: Conversation, running: RefObject<AbortController | null>) {
  const { sessions } = useApi();
  const queries = useQueryClient();
  const leave = useEffectEvent(() => {
    running.current?.abort();
    if (conversation.stage === null) return;
    sessions
      .put(sessionId, storedMessages(conversation.messages))
      .then(() => queries.invalidateQueries({ queryKey: queryKeys.sessions }))
      .catch(() => undefined);
  });
  useEffect(() => () => leave(), []);
}
