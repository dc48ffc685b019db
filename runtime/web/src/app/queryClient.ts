import { QueryClient } from "@tanstack/react-query";

import { isPassing } from "@/shared/api/request";

const RETRIES = 2;

/** Queries are tried again when that can help: no answer, too many requests, or an error of the server. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: (failures, error) => failures < RETRIES && isPassing(error), staleTime: 10_000 },
      mutations: { networkMode: "always" },
    },
  });
}
