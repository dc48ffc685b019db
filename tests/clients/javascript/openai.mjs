/** OpenAI's JavaScript library; prints cells as tests/clients/cells.py does. */

import assert from "node:assert/strict";

import OpenAI, { APIError, AuthenticationError } from "openai";

const { targets, messages, pictureMessages, schema, tool } = JSON.parse(process.env.LISA_TARGETS_AND_BODIES);
const PARIS = { city: "Paris" };
const VECTOR = [0.25, 0.5, -1];

const client = ({ url, token }) => new OpenAI({ baseURL: `${url}/v2/serve`, apiKey: token, maxRetries: 0 });
const isText = (target, text, expected = "Hello there") =>
  target.is_real ? assert.ok(text) : assert.equal(text, expected);

async function listModels(target) {
  const ids = [];
  for await (const model of client(target).models.list()) ids.push(model.id);
  assert.ok(ids.includes(target.model), ids.join());
}

async function chat(target) {
  const answer = await client(target).chat.completions.create({ model: target.model, messages, max_tokens: 8 });
  isText(target, answer.choices[0].message.content);
  assert.ok(answer.usage.total_tokens > 0);
}

async function stream(target) {
  const body = { model: target.model, messages, max_tokens: 8, stream: true, stream_options: { include_usage: true } };
  let text = "";
  const usages = [];
  for await (const event of await client(target).chat.completions.create(body)) {
    text += event.choices[0]?.delta.content ?? "";
    if (event.usage) usages.push(event.usage);
  }
  isText(target, text);
  assert.equal(usages.length, 1);
}

async function tools(target) {
  const answer = await client(target).chat.completions.create({ model: target.model, messages, tools: [tool] });
  const [call] = answer.choices[0].message.tool_calls;
  assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ["get_weather", PARIS]);
}

async function toolsStreamed(target) {
  const runner = client(target).chat.completions.stream({ model: target.model, messages, tools: [tool] });
  const answer = await runner.finalChatCompletion();
  const [call] = answer.choices[0].message.tool_calls;
  assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ["get_weather", PARIS]);
}

async function structured(target) {
  const response_format = { type: "json_schema", json_schema: { name: "place", schema, strict: true } };
  const answer = await client(target).chat.completions.create({ model: target.model, messages, response_format });
  assert.deepEqual(JSON.parse(answer.choices[0].message.content), PARIS);
}

async function images(target) {
  const answer = await client(target).chat.completions.create({ model: target.model, messages: pictureMessages });
  isText(target, answer.choices[0].message.content, "A red square.");
}

async function complete(target) {
  const answer = await client(target).completions.create({ model: target.model, prompt: "Say", max_tokens: 8 });
  isText(target, answer.choices[0].text);
}

async function responses(target) {
  const body = { model: target.model, input: "hi", max_output_tokens: 16 };
  isText(target, (await client(target).responses.create(body)).output_text);
}

async function interruptedStream(target) {
  for (const content of ["break the stream", "cut the stream"]) {
    const body = { model: target.model, messages: [{ role: "user", content }], stream: true };
    await assert.rejects(async () => {
      for await (const event of await client(target).chat.completions.create(body)) assert.ok(event);
    });
  }
}

async function wrongTokenOrModel(target) {
  const wrong = client({ ...target, token: "wrong" });
  await assert.rejects(() => wrong.chat.completions.create({ model: target.model, messages }), AuthenticationError);
  const unknown = client(target).chat.completions.create({ model: "no-such-model", messages });
  await assert.rejects(() => unknown, (error) => error instanceof APIError && [400, 404].includes(error.status));
}

async function embed(target) {
  const found = await client(target).embeddings.create({ model: target.model, input: ["a", "b"] });
  assert.deepEqual(found.data.map(({ embedding }) => embedding), [VECTOR, VECTOR]);
}

const MAIN_PATH = new Set(["List models", "Chat", "Stream", "Complete", "Responses API"]);
const TEXTGEN = {
  "List models": listModels,
  Chat: chat,
  Stream: stream,
  Tools: tools,
  "Tools, streamed": toolsStreamed,
  "Structured output": structured,
  Images: images,
  Complete: complete,
  "Responses API": responses,
  "Interrupted stream": interruptedStream,
  "Wrong token or model": wrongTokenOrModel,
};

async function outcomeOf(feature, target) {
  try {
    await feature(target);
    return { outcome: "works", detail: "" };
  } catch (error) {
    if (error instanceof APIError && error.status >= 400) {
      const outcome = error.status < 500 ? "rejected" : "error";
      return { outcome, detail: `${error.status} ${error.error?.message ?? error.message}` };
    }
    return { outcome: "fault", detail: String(error.stack) };
  }
}

for (const target of targets) {
  for (const [feature, use] of Object.entries(target.kind === "embedding" ? { Embed: embed } : TEXTGEN)) {
    if (target.is_real && !MAIN_PATH.has(feature)) continue;
    const { engine, route } = target;
    const cell = { client: "OpenAI (JavaScript)", feature, engine, route, ...(await outcomeOf(use, target)) };
    process.stdout.write(`${JSON.stringify(cell)}\n`);
  }
}
