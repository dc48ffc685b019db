/** The models that can be asked now: those of the configuration and those that the gateway serves, brought together. */

import { useQuery } from "@tanstack/react-query";

import { queryKeys, useApi } from "@/shared/api";
import { useEnvironment } from "@/shared/environmentContext";
import type { ConfiguredModel } from "@/shared/environment";

export interface ServedModel extends ConfiguredModel {
  /** Whether the gateway serves it at present. */
  available: boolean;
}

const REFRESH_MS = 60_000;

/** One query for two purposes: which models there are, and whether the gateway can be reached. */
export function useServedModels() {
  const { gateway } = useApi();
  const { models } = useEnvironment();
  return useQuery({
    queryKey: queryKeys.servedModels,
    queryFn: ({ signal }) => gateway.listModels(signal),
    select: (served) => mergeModels(models, served),
    refetchInterval: REFRESH_MS,
    staleTime: REFRESH_MS / 2,
  });
}

/** Configured models in their order, then what the gateway has besides: text models, as far as anyone knows. */
export function mergeModels(configured: ConfiguredModel[], served: string[]): ServedModel[] {
  const known = new Set(configured.map(({ id }) => id));
  return [
    ...configured.map((model) => ({ ...model, available: served.includes(model.id) })),
    ...served
      .filter((id) => !known.has(id))
      .map((id) => ({ id, type: "textgen" as const, streaming: true, available: true })),
  ];
}
