/** The gateway's OpenAI routes, answered by scripted models. */

import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { answerTo } from "./answers.mjs";
import { CORS, listen, readJson, sendJson } from "./http.mjs";

export const MODELS = [
  { model: "mistral-7b", streaming: true, modelType: "textgen" },
  { model: "llama-3-8b", streaming: true, modelType: "textgen" },
  { model: "phi-whole", streaming: false, modelType: "textgen" },
  { model: "broken-model", streaming: true, modelType: "textgen" },
  { model: "e5-large", streaming: null, modelType: "embedding" },
];

const WORD_MS = 8;

/** @returns {Promise<{ url: string, close: () => void }>} */
export async function startGateway(verify) {
  const server = createServer((request, response) => {
    answer(verify, request, response).catch((error) => response.destroy(error));
  });
  return { url: await listen(server), close: () => server.close() };
}

async function answer(verify, request, response) {
  if (request.method === "OPTIONS") {
    response.writeHead(204, CORS).end();
    return;
  }
  if ((await verify(request)) === null) {
    fail(response, 401, "The token is not valid.");
  } else if (request.url === "/v2/serve/models") {
    sendJson(response, 200, { object: "list", data: MODELS.map(({ model }) => ({ id: model })) }, CORS);
  } else if (request.url === "/v2/serve/chat/completions") {
    await complete(await readJson(request), response);
  } else {
    fail(response, 404, "There is no such route.");
  }
}

async function complete({ model, messages, stream = false, n = 1, stop = [] }, response) {
  if (model === "broken-model") {
    fail(response, 500, "CUDA out of memory: the model cannot answer.");
    return;
  }
  const texts = Array.from({ length: n }, (_, index) => {
    const text = (index === 0 ? "" : `Alternative ${index + 1}. `) + answerTo(messages);
    return stop.reduce((shorter, sequence) => shorter.split(sequence)[0], text);
  });
  if (!stream) {
    await sleep(150);
    const choices = texts.map((content, index) => ({
      index,
      message: { role: "assistant", content },
      finish_reason: "stop",
    }));
    const usage = { prompt_tokens: 42, completion_tokens: texts[0].split(" ").length };
    sendJson(response, 200, { choices, usage }, CORS);
    return;
  }
  response.writeHead(200, { "Content-Type": "text/event-stream", ...CORS });
  for (const [index, text] of texts.entries()) {
    for (const word of text.match(/\s*\S+/g) ?? []) {
      if (response.destroyed) return;
      send(response, { choices: [{ index, delta: { content: word }, finish_reason: null }] });
      await sleep(WORD_MS);
    }
    send(response, { choices: [{ index, delta: {}, finish_reason: "stop" }] });
  }
  response.end("data: [DONE]\n\n");
}

function send(response, chunk) {
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}

function fail(response, status, message) {
  sendJson(response, status, { error: { message, type: "error", code: String(status) } }, CORS);
}
