/** What happens to a conversation, as a reducer: questions are asked, answers grow, end, stop and fail, states merge. */

import type { CompletionPiece } from "@/shared/api/gateway";
import { identified, mergeMessages } from "@/features/chat/merging";
import {
  type Answer,
  type AnswerMetadata,
  readMessages,
  type SessionMessage,
  storedMessages,
} from "@/features/chat/message";
import type { StoredMessage } from "@/shared/api/sessions";

/** What an answer waits for. */
export type Stage = "rephrasing" | "searching" | "answering";

export interface Conversation {
  messages: SessionMessage[];
  /** Null while nothing is being answered. */
  stage: Stage | null;
}

export type ConversationAction =
  | { type: "ask"; questionId: string; answerId: string; question: string }
  | { type: "retry"; answerId: string; replacedId: string }
  | { type: "stage"; stage: Stage }
  | { type: "describe"; metadata: AnswerMetadata }
  | { type: "receive"; pieces: CompletionPiece[] }
  | { type: "finish"; milliseconds: number }
  | { type: "stop" }
  | { type: "fail"; message: string }
  | { type: "interrupt"; message: string | null }
  | { type: "choose"; answerId: string; alternative: number }
  | { type: "merge"; base: StoredMessage[]; theirs: StoredMessage[] };

export function conversationReducer(conversation: Conversation, action: ConversationAction): Conversation {
  switch (action.type) {
    case "ask": {
      const question = { role: "human" as const, id: action.questionId, content: action.question, stored: null };
      return { messages: [...conversation.messages, question, pendingAnswer(action.answerId)], stage: "answering" };
    }
    case "retry":
      // The question of an answer is asked again, with what was changed since.
      return {
        messages: conversation.messages.map((message) =>
          message.id === action.replacedId ? pendingAnswer(action.answerId) : message,
        ),
        stage: "answering",
      };
    case "stage":
      return { ...conversation, stage: action.stage };
    case "describe":
      return changePending(conversation, (answer) => ({ ...answer, metadata: action.metadata }));
    case "receive":
      return changePending(conversation, (answer) => action.pieces.reduce(withPiece, answer));
    case "finish":
      return ended(conversation, (answer) => ({
        ...answer,
        status: "complete",
        metadata: answer.metadata && { ...answer.metadata, milliseconds: action.milliseconds },
      }));
    case "stop":
      return ended(conversation, (answer) => ({ ...answer, status: "stopped" }));
    case "fail":
      return ended(conversation, (answer) => ({ ...answer, status: "failed", error: action.message }));
    case "interrupt":
      return ended(conversation, (answer) => ({ ...answer, status: "partial", error: action.message }));
    case "choose":
      return {
        ...conversation,
        messages: conversation.messages.map((message) =>
          message.role === "ai" && message.id === action.answerId
            ? { ...message, chosen: action.alternative }
            : message,
        ),
      };
    case "merge":
      return { ...conversation, messages: merged(conversation.messages, action.base, action.theirs) };
  }
}

function merged(messages: SessionMessage[], base: StoredMessage[], theirs: StoredMessage[]): SessionMessage[] {
  const mine = storedMessages(messages);
  const own = new Map(mine.map((stored, index) => [stored, messages[index]]));
  return mergeMessages(identified(base), mine, identified(theirs)).flatMap(
    // What is as it was here stays the same object, so that an answer goes on to be received.
    (stored) => own.get(stored) ?? readMessages([stored]),
  );
}

function pendingAnswer(id: string): Answer {
  return {
    role: "ai",
    id,
    alternatives: [""],
    chosen: 0,
    status: "pending",
    error: null,
    metadata: null,
    stored: null,
  };
}

function withPiece(answer: Answer, { choice, text, finishReason, usage }: CompletionPiece): Answer {
  const alternatives = [...answer.alternatives];
  while (alternatives.length <= choice) alternatives.push("");
  alternatives[choice] = (alternatives[choice] ?? "") + text;
  const metadata = answer.metadata && {
    ...answer.metadata,
    ...(finishReason === null ? {} : { finishReason }),
    ...(usage === null ? {} : { usage }),
  };
  return { ...answer, alternatives, metadata };
}

function ended(conversation: Conversation, change: (answer: Answer) => Answer): Conversation {
  return { ...changePending(conversation, change), stage: null };
}

/** Only an answer that is pending changes: a piece that comes after a stop is dropped. */
function changePending(conversation: Conversation, change: (answer: Answer) => Answer): Conversation {
  const isPending = (message: SessionMessage) => message.role === "ai" && message.status === "pending";
  if (!conversation.messages.some(isPending)) return conversation;
  return {
    ...conversation,
    messages: conversation.messages.map((message) =>
      message.role === "ai" && message.status === "pending" ? change(message) : message,
    ),
  };
}
