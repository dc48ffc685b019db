/** From a conversation to what the model is sent. */

import type { PromptMessage } from "@/shared/api/gateway";
import type { Chunk } from "@/shared/api/repositories";
import { type Message, textOf } from "@/features/chat/message";

/**
 * `messages`: instructions as the system message, then the conversation with its roles, as chat models are trained.
 * `text`: everything in one text, made from a template, with a prefix before each speaker, as LISA 2.x did.
 */
export type PromptFormat = "messages" | "text";

export interface PromptSettings {
  format: PromptFormat;
  /** The system message; may be empty. */
  instructions: string;
  /** Has {input}, and may have {history}, {context}, {human} and {ai}. */
  template: string;
  humanPrefix: string;
  aiPrefix: string;
}

export const DEFAULT_PROMPT: PromptSettings = {
  format: "messages",
  instructions: "You are a helpful assistant. When you do not know the answer, say so.",
  template: `The following is a friendly conversation between a human and an AI. If the AI does not know the answer to a question, it truthfully says that it does not know.

{context}

Current conversation:
{history}
{human}: {input}
{ai}:`,
  humanPrefix: "Human",
  aiPrefix: "AI",
};

/** A question and the answer that it got. */
export interface Exchange {
  question: string;
  answer: string;
}

/** The last exchanges, oldest first. One that failed, or was stopped before its first word, is not worth telling. */
export function recentExchanges(messages: Message[], count: number): Exchange[] {
  const exchanges: Exchange[] = [];
  messages.forEach((message, index) => {
    const asked = messages[index - 1];
    if (message.role !== "ai" || asked?.role !== "human" || message.status === "failed") return;
    const answer = textOf(message);
    if (message.status !== "pending" && answer.trim() !== "") exchanges.push({ question: asked.content, answer });
  });
  return count > 0 ? exchanges.slice(-count) : [];
}

/** What a person added for the model to know: a file, and chunks of documents. */
export function contextOf(file: { name: string; text: string } | null, chunks: Chunk[]): string {
  const parts = chunks.map(({ source, content }) => `[${source}]\n${content}`);
  return [...(file ? [`[${file.name}]\n${file.text}`] : []), ...parts].join("\n\n");
}

export function buildPrompt(
  settings: PromptSettings,
  history: Exchange[],
  question: string,
  context: string,
): PromptMessage[] {
  return settings.format === "text"
    ? [{ role: "user", content: fillTemplate(settings, history, question, context) }]
    : buildMessages(settings, history, question, context);
}

function buildMessages(
  settings: PromptSettings,
  history: Exchange[],
  question: string,
  context: string,
): PromptMessage[] {
  const told = context === "" ? "" : `Use the following context to answer, where it helps.\n\n${context}`;
  const system = [settings.instructions.trim(), told].filter((part) => part !== "").join("\n\n");
  const before = history.flatMap<PromptMessage>((exchange) => [
    { role: "user", content: exchange.question },
    { role: "assistant", content: exchange.answer },
  ]);
  return [
    ...(system === "" ? [] : [{ role: "system" as const, content: system }]),
    ...before,
    { role: "user", content: question },
  ];
}

function fillTemplate(settings: PromptSettings, history: Exchange[], question: string, context: string): string {
  const values: Record<string, string> = {
    history: transcript(settings, history),
    input: question,
    context,
    human: settings.humanPrefix,
    ai: settings.aiPrefix,
  };
  // In one pass, so that a question may speak of {history} without being filled in itself.
  const filled = settings.template.replace(
    /\{(history|input|context|human|ai)\}/g,
    (_, name: string) => values[name] ?? "",
  );
  return filled.replace(/\n{3,}/g, "\n\n");
}

function transcript({ humanPrefix, aiPrefix }: PromptSettings, history: Exchange[]): string {
  return history.map(({ question, answer }) => `${humanPrefix}: ${question}\n${aiPrefix}: ${answer}`).join("\n");
}

/** What is wrong with a template; null when nothing is. */
export function templateProblem(template: string): string | null {
  return template.includes("{input}") ? null : "The template must contain {input} for the question.";
}

/** Asks the model to put a follow-up question into words that stand alone, which documents can be searched with. */
export function rephrasingPrompt(settings: PromptSettings, history: Exchange[], question: string): PromptMessage[] {
  const content = [
    "Rewrite the last question so that it can be understood without the conversation before it.",
    "Keep its language. Answer with the rewritten question alone.",
    "",
    "Conversation:",
    transcript(settings, history),
    "",
    `Last question: ${question}`,
    "Rewritten question:",
  ].join("\n");
  return [{ role: "user", content }];
}

export function readPromptSettings(stored: unknown): PromptSettings {
  if (typeof stored !== "object" || stored === null) return DEFAULT_PROMPT;
  const values = stored as Record<string, unknown>;
  const text = (name: keyof PromptSettings) => (typeof values[name] === "string" ? values[name] : DEFAULT_PROMPT[name]);
  return {
    format: values["format"] === "text" ? "text" : "messages",
    instructions: text("instructions"),
    template: text("template"),
    humanPrefix: text("humanPrefix"),
    aiPrefix: text("aiPrefix"),
  };
}
