import { WebStorageStateStore, type UserManagerSettings } from "oidc-client-ts";

import type { Environment } from "@/shared/environment";

/** Where the application is, as the OpenID provider has to know it: the page's folder, as `https://host/stage/`. */
export function applicationAddress(location: Location): string {
  return new URL(".", location.origin + location.pathname).href;
}

/**
 * Authorization code with PKCE (RFC 7636). Tokens stay in the tab's session storage. They are renewed with the refresh
 * token when the provider gives one, as Cognito does; others give one for the scope offline_access.
 */
export function oidcSettings(environment: Environment, location: Location): UserManagerSettings {
  const address = applicationAddress(location);
  return {
    authority: environment.authority,
    client_id: environment.clientId,
    redirect_uri: address,
    post_logout_redirect_uri: address,
    response_type: "code",
    scope: [...new Set(["openid", "profile", "email", ...environment.scopes])].join(" "),
    automaticSilentRenew: true,
    userStore: new WebStorageStateStore({ store: window.sessionStorage }),
    stateStore: new WebStorageStateStore({ store: window.sessionStorage }),
  };
}
