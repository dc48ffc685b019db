/** Repositories in memory: pieces of uploaded text, found by the words that they share with a question. */

import { createServer } from "node:http";

import { CORS, listen, readBody, readJson, sendJson } from "./http.mjs";

const REPOSITORIES = [{ repositoryId: "pgvector-rag", type: "pgvector" }];

/** The bucket that browsers upload to. @returns {Promise<{ url: string, files: Map<string, string>, close: () => void }>} */
export async function startBucket() {
  const files = new Map();
  const server = createServer((request, response) => {
    receive(files, request, response).catch((error) => response.destroy(error));
  });
  return { url: `${await listen(server)}/documents`, files, close: () => server.close() };
}

async function receive(files, request, response) {
  if (request.method === "POST") {
    const form = await new Response(await readBody(request), {
      headers: { "Content-Type": request.headers["content-type"] },
    }).formData();
    files.set(form.get("key"), await form.get("file").text());
  }
  response.writeHead(204, CORS).end();
}

/** @returns {(request, response, caller, url: URL) => Promise<boolean>} whether the route was one of these */
export function createRepositoryRoutes(bucket) {
  const pieces = [];
  return async (request, response, caller, { pathname, searchParams }) => {
    if (pathname === "/repository") {
      sendJson(response, 200, REPOSITORIES);
    } else if (pathname === "/repository/presigned-url") {
      const key = `${caller.subject}/${(await readBody(request)).toString()}`;
      sendJson(response, 200, { response: { url: bucket.url, fields: { key } } });
    } else if (pathname === "/repository/pgvector-rag/bulk") {
      const { keys } = await readJson(request);
      const added = keys.flatMap((key) => cut(key, bucket.files.get(key) ?? "", Number(searchParams.get("chunkSize"))));
      pieces.push(...added);
      sendJson(response, 200, { ids: added.map((_, index) => String(index)), count: added.length });
    } else if (pathname === "/repository/pgvector-rag/similaritySearch") {
      const found = nearest(pieces, searchParams.get("query"), Number(searchParams.get("topK")));
      sendJson(response, 200, { docs: found.map((piece) => ({ Document: piece })) });
    } else {
      return false;
    }
    return true;
  };
}

function cut(key, text, size) {
  const count = Math.ceil(text.length / size);
  return Array.from({ length: count }, (_, index) => ({
    page_content: text.slice(index * size, (index + 1) * size),
    metadata: { source: `s3://documents/${key}` },
  }));
}

function nearest(pieces, query, count) {
  const words = new Set(query.toLowerCase().match(/\w+/g));
  const score = ({ page_content: text }) =>
    text
      .toLowerCase()
      .match(/\w+/g)
      ?.filter((word) => words.has(word)).length ?? 0;
  return [...pieces].sort((a, b) => score(b) - score(a)).slice(0, count);
}
