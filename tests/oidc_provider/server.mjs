// The OpenID provider of the tests: `node server.mjs <port>`. Whoever `login_hint` names is signed in at once; people and
// their groups are below. POST /rotate gives it another key, and it forgets the one before.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const groups = { ada: ['staff', 'lisa-admins'], bob: ['staff'] };

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

function findAccount(_context, accountId) {
  return {
    accountId,
    claims: async () => ({
      sub: accountId,
      preferred_username: accountId,
      realm_access: { roles: groups[accountId] ?? [] },
    }),
  };
}

// The application is the organisation's own: nobody is asked for consent.
async function loadExistingGrant(context) {
  const grant = new context.oidc.provider.Grant({
    clientId: context.oidc.client.clientId,
    accountId: context.oidc.session.accountId,
  });
  grant.addOIDCScope('openid profile');
  await grant.save();
  return grant;
}

function provider() {
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: 'lisa-client',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['https://app.example.com/callback'],
      },
      {
        client_id: 'other-client',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['https://app.example.com/callback'],
      },
    ],
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomUUID()] },
    claims: { openid: ['sub'], profile: ['preferred_username', 'realm_access'] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/sign-in/${interaction.uid}` },
    ttl: { IdToken: (context) => Number(context.oidc.client.clientId === 'lisa-client' ? 3600 : 60) },
    findAccount,
    loadExistingGrant,
  });
  return { made, answer: made.callback() };
}

let current = provider();

createServer(async (request, response) => {
  if (request.method === 'POST' && request.url === '/rotate') {
    current = provider();
    response.writeHead(204).end();
  } else if (request.url.startsWith('/sign-in/')) {
    const { params } = await current.made.interactionDetails(request, response);
    await current.made.interactionFinished(request, response, { login: { accountId: params.login_hint } });
  } else {
    current.answer(request, response);
  }
}).listen(port, '127.0.0.1', () => console.log('ready'));
