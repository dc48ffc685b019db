/** Everything that the application calls, for one caller. */

import { createContext, useContext } from "react";

import { createGateway, type Gateway } from "@/shared/api/gateway";
import { createManagedModels, type ManagedModels } from "@/shared/api/models";
import { createRepositories, type Repositories } from "@/shared/api/repositories";
import { createSend } from "@/shared/api/request";
import { createSessions, type Sessions } from "@/shared/api/sessions";
import { type ApiTokens, createApiTokens } from "@/shared/api/tokens";
import type { Environment } from "@/shared/environment";

export interface Api {
  gateway: Gateway;
  sessions: Sessions;
  repositories: Repositories;
  models: ManagedModels;
  tokens: ApiTokens;
}

export function createApi(environment: Environment, token: string | undefined): Api {
  const send = createSend(token);
  return {
    gateway: createGateway(send, environment.gatewayUrl),
    sessions: createSessions(send, environment.sessionUrl),
    repositories: createRepositories(send, environment.apiUrl),
    models: createManagedModels(send, environment.apiUrl),
    tokens: createApiTokens(send, environment.apiUrl),
  };
}

const ApiContext = createContext<Api | null>(null);

export const ApiProvider = ApiContext.Provider;

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (api === null) throw new Error("useApi is outside ApiProvider.");
  return api;
}

/** Names under which answers are kept. */
export const queryKeys = {
  servedModels: ["served-models"],
  sessions: ["sessions"],
  session: (sessionId: string) => ["session", sessionId],
  repositories: ["repositories"],
  managedModels: ["managed-models"],
  apiTokens: (all: boolean) => ["api-tokens", all],
} as const;
