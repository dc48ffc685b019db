/** Sessions: the conversations of the caller, kept by the API. */

import type { Send } from "@/shared/api/request";

/** A message as it is stored. `metadata` says what came with it: model, arguments, sources. */
export interface StoredMessage {
  type: "human" | "ai";
  content: string;
  metadata?: Record<string, unknown>;
}

export interface SessionSummary {
  sessionId: string;
  title: string;
  /** Time of the last change, ISO 8601. */
  changed: string;
}

export interface Sessions {
  /** The caller's sessions, newest first. */
  list: (signal?: AbortSignal) => Promise<SessionSummary[]>;
  get: (sessionId: string, signal?: AbortSignal) => Promise<StoredMessage[]>;
  put: (sessionId: string, messages: StoredMessage[]) => Promise<void>;
  remove: (sessionId: string) => Promise<void>;
  removeAll: () => Promise<void>;
}

const TYPES: ReadonlySet<string> = new Set<StoredMessage["type"]>(["human", "ai"]);

export function createSessions(send: Send, url: string): Sessions {
  const at = (sessionId: string) => `${url}/session/${encodeURIComponent(sessionId)}`;
  return {
    list: async (signal) => {
      const sessions: SessionSummary[] = [];
      let cursor: string | null = null;
      do {
        const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
        const page = (await (await send(`${url}/session?limit=100${query}`, { signal })).json()) as SessionPage;
        sessions.push(...page.sessions.map(readSummary));
        cursor = page.nextCursor;
      } while (cursor !== null);
      return sessions;
    },
    get: async (sessionId, signal) => {
      const { messages } = (await (await send(at(sessionId), { signal })).json()) as { messages: StoredMessage[] };
      return messages.filter(({ type }) => TYPES.has(type));
    },
    put: async (sessionId, messages) => {
      await send(at(sessionId), { method: "PUT", body: { messages } });
    },
    remove: async (sessionId) => {
      await send(at(sessionId), { method: "DELETE" });
    },
    removeAll: async () => {
      await send(`${url}/session`, { method: "DELETE" });
    },
  };
}

interface SessionAnswer {
  sessionId: string;
  title: string;
  updatedAt: string;
}

interface SessionPage {
  sessions: SessionAnswer[];
  nextCursor: string | null;
}

function readSummary({ sessionId, title, updatedAt }: SessionAnswer): SessionSummary {
  return { sessionId, title: title || "Untitled session", changed: updatedAt };
}
