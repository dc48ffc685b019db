/** What the stand-in servers share: listening on a free port, reading bodies, and answers as JSON with CORS. */

export async function listen(server, port = 0) {
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return `http://localhost:${server.address().port}`;
}

export async function readBody(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

export async function readJson(request) {
  return JSON.parse((await readBody(request)).toString() || "null");
}

export function sendJson(response, status, body, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
}

export const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "Authorization,Content-Type,X-Request-ID",
  "Access-Control-Allow-Methods": "DELETE,GET,OPTIONS,POST,PUT",
};
