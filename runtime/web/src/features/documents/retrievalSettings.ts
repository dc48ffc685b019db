/** Where documents are searched, as it is kept in the browser. */

import type { Repository } from "@/shared/api/repositories";

export const COUNT_LIMITS = { minimum: 1, maximum: 10 } as const;

export interface RetrievalSettings {
  repositoryId: string | null;
  embeddingModel: string | null;
  /** How many chunks at most, 1 to 10. */
  count: number;
}

export const NO_RETRIEVAL: RetrievalSettings = { repositoryId: null, embeddingModel: null, count: 3 };

export function readRetrievalSettings(stored: unknown): RetrievalSettings {
  if (typeof stored !== "object" || stored === null) return NO_RETRIEVAL;
  const { repositoryId, embeddingModel, count } = stored as Record<string, unknown>;
  return {
    repositoryId: typeof repositoryId === "string" ? repositoryId : null,
    embeddingModel: typeof embeddingModel === "string" ? embeddingModel : null,
    count:
      typeof count === "number" && count >= COUNT_LIMITS.minimum && count <= COUNT_LIMITS.maximum
        ? Math.round(count)
        : NO_RETRIEVAL.count,
  };
}

/** What a question is searched with; null unless a repository and an embedding model are chosen and still there. */
export function chosenRetrieval(
  { repositoryId, embeddingModel, count }: RetrievalSettings,
  repositories: Repository[],
  embeddingModels: string[],
): { repository: Repository; embeddingModel: string; count: number } | null {
  const repository = repositories.find((candidate) => candidate.repositoryId === repositoryId);
  const model = embeddingModels.find((candidate) => candidate === embeddingModel);
  return repository && model !== undefined ? { repository, embeddingModel: model, count } : null;
}
