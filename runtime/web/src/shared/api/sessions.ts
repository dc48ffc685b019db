/** Sessions: the conversations of the caller, kept by the API. */

import { ApiError, type Send } from "@/shared/api/request";

/** A message as it is stored. Other clients' messages may have other types and members, which stay as they are. */
export interface StoredMessage {
  type: string;
  /** Unique in the session, and the same in all tabs; LISA 2.x's messages have none. */
  id?: string;
  content: unknown;
  /** What came with it: model, arguments, sources. */
  metadata?: Record<string, unknown>;
  [member: string]: unknown;
}

/** A session as the API keeps it. */
export interface StoredSession {
  /** Grows with each write; 0 for a session that is not kept yet. */
  version: number;
  messages: StoredMessage[];
}

/** A write: messages that replace those from `offset` on in the version that it is based on. */
export interface SessionWrite extends StoredSession {
  offset: number;
  /** The page that writes, and how many times it has: its later write replaces its earlier one. */
  writer: { id: string; sequence: number };
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
  get: (sessionId: string, signal?: AbortSignal) => Promise<StoredSession>;
  /**
   * Write a session; resolves to its new version.
   *
   * @throws ApiError of status 409 when it has been changed since, see `conflictOf`; of 404 when it was deleted.
   */
  put: (sessionId: string, write: SessionWrite, options?: { keepalive?: boolean }) => Promise<number>;
  remove: (sessionId: string) => Promise<void>;
  removeAll: () => Promise<void>;
}

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
    get: async (sessionId, signal) => readSession(await (await send(at(sessionId), { signal })).json()),
    put: async (sessionId, write, options = {}) => {
      const response = await send(at(sessionId), { method: "PUT", body: write, ...options });
      return readSession(await response.json()).version;
    },
    remove: async (sessionId) => {
      await send(at(sessionId), { method: "DELETE" });
    },
    removeAll: async () => {
      await send(`${url}/session`, { method: "DELETE" });
    },
  };
}

/** The newer session that a write was refused for; null when it was refused for another reason. */
export function conflictOf(error: unknown): StoredSession | null {
  if (!(error instanceof ApiError) || error.status !== 409) return null;
  try {
    const { session } = JSON.parse(error.body) as { session?: unknown };
    return typeof session === "object" && session !== null ? readSession(session) : null;
  } catch {
    return null;
  }
}

/** An API that is older than the application knows no versions: its sessions are all the first one. */
function readSession(answer: unknown): StoredSession {
  const { version = 1, messages = [] } = answer as Partial<StoredSession>;
  return { version, messages };
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
