/** The OpenAI-compatible routes of the gateway that the application uses. */

import { readEvents } from "@/shared/api/eventStream";
import { ApiError, interruption, readError, type Send } from "@/shared/api/request";

export interface PromptMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** Arguments of a completion, named as the API names them; what is left out is the model's own default. */
export interface CompletionArguments {
  max_tokens?: number;
  n?: number;
  top_p?: number;
  frequency_penalty?: number;
  presence_penalty?: number;
  temperature?: number;
  stop?: string[];
  seed?: number;
}

export interface CompletionRequest extends CompletionArguments {
  model: string;
  messages: PromptMessage[];
}

export interface Usage {
  prompt_tokens?: number;
  completion_tokens?: number;
  total_tokens?: number;
}

/** A piece of an answer: text that one of the choices goes on with, or why it ended. */
export interface CompletionPiece {
  choice: number;
  text: string;
  finishReason: string | null;
  usage: Usage | null;
}

export interface Gateway {
  /** Ids of the models that the gateway serves. */
  listModels: (signal?: AbortSignal) => Promise<string[]>;
  /** The answer in pieces; when it does not stream, in one piece a choice. */
  complete: (request: CompletionRequest, streaming: boolean, signal: AbortSignal) => AsyncGenerator<CompletionPiece>;
}

export function createGateway(send: Send, url: string): Gateway {
  return {
    listModels: async (signal) => {
      const response = await send(`${url}/models`, { signal });
      const { data } = (await response.json()) as { data?: { id: string }[] };
      return (data ?? []).map(({ id }) => id);
    },
    complete: (request, streaming, signal) => completion(send, url, request, streaming, signal),
  };
}

async function* completion(
  send: Send,
  url: string,
  request: CompletionRequest,
  streaming: boolean,
  signal: AbortSignal,
): AsyncGenerator<CompletionPiece> {
  const body = streaming ? { ...request, stream: true } : request;
  const response = await send(`${url}/chat/completions`, { method: "POST", body, signal });
  if (!streaming || response.body === null) {
    yield* readCompletion(await response.text());
    return;
  }
  let finished = false;
  for await (const event of received(response.body)) {
    if (event === "[DONE]") return;
    for (const piece of readCompletion(event)) {
      finished ||= piece.finishReason !== null;
      yield piece;
    }
  }
  if (!finished) throw interruption();
}

/** Events of a stream, whose connection may break: browsers say so in words of their own. */
async function* received(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  try {
    yield* readEvents(body);
  } catch (error) {
    throw error instanceof TypeError ? interruption() : error;
  }
}

/**
 * The pieces of a chunk of a stream, or of a whole answer.
 *
 * @throws ApiError when it is an error, which a model may also send in the middle of a stream.
 */
export function readCompletion(json: string): CompletionPiece[] {
  let answer: CompletionAnswer;
  try {
    answer = JSON.parse(json) as CompletionAnswer;
  } catch {
    throw new ApiError("The response of the model is invalid. Try again.", 0);
  }
  if (answer.error) {
    const { message, code } = readError(json);
    throw new ApiError(message ?? "The model failed. Try again.", 0, code);
  }
  const usage = answer.usage ?? null;
  return (answer.choices ?? []).map((choice) => ({
    choice: choice.index ?? 0,
    text: choice.delta?.content ?? choice.message?.content ?? "",
    finishReason: choice.finish_reason ?? null,
    usage,
  }));
}

interface CompletionAnswer {
  choices?: {
    index?: number;
    delta?: { content?: string | null };
    message?: { content?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: Usage | null;
  error?: unknown;
}
