/**
 * The servers that the application talks to, in memory, each at a free port: an OpenID provider, the gateway, the
 * bucket for uploads, and API Gateway, which serves the built application and the API below a stage, as in AWS.
 *
 * `node e2e/stand-in/start.mjs` runs them until Ctrl-C.
 */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { MODELS, startGateway } from "./gateway.mjs";
import { listen, sendJson } from "./http.mjs";
import { startIdentity } from "./identity.mjs";
import { createModelRoutes } from "./models.mjs";
import { createRepositoryRoutes, startBucket } from "./repository.mjs";
import { createSessionRoutes } from "./sessions.mjs";
import { createVerifier } from "./tokens.mjs";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const STAGE = "/dev";
const TYPES = { ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml" };
const HEADERS = { "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY" };

/** @returns {Promise<{ url: string, close: () => void }>} */
export async function startStandIn({ port = 0 } = {}) {
  const server = createServer();
  const address = `${await listen(server, port)}${STAGE}`;
  const identity = await startIdentity(`${address}/`);
  const verify = createVerifier(identity);
  const gateway = await startGateway(verify);
  const bucket = await startBucket();
  const routes = [createSessionRoutes(), createRepositoryRoutes(bucket), createModelRoutes()];
  const envJs = `window.env = ${JSON.stringify(settings(address, identity, gateway))};\n`;
  server.on("request", (request, response) => {
    answer({ request, response, verify, routes, envJs }).catch((error) => response.destroy(error));
  });
  const close = () => {
    [server, identity, gateway, bucket].forEach((part) => part.close());
    server.closeAllConnections();
  };
  return { url: `${address}/`, close };
}

function settings(address, { authority, clientId }, gateway) {
  return {
    AUTHORITY: authority,
    CLIENT_ID: clientId,
    JWT_GROUPS_PROP: "realm_access.roles",
    ADMIN_GROUP: "lisa-admins",
    CUSTOM_SCOPES: ["groups", "offline_access"],
    RESTAPI_URI: gateway.url,
    RESTAPI_VERSION: "v2",
    SESSION_REST_API_URI: address,
    API_BASE_URL: address,
    RAG_ENABLED: true,
    SYSTEM_BANNER: null,
    MODELS,
  };
}

async function answer({ request, response, verify, routes, envJs }) {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname !== STAGE && !url.pathname.startsWith(`${STAGE}/`)) {
    sendJson(response, 403, { message: "Missing Authentication Token" });
    return;
  }
  url.pathname = url.pathname.slice(STAGE.length);
  if (/^\/(session|repository|models)(\/|$)/.test(url.pathname)) {
    const caller = await verify(request);
    if (caller === null) sendJson(response, 401, { message: "Unauthorized", code: "UNAUTHORIZED" });
    else if (!(await first(routes, (route) => route(request, response, caller, url)))) sendJson(response, 404, {});
  } else {
    await serve(url.pathname, response, envJs);
  }
}

async function first(routes, call) {
  for (const route of routes) {
    if (await call(route)) return true;
  }
  return false;
}

async function serve(path, response, envJs) {
  if (path === "/env.js") {
    response.writeHead(200, { ...HEADERS, "Content-Type": TYPES[".js"] }).end(envJs);
    return;
  }
  const file = join(DIST, normalize(path === "/" || path === "" ? "/index.html" : path));
  try {
    const content = await readFile(file);
    response.writeHead(200, { ...HEADERS, "Content-Type": TYPES[extname(file)] }).end(content);
  } catch {
    response.writeHead(404).end();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startStandIn({ port: Number(process.env.PORT ?? 0) });
  console.log(`${url}\nusers: user/user and admin/admin`);
}
