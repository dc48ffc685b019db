import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { AuthProvider, useAuth } from "react-oidc-context";
import type { User } from "oidc-client-ts";

import icon from "@/app/icon.svg";
import { CenteredPage } from "@/app/CenteredPage";
import { ApiProvider, createApi } from "@/shared/api";
import { useAppearance } from "@/shared/appearance";
import { bearerToken, CallerProvider, describeCaller } from "@/shared/authentication/caller";
import { applicationAddress, oidcSettings } from "@/shared/authentication/oidcSettings";
import { useEnvironment } from "@/shared/environmentContext";

/** Shows its children to those who have signed in, and where nobody has to: AUTHORITY is empty. */
export function SignInGate({ children }: { children: ReactNode }) {
  const environment = useEnvironment();
  const [settings] = useState(() => oidcSettings(environment, window.location));
  if (environment.authority === "") return <Unauthenticated>{children}</Unauthenticated>;
  return (
    <AuthProvider {...settings} onSigninCallback={returnToPage}>
      <Gate>{children}</Gate>
    </AuthProvider>
  );
}

/** Takes the provider's answer out of the address, and goes on where the person was. */
function returnToPage(user: User | undefined) {
  const { hash = "" } = (user?.state ?? {}) as { hash?: string };
  window.history.replaceState(null, "", applicationAddress(window.location) + hash);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

function Gate({ children }: { children: ReactNode }) {
  const auth = useAuth();
  useAppearance();
  // A token that could not be renewed in time: what follows would be refused, so the person is asked to sign in.
  useEffect(() => auth.events.addAccessTokenExpired(() => void auth.removeUser()), [auth]);
  const signIn = () => void auth.signinRedirect({ state: { hash: window.location.hash } });
  if (auth.user && !auth.user.expired) return <SignedIn user={auth.user}>{children}</SignedIn>;
  if (auth.isLoading || auth.activeNavigator === "signinRedirect") return <Waiting />;
  if (auth.error) {
    return (
      <CenteredPage>
        <Alert type="error" header="Sign-in failed" action={<Button onClick={signIn}>Try again</Button>}>
          The OpenID provider, or the connection to it, has a problem: {auth.error.message}
        </Alert>
      </CenteredPage>
    );
  }
  return <Welcome onSignIn={signIn} />;
}

function SignedIn({ user, children }: { user: User; children: ReactNode }) {
  const environment = useEnvironment();
  const auth = useAuth();
  const token = bearerToken(user);
  const api = useMemo(() => createApi(environment, token), [environment, token]);
  const caller = useMemo(
    () => ({
      ...describeCaller(user, environment),
      signedIn: true,
      signOut: () => {
        auth.signoutRedirect().catch(() => auth.removeUser());
      },
      signInAgain: () => void auth.removeUser(),
    }),
    [auth, environment, user],
  );
  return (
    <ApiProvider value={api}>
      <CallerProvider value={caller}>{children}</CallerProvider>
    </ApiProvider>
  );
}

const LOCAL_USER = {
  id: "local",
  name: "Local user",
  email: null,
  isAdmin: true,
  groups: [],
  signedIn: false,
  signOut: () => undefined,
  signInAgain: () => undefined,
};

function Unauthenticated({ children }: { children: ReactNode }) {
  const environment = useEnvironment();
  const [api] = useState(() => createApi(environment, undefined));
  return (
    <ApiProvider value={api}>
      <CallerProvider value={LOCAL_USER}>{children}</CallerProvider>
    </ApiProvider>
  );
}

function Waiting() {
  return (
    <CenteredPage>
      <Box textAlign="center" color="text-status-inactive">
        <Spinner size="large" />
        <Box variant="p">Signing in</Box>
      </Box>
    </CenteredPage>
  );
}

function Welcome({ onSignIn }: { onSignIn: () => void }) {
  const button = useRef<{ focus: () => void }>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <CenteredPage>
      <Container>
        <Box textAlign="center" padding="l">
          <SpaceBetween size="l">
            <div>
              <img src={icon} alt="" width={48} height={48} />
              <Box variant="h1">LISA</Box>
              <Box variant="p" color="text-body-secondary">
                Language models in your AWS account.
              </Box>
            </div>
            <Button ref={button} variant="primary" onClick={onSignIn}>
              Sign in
            </Button>
          </SpaceBetween>
        </Box>
      </Container>
    </CenteredPage>
  );
}
