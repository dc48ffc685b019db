/** API tokens, which programs call the gateway with: users manage their own, administrators see and revoke all. */

import type { Send } from "@/shared/api/request";

/** Families of operations that a token may be limited to (docs/gateway.md, "API tokens"). */
export const SCOPES = [
  "audio",
  "chat",
  "completions",
  "embeddings",
  "images",
  "messages",
  "models",
  "moderations",
  "rerank",
  "responses",
] as const;

export type Scope = (typeof SCOPES)[number];

export type OwnerType = "user" | "service";

/** A token without its secret; times are UNIX seconds. */
export interface ApiToken {
  tokenId: string;
  name: string;
  /** The provider's subject of a user, or the name of a service account. */
  owner: string;
  ownerType: OwnerType;
  ownerName: string;
  groups: string[];
  /** Empty for all operations. */
  scopes: string[];
  created: number;
  /** Null for a token of a service account that never ends. */
  expires: number | null;
  /** About to the hour; null for a token that was never used. */
  lastUsed: number | null;
}

export interface NewToken {
  name: string;
  days: number;
  /** Empty for all operations. */
  scopes: Scope[];
  /** Null for all of the caller's, of which the API knows more than a page can send. */
  groups: string[] | null;
}

/** A new token with its secret, which the API never shows again. */
export interface CreatedToken {
  secret: string;
  token: ApiToken;
}

export interface ApiTokens {
  /** The caller's tokens, or those of all owners, newest first. */
  list: (all: boolean, signal?: AbortSignal) => Promise<ApiToken[]>;
  create: (wanted: NewToken) => Promise<CreatedToken>;
  revoke: (tokenId: string) => Promise<void>;
  /** Revokes all tokens of an owner; returns how many there were. */
  revokeAllOf: (owner: string, ownerType: OwnerType) => Promise<number>;
}

export function createApiTokens(send: Send, apiUrl: string): ApiTokens {
  const url = `${apiUrl}/tokens`;
  return {
    list: async (all, signal) => {
      const { tokens } = (await (await send(all ? `${url}?all=true` : url, { signal })).json()) as {
        tokens: ApiToken[];
      };
      return tokens;
    },
    create: async ({ name, days, scopes, groups }) => {
      const body = { name, expires: `${days}d`, scopes, ...(groups === null ? {} : { groups }) };
      const { token: secret, ...token } = (await (await send(url, { method: "POST", body })).json()) as ApiToken & {
        token: string;
      };
      return { secret, token };
    },
    revoke: async (tokenId) => {
      await send(`${url}/${encodeURIComponent(tokenId)}`, { method: "DELETE" });
    },
    revokeAllOf: async (owner, ownerType) => {
      const query = new URLSearchParams({ owner, ownerType });
      const { revoked } = (await (await send(`${url}?${query.toString()}`, { method: "DELETE" })).json()) as {
        revoked: number;
      };
      return revoked;
    },
  };
}
