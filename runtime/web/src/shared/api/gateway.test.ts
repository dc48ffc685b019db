import { describe, expect, it } from "vitest";

import { type CompletionPiece, createGateway, readCompletion } from "@/shared/api/gateway";
import { ApiError, interruption, isConnectionError } from "@/shared/api/request";

const REQUEST = { model: "m", messages: [] };

async function complete(answer: string, streaming: boolean): Promise<CompletionPiece[]> {
  const gateway = createGateway(() => Promise.resolve(new Response(answer)), "http://gateway/v2/serve");
  const pieces: CompletionPiece[] = [];
  for await (const piece of gateway.complete(REQUEST, streaming, new AbortController().signal)) pieces.push(piece);
  return pieces;
}

function chunk(text: string, finishReason: string | null = null): string {
  const choices = [{ index: 0, delta: { content: text }, finish_reason: finishReason }];
  return `data: ${JSON.stringify({ choices })}\n\n`;
}

describe("complete", () => {
  it("gives the pieces of a stream until [DONE]", async () => {
    const pieces = await complete(`${chunk("a")}${chunk("b", "stop")}data: [DONE]\n\n${chunk("late")}`, true);
    expect(pieces.map(({ text }) => text)).toEqual(["a", "b"]);
  });

  it("takes a stream that gave its reason to end as whole without [DONE]", async () => {
    expect(await complete(chunk("a", "length"), true)).toHaveLength(1);
  });

  it("fails when a stream breaks off", async () => {
    await expect(complete(chunk("a"), true)).rejects.toThrow(interruption());
  });

  it("fails in its own words when the connection breaks", async () => {
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encoder.encode(chunk("a"))),
      pull: (controller) => controller.error(new TypeError("network error")),
    });
    const gateway = createGateway(() => Promise.resolve(new Response(body)), "http://gateway/v2/serve");
    const receive = async () => {
      const answer = gateway.complete(REQUEST, true, new AbortController().signal);
      for await (const piece of answer) expect(piece.text).toBe("a");
    };
    await expect(receive()).rejects.toSatisfy(isConnectionError);
  });

  it("fails with the words of an error in the middle of a stream", async () => {
    const error = `data: ${JSON.stringify({ error: { message: "Out of memory", code: "500" } })}\n\n`;
    await expect(complete(chunk("a") + error, true)).rejects.toThrow(new ApiError("Out of memory", 0, "500"));
  });

  it("gives an answer that does not stream in one piece a choice", async () => {
    const choices = [0, 1].map((index) => ({ index, message: { content: `${index}` }, finish_reason: "stop" }));
    const pieces = await complete(JSON.stringify({ choices, usage: { total_tokens: 3 } }), false);
    expect(pieces).toEqual([
      { choice: 0, text: "0", finishReason: "stop", usage: { total_tokens: 3 } },
      { choice: 1, text: "1", finishReason: "stop", usage: { total_tokens: 3 } },
    ]);
  });
});

describe("readCompletion", () => {
  it("takes a piece without text as empty", () => {
    expect(readCompletion('{"choices":[{"delta":{"role":"assistant","content":null}}]}')[0]?.text).toBe("");
  });

  it("says that what is no JSON cannot be read", () => {
    expect(() => readCompletion("<html>")).toThrow("The response of the model is invalid. Try again.");
  });
});
