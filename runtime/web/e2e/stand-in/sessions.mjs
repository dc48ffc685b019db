/** Sessions in memory, for each user alone. */

import { readJson, sendJson } from "./http.mjs";

/** @returns {(request, response, caller, url: URL) => Promise<boolean>} whether the route was one of these */
export function createSessionRoutes() {
  const users = new Map();
  return async (request, response, { subject }, { pathname }) => {
    const [, , id] = /^\/session(\/([\w-]{1,64}))?$/.exec(pathname) ?? [];
    if (!/^\/session(\/|$)/.test(pathname)) return false;
    if (!users.has(subject)) users.set(subject, new Map());
    const sessions = users.get(subject);
    if (id === undefined) {
      if (request.method === "DELETE") sessions.clear();
      const summaries = [...sessions.values()].map(({ summary }) => summary);
      summaries.sort((a, b) => b.updatedAt.localeCompare(a.updatedAt));
      sendJson(response, 200, request.method === "DELETE" ? { deleted: 0 } : { sessions: summaries, nextCursor: null });
    } else if (request.method === "PUT") {
      sendJson(response, 200, keep(sessions, id, (await readJson(request)).messages));
    } else if (!sessions.has(id)) {
      sendJson(response, 404, { message: "You have no such session.", code: "NotFound" });
    } else if (request.method === "DELETE") {
      sessions.delete(id);
      sendJson(response, 200, { deleted: 1 });
    } else {
      const { summary, messages } = sessions.get(id);
      sendJson(response, 200, { ...summary, messages });
    }
    return true;
  };
}

function keep(sessions, sessionId, messages) {
  const now = new Date().toISOString();
  const summary = {
    sessionId,
    startTime: sessions.get(sessionId)?.summary.startTime ?? now,
    updatedAt: now,
    title: messages[0].content.slice(0, 100),
  };
  sessions.set(sessionId, { summary, messages });
  return summary;
}
