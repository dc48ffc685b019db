/** Messages of a conversation, and the form in which a session keeps them. */

import type { CompletionArguments, PromptMessage, Usage } from "@/shared/api/gateway";
import type { Chunk } from "@/shared/api/repositories";
import { type IdentifiedMessage, PARTIAL } from "@/features/chat/merging";

export interface Question {
  role: "human";
  id: string;
  content: string;
  /** As it is stored; null for one of this page. */
  stored: IdentifiedMessage | null;
}

/** How an answer came about. */
export interface AnswerMetadata {
  model: string;
  arguments: CompletionArguments;
  /** What the model was sent. */
  prompt: PromptMessage[];
  /** The follow-up question in words that stand alone, when documents were searched with it. */
  standaloneQuestion?: string;
  sources?: Chunk[];
  finishReason?: string;
  usage?: Usage;
  /** From the request to the end of the answer. */
  milliseconds?: number;
}

/**
 * `pending` is being received here; `partial` was, when its page was last heard of: the page was closed, or is another
 * one that still receives it.
 */
export type AnswerStatus = "pending" | "partial" | "complete" | "stopped" | "failed";

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
  /** As it is stored; null for one of this page. */
  stored: IdentifiedMessage | null;
}

/** A message of another client that is neither: it is not shown, and stays in the session as it is. */
export interface OtherMessage {
  role: "other";
  id: string;
  stored: IdentifiedMessage;
}

/** What is shown. */
export type Message = Question | Answer;

/** What a session has. */
export type SessionMessage = Message | OtherMessage;

export function isShown(message: SessionMessage): message is Message {
  return message.role !== "other";
}

export function textOf(message: Message): string {
  return message.role === "human" ? message.content : (message.alternatives[message.chosen] ?? "");
}

/** Messages as the API keeps them: LISA 2.x's human and ai messages, with what else there is in their metadata. */
export function storedMessages(messages: SessionMessage[]): IdentifiedMessage[] {
  return messages.map((message) => {
    if (message.role === "other") return message.stored;
    if (message.role === "human") return message.stored ?? { type: "human", id: message.id, content: message.content };
    return message.stored ? withChoice(message, message.stored) : storedAnswer(message);
  });
}

function storedAnswer(answer: Answer): IdentifiedMessage {
  const { id, metadata, status, alternatives, chosen, error } = answer;
  return {
    type: "ai",
    id,
    content: textOf(answer),
    metadata: {
      ...metadata,
      // Each prompt repeats the conversation before it; a session that kept them all would soon be too large.
      prompt: undefined,
      status: status === "pending" ? PARTIAL : status,
      ...(alternatives.length > 1 ? { alternatives, chosen } : {}),
      ...(error === null ? {} : { error }),
    },
  };
}

/** A stored answer changes by the choice among its alternatives alone. */
function withChoice(answer: Answer, stored: IdentifiedMessage): IdentifiedMessage {
  if (answer.alternatives.length === 1 || stored.metadata?.["chosen"] === answer.chosen) return stored;
  return { ...stored, content: textOf(answer), metadata: { ...stored.metadata, chosen: answer.chosen } };
}

/** Messages of a session, also of one that another version or LISA 2.x wrote. */
export function readMessages(stored: IdentifiedMessage[]): SessionMessage[] {
  return stored.map((message) => {
    const { type, id, content } = message;
    if (type === "human") return { role: "human", id, content: plainText(content), stored: message };
    return type === "ai" ? readAnswer(message) : { role: "other", id, stored: message };
  });
}

function readAnswer(message: IdentifiedMessage): Answer {
  const { status, alternatives, chosen, error, ...metadata } = message.metadata ?? {};
  const texts =
    Array.isArray(alternatives) && alternatives.length > 0 && alternatives.every((text) => typeof text === "string")
      ? alternatives
      : [plainText(message.content)];
  return {
    role: "ai",
    id: message.id,
    alternatives: texts,
    chosen: typeof chosen === "number" && chosen in texts ? chosen : 0,
    status: status === "stopped" || status === "failed" || status === PARTIAL ? status : "complete",
    error: typeof error === "string" ? error : null,
    metadata: typeof metadata["model"] === "string" ? readMetadata(metadata, metadata["model"]) : null,
    stored: message,
  };
}

/** A content as text: LangChain's clients may keep a list of parts. */
function plainText(content: unknown): string {
  if (typeof content === "string") return content;
  const parts: unknown[] = Array.isArray(content) ? content : [];
  const texts = parts.map((part) => (part as { text?: unknown } | null)?.text);
  return texts.filter((text) => typeof text === "string").join("\n");
}

function readMetadata(stored: Record<string, unknown>, model: string): AnswerMetadata {
  const { arguments: sent, prompt, sources } = stored;
  return {
    ...(stored as Partial<AnswerMetadata>),
    model,
    arguments: typeof sent === "object" && sent !== null ? sent : {},
    prompt: Array.isArray(prompt) ? (prompt as PromptMessage[]) : [],
    sources: Array.isArray(sources) ? (sources as Chunk[]) : [],
  };
}
