import { useQuery } from "@tanstack/react-query";

import { chosenRetrieval, readRetrievalSettings, type RetrievalSettings } from "@/features/documents/retrievalSettings";
import { queryKeys, useApi } from "@/shared/api";
import type { Repository } from "@/shared/api/repositories";
import { useEnvironment } from "@/shared/environmentContext";
import { useServedModels } from "@/shared/servedModels";
import { useStoredState } from "@/shared/storedState";

export interface DocumentSearch {
  repositories: Repository[];
  embeddingModels: string[];
  loading: boolean;
  error: Error | null;
  refetch: () => void;
  settings: RetrievalSettings;
  setSettings: (settings: RetrievalSettings) => void;
  /** What questions are searched with; null while nothing is chosen. */
  retrieval: ReturnType<typeof chosenRetrieval>;
}

/** The repositories of the deployment and the choice among them; null where the deployment has none. */
export function useDocumentSearch(): DocumentSearch | null {
  const { ragEnabled } = useEnvironment();
  const api = useApi();
  const served = useServedModels();
  const query = useQuery({
    queryKey: queryKeys.repositories,
    queryFn: ({ signal }) => api.repositories.list(signal),
    enabled: ragEnabled,
    staleTime: 300_000,
  });
  const [settings, setSettings] = useStoredState("lisa.retrieval", readRetrievalSettings);
  if (!ragEnabled) return null;
  const repositories = query.data ?? [];
  const embeddingModels = (served.data ?? [])
    .filter(({ type, available }) => type === "embedding" && available)
    .map(({ id }) => id);
  return {
    repositories,
    embeddingModels,
    loading: query.isPending || served.isPending,
    error: query.error,
    refetch: () => void query.refetch(),
    settings,
    setSettings,
    retrieval: chosenRetrieval(settings, repositories, embeddingModels),
  };
}
