/** Messages of a conversation, and the form in which a session keeps them. */

import type { CompletionArguments, PromptMessage, Usage } from "@/shared/api/gateway";
import type { Passage } from "@/shared/api/repositories";
import type { StoredMessage } from "@/shared/api/sessions";

export interface Question {
  role: "human";
  id: string;
  content: string;
}

/** How an answer came about. */
export interface AnswerMetadata {
  model: string;
  arguments: CompletionArguments;
  /** What the model was sent. */
  prompt: PromptMessage[];
  /** The follow-up question in words that stand alone, when documents were searched with it. */
  standaloneQuestion?: string;
  sources?: Passage[];
  finishReason?: string;
  usage?: Usage;
  /** From the request to the end of the answer. */
  milliseconds?: number;
}

export type AnswerStatus = "pending" | "complete" | "stopped" | "failed";

export interface Answer {
  role: "ai";
  id: string;
  /** One text for each alternative that was asked for; at least one. */
  alternatives: string[];
  /** Index of the alternative that the conversation goes on with. */
  chosen: number;
  status: AnswerStatus;
  error: string | null;
  metadata: AnswerMetadata | null;
}

export type Message = Question | Answer;

export function textOf(message: Message): string {
  return message.role === "human" ? message.content : (message.alternatives[message.chosen] ?? "");
}

/** Messages as the API keeps them: LISA 2.x's human and ai messages, with what else there is in their metadata. */
export function storedMessages(messages: Message[]): StoredMessage[] {
  return messages.map((message) =>
    message.role === "human"
      ? { type: "human", content: message.content }
      : { type: "ai", content: textOf(message), metadata: storedMetadata(message) },
  );
}

function storedMetadata({ metadata, status, alternatives, chosen, error }: Answer): Record<string, unknown> {
  return {
    ...metadata,
    // Each prompt repeats the conversation before it; a session that kept them all would soon be too large.
    prompt: undefined,
    status: status === "pending" ? "stopped" : status,
    ...(alternatives.length > 1 ? { alternatives, chosen } : {}),
    ...(error === null ? {} : { error }),
  };
}

/** Messages of a session, also of one that another version or LISA 2.x wrote. */
export function readMessages(stored: StoredMessage[], newId: () => string): Message[] {
  return stored.map(({ type, content, metadata }) =>
    type === "human" ? { role: "human", id: newId(), content } : readAnswer(newId(), content, metadata ?? {}),
  );
}

function readAnswer(id: string, content: string, stored: Record<string, unknown>): Answer {
  const { status, alternatives, chosen, error, ...metadata } = stored;
  const texts =
    Array.isArray(alternatives) && alternatives.length > 0 && alternatives.every((text) => typeof text === "string")
      ? alternatives
      : [content];
  return {
    role: "ai",
    id,
    alternatives: texts,
    chosen: typeof chosen === "number" && chosen in texts ? chosen : 0,
    status: status === "stopped" || status === "failed" ? status : "complete",
    error: typeof error === "string" ? error : null,
    metadata: typeof metadata["model"] === "string" ? readMetadata(metadata, metadata["model"]) : null,
  };
}

function readMetadata(stored: Record<string, unknown>, model: string): AnswerMetadata {
  const { arguments: sent, prompt, sources } = stored;
  return {
    ...(stored as Partial<AnswerMetadata>),
    model,
    arguments: typeof sent === "object" && sent !== null ? sent : {},
    prompt: Array.isArray(prompt) ? (prompt as PromptMessage[]) : [],
    sources: Array.isArray(sources) ? (sources as Passage[]) : [],
  };
}
