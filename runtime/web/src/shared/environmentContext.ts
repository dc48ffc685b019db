import { createContext, useContext } from "react";

import type { Environment } from "@/shared/environment";

const EnvironmentContext = createContext<Environment | null>(null);

export const EnvironmentProvider = EnvironmentContext.Provider;

export function useEnvironment(): Environment {
  const environment = useContext(EnvironmentContext);
  if (environment === null) throw new Error("useEnvironment is outside EnvironmentProvider.");
  return environment;
}
