/** One question from the prompt to the end of the answer, told in actions. */

import type { Api } from "@/shared/api";
import type { CompletionArguments, CompletionPiece } from "@/shared/api/gateway";
import type { Chunk, Repository } from "@/shared/api/repositories";
import type { ContextFile } from "@/features/chat/contextFile";
import type { ConversationAction } from "@/features/chat/conversation";
import { buildPrompt, contextOf, type Exchange, type PromptSettings, rephrasingPrompt } from "@/features/chat/prompt";

/** Where documents are searched for what a question is about. */
export interface Retrieval {
  repository: Repository;
  embeddingModel: string;
  /** How many chunks at most. */
  count: number;
}

export interface Ask {
  question: string;
  history: Exchange[];
  model: string;
  streaming: boolean;
  arguments: CompletionArguments;
  prompt: PromptSettings;
  file: ContextFile | null;
  retrieval: Retrieval | null;
}

const BATCH_MS = 40;

/** Answer a question; resolves when the answer is whole. What fails, or is aborted, is thrown. */
export async function answer(
  { gateway, repositories }: Pick<Api, "gateway" | "repositories">,
  ask: Ask,
  dispatch: (action: ConversationAction) => void,
  signal: AbortSignal,
): Promise<void> {
  const began = performance.now();
  let standaloneQuestion: string | undefined;
  let sources: Chunk[] | undefined;
  if (ask.retrieval) {
    if (ask.history.length > 0) {
      dispatch({ type: "stage", stage: "rephrasing" });
      standaloneQuestion = await rephrase(gateway, ask, signal);
    }
    dispatch({ type: "stage", stage: "searching" });
    sources = await repositories.search({ ...ask.retrieval, query: standaloneQuestion ?? ask.question }, signal);
    dispatch({ type: "stage", stage: "answering" });
  }
  const messages = buildPrompt(ask.prompt, ask.history, ask.question, contextOf(ask.file, sources ?? []));
  dispatch({
    type: "describe",
    metadata: {
      model: ask.model,
      arguments: ask.arguments,
      prompt: messages,
      ...(standaloneQuestion === undefined ? {} : { standaloneQuestion }),
      ...(sources === undefined ? {} : { sources }),
    },
  });
  const pieces = gateway.complete({ model: ask.model, messages, ...ask.arguments }, ask.streaming, signal);
  await inBatches(pieces, (batch) => dispatch({ type: "receive", pieces: batch }));
  dispatch({ type: "finish", milliseconds: Math.round(performance.now() - began) });
}

async function rephrase(gateway: Api["gateway"], ask: Ask, signal: AbortSignal): Promise<string> {
  const messages = rephrasingPrompt(ask.prompt, ask.history, ask.question);
  let text = "";
  for await (const piece of gateway.complete({ model: ask.model, messages, temperature: 0 }, false, signal)) {
    text += piece.text;
  }
  return text.trim() || ask.question;
}

/** A fast model sends more pieces than a page can be drawn for: those of some hundredths of a second go together. */
async function inBatches(pieces: AsyncIterable<CompletionPiece>, receive: (batch: CompletionPiece[]) => void) {
  let batch: CompletionPiece[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flush = () => {
    timer = null;
    if (batch.length > 0) receive(batch);
    batch = [];
  };
  try {
    for await (const piece of pieces) {
      batch.push(piece);
      timer ??= setTimeout(flush, BATCH_MS);
    }
  } finally {
    if (timer !== null) clearTimeout(timer);
    flush();
  }
}
