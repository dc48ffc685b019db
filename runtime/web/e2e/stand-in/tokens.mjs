/** Checks tokens as gateway and authorizer do: signature, issuer, audience, time. */

import { createRemoteJWKSet, jwtVerify } from "jose";

/** @returns {(request) => Promise<{ subject: string, isAdmin: boolean } | null>} */
export function createVerifier({ authority, clientId }) {
  const keys = createRemoteJWKSet(new URL(`${authority}/jwks`));
  return async (request) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) return null;
    try {
      const { payload } = await jwtVerify(token, keys, { issuer: authority, audience: clientId });
      return { subject: payload.sub, isAdmin: payload.realm_access?.roles.includes("lisa-admins") ?? false };
    } catch {
      return null;
    }
  };
}
