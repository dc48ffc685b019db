import { describe, expect, it } from "vitest";

import type { RequestOptions } from "@/shared/api/request";
import { createApiTokens } from "@/shared/api/tokens";

const STORED = {
  tokenId: "0a1b2c3d4e5f",
  name: "laptop",
  owner: "s-1",
  ownerType: "user" as const,
  ownerName: "ann",
  groups: [],
  scopes: ["chat"],
  created: 1,
  expires: 2,
  lastUsed: null,
};

function api(answer: unknown) {
  const sent: [string, string, unknown][] = [];
  const tokens = createApiTokens((url, { method = "GET", body }: RequestOptions = {}) => {
    sent.push([method, url, body]);
    return Promise.resolve(new Response(JSON.stringify(answer)));
  }, "http://api/prod");
  return { sent, tokens };
}

describe("tokens", () => {
  it("lists the caller's, or all", async () => {
    const { sent, tokens } = api({ tokens: [STORED] });
    expect(await tokens.list(false)).toEqual([STORED]);
    await tokens.list(true);
    expect(sent.map(([, url]) => url)).toEqual(["http://api/prod/tokens", "http://api/prod/tokens?all=true"]);
  });

  it("keeps the secret apart from what is listed", async () => {
    const { sent, tokens } = api({ token: "lisa_x", ...STORED });
    const created = await tokens.create({ name: "laptop", days: 30, scopes: ["chat"], groups: [] });
    expect(created).toEqual({ secret: "lisa_x", token: STORED });
    const body = { name: "laptop", expires: "30d", scopes: ["chat"], groups: [] };
    expect(sent).toEqual([["POST", "http://api/prod/tokens", body]]);
    await tokens.create({ name: "laptop", days: 30, scopes: [], groups: null });
    expect(sent[1]?.[2]).toEqual({ name: "laptop", expires: "30d", scopes: [] });
  });

  it("revokes one, and all of an owner whose name needs encoding", async () => {
    const { sent, tokens } = api({ revoked: 3 });
    await tokens.revoke("0a1b2c3d4e5f");
    expect(await tokens.revokeAllOf("a&b|c d", "service")).toBe(3);
    expect(sent.map(([method, url]) => `${method} ${url}`)).toEqual([
      "DELETE http://api/prod/tokens/0a1b2c3d4e5f",
      "DELETE http://api/prod/tokens?owner=a%26b%7Cc+d&ownerType=service",
    ]);
  });
});
