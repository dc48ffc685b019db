import { afterEach, describe, expect, it, vi } from "vitest";

import { ApiError, createSend, readError } from "@/shared/api/request";

afterEach(() => vi.unstubAllGlobals());

describe("createSend", () => {
  it("sends the caller's token, and the body as JSON", async () => {
    const fetched = vi.fn(() => Promise.resolve(new Response("{}")));
    vi.stubGlobal("fetch", fetched);
    await createSend("token")("http://api/session", { method: "PUT", body: { messages: [] } });
    const [, { headers, body }] = fetched.mock.calls[0] as unknown as [string, { headers: Headers; body: string }];
    expect(headers.get("Authorization")).toBe("Bearer token");
    expect(headers.get("Content-Type")).toBe("application/json");
    expect(body).toBe('{"messages":[]}');
  });

  it("fails with the message, code and request id of an answer that is an error", async () => {
    const body = '{"message":"The session does not exist.","code":"NotFound"}';
    const answer = new Response(body, {
      status: 404,
      headers: { "X-Request-ID": "r-1" },
    });
    vi.stubGlobal("fetch", () => Promise.resolve(answer));
    await expect(createSend(undefined)("http://api/x")).rejects.toEqual(
      new ApiError("The session does not exist.", 404, "NotFound", "r-1", body),
    );
  });

  it.each([
    [401, '{"message":"Unauthorized","code":"UNAUTHORIZED"}', "Your session has ended. Sign in again."],
    [403, '{"message":"explicit deny","code":"ACCESS_DENIED"}', "You do not have permission to do this."],
    [403, '{"message":"You are not a member.","code":"Forbidden"}', "You are not a member."],
  ])("puts sentences in place of API Gateway's own words (%s %s)", async (status, body, message) => {
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(body, { status })));
    await expect(createSend(undefined)("http://api/x")).rejects.toThrow(message);
  });

  it("says which host cannot be reached", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(createSend(undefined)("http://api.example/x")).rejects.toThrow("api.example is unreachable");
  });
});

describe("readError", () => {
  it.each([
    ['{"message":"m","code":"C"}', { message: "m", code: "C" }],
    ['{"error":{"message":"m","code":"C"}}', { message: "m", code: "C" }],
    ["<html>", { message: null, code: null }],
    ["null", { message: null, code: null }],
  ])("reads %s", (body, error) => {
    expect(readError(body)).toEqual(error);
  });
});
