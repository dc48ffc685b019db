import { createContext, useContext } from "react";
import type { User } from "oidc-client-ts";

import { groupsAt } from "@/shared/authentication/groups";
import type { Environment } from "@/shared/environment";

/** The person who uses the application. */
export interface Caller {
  /** Unique and unchanging, the token's subject. */
  id: string;
  name: string;
  email: string | null;
  isAdmin: boolean;
  groups: string[];
  /** Whether there is anything to sign out of. */
  signedIn: boolean;
  signOut: () => void;
  /** Forgets a session that has ended, so that the person is asked to sign in. */
  signInAgain: () => void;
}

const CallerContext = createContext<Caller | null>(null);

export const CallerProvider = CallerContext.Provider;

export function useCaller(): Caller {
  const caller = useContext(CallerContext);
  if (caller === null) throw new Error("useCaller is outside CallerProvider.");
  return caller;
}

/** The token that gateway and API accept: the id token, whose audience is the client. */
export function bearerToken(user: User | null | undefined): string | undefined {
  return user?.id_token;
}

/** Name, address and rights of a signed-in user, by the claims of the id token. */
export function describeCaller(
  user: User,
  environment: Environment,
): Pick<Caller, "id" | "name" | "email" | "isAdmin" | "groups"> {
  const { name, preferred_username: username, email, sub } = user.profile;
  const groups = environment.groupsPath === "" ? [] : groupsAt(user.profile, environment.groupsPath);
  return {
    id: sub,
    name: name ?? username ?? email ?? sub,
    email: email ?? null,
    isAdmin: groups.includes(environment.adminGroup),
    groups,
  };
}
