/** What happens to a conversation, as a reducer: questions are asked, answers grow, end, stop and fail. */

import type { CompletionPiece } from "@/shared/api/gateway";
import { type Answer, type AnswerMetadata, type Message } from "@/features/chat/message";

/** What an answer waits for. */
export type Stage = "rephrasing" | "searching" | "answering";

export interface Conversation {
  messages: Message[];
  /** Null while nothing is being answered. */
  stage: Stage | null;
}

export type ConversationAction =
  | { type: "ask"; questionId: string; answerId: string; question: string }
  | { type: "retry"; answerId: string }
  | { type: "stage"; stage: Stage }
  | { type: "describe"; metadata: AnswerMetadata }
  | { type: "receive"; pieces: CompletionPiece[] }
  | { type: "finish"; milliseconds: number }
  | { type: "stop" }
  | { type: "fail"; message: string }
  | { type: "choose"; answerId: string; alternative: number };

export const EMPTY_CONVERSATION: Conversation = { messages: [], stage: null };

export function conversationReducer(conversation: Conversation, action: ConversationAction): Conversation {
  switch (action.type) {
    case "ask": {
      const question: Message = { role: "human", id: action.questionId, content: action.question };
      return { messages: [...conversation.messages, question, pendingAnswer(action.answerId)], stage: "answering" };
    }
    case "retry":
      // The question of the answer that failed or was stopped is asked again, with what was changed since.
      return { messages: [...conversation.messages.slice(0, -1), pendingAnswer(action.answerId)], stage: "answering" };
    case "stage":
      return { ...conversation, stage: action.stage };
    case "describe":
      return changeLast(conversation, (answer) => ({ ...answer, metadata: action.metadata }));
    case "receive":
      return changeLast(conversation, (answer) => action.pieces.reduce(withPiece, answer));
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
    case "choose":
      return {
        ...conversation,
        messages: conversation.messages.map((message) =>
          message.role === "ai" && message.id === action.answerId
            ? { ...message, chosen: action.alternative }
            : message,
        ),
      };
  }
}

function pendingAnswer(id: string): Answer {
  return { role: "ai", id, alternatives: [""], chosen: 0, status: "pending", error: null, metadata: null };
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
  return { ...changeLast(conversation, change), stage: null };
}

/** Only an answer that is pending changes: a piece that comes after a stop is dropped. */
function changeLast(conversation: Conversation, change: (answer: Answer) => Answer): Conversation {
  const last = conversation.messages.at(-1);
  if (last?.role !== "ai" || last.status !== "pending") return conversation;
  return { ...conversation, messages: [...conversation.messages.slice(0, -1), change(last)] };
}
