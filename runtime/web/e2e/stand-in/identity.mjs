/** An OpenID provider with two users, on npm's certified oidc-provider: `user`, and `admin`, who is in lisa-admins. */

import { createServer } from "node:http";

import Provider from "oidc-provider";

import { listen, readBody } from "./http.mjs";

const USERS = {
  user: { password: "user", claims: { name: "Una User", email: "user@example.com", groups: ["lisa-users"] } },
  admin: { password: "admin", claims: { name: "Ada Admin", email: "admin@example.com", groups: ["lisa-admins"] } },
};

const CLIENT_ID = "lisa-web";

/**
 * Start the provider for an application at an address.
 *
 * @returns {Promise<{ authority: string, clientId: string, close: () => void }>}
 */
export async function startIdentity(applicationUrl) {
  const server = createServer();
  const authority = await listen(server);
  const provider = new Provider(authority, {
    clients: [
      {
        client_id: CLIENT_ID,
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        redirect_uris: [applicationUrl],
        post_logout_redirect_uris: [applicationUrl],
      },
    ],
    claims: { openid: ["sub"], profile: ["name"], email: ["email"], groups: ["realm_access"] },
    conformIdTokenClaims: false,
    clientBasedCORS: () => true,
    cookies: { keys: ["stand-in"] },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { logoutSource, postLogoutSuccessSource: (ctx) => void (ctx.body = page("Signed out")) },
    },
    findAccount: (_, id) => ({ accountId: id, claims: () => claimsOf(id) }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    issueRefreshToken: () => true,
    loadExistingGrant,
    ttl: { AccessToken: 3600, IdToken: 3600, Interaction: 600, Session: 3600, Grant: 3600 },
  });
  const answer = provider.callback();
  server.on("request", (request, response) =>
    request.url.startsWith("/interaction/") ? interact(provider, request, response) : answer(request, response),
  );
  return { authority, clientId: CLIENT_ID, close: () => server.close() };
}

function claimsOf(id) {
  const { name, email, groups } = USERS[id].claims;
  return { sub: id, name, email, realm_access: { roles: groups } };
}

/** Nobody is asked for consent: the application is the provider's own. */
async function loadExistingGrant(ctx) {
  const { client, session, params, provider } = ctx.oidc;
  const known = session.grantIdFor(client.clientId);
  const grant =
    (known && (await provider.Grant.find(known))) ??
    new provider.Grant({
      clientId: client.clientId,
      accountId: session.accountId,
    });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}

async function interact(provider, request, response) {
  if (request.method === "GET") {
    respond(response, 200, signInPage(""));
    return;
  }
  const { login = "", password = "" } = Object.fromEntries(new URLSearchParams((await readBody(request)).toString()));
  if (USERS[login]?.password !== password) {
    respond(response, 200, signInPage("<p role='alert'>Name or password is wrong.</p>"));
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: login } });
}

function signInPage(problem) {
  return page(
    "Sign in",
    `${problem}<form method="post">
      <p><label>Name <input name="login" autocomplete="username" autofocus></label></p>
      <p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
      <button type="submit">Sign in</button>
    </form>`,
  );
}

function logoutSource(ctx, form) {
  const submit = "<script>document.forms[0].submit()</script>";
  ctx.body = page("Sign out", form + submit).replace(
    "</form>",
    '<input type="hidden" name="logout" value="yes"></form>',
  );
}

function page(title, body = "") {
  return `<!doctype html><html lang="en"><title>${title}</title><main><h1>${title}</h1>${body}</main></html>`;
}

function respond(response, status, html) {
  response.writeHead(status, { "Content-Type": "text/html; charset=utf-8" }).end(html);
}
