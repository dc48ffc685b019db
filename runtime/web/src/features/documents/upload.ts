/** Uploads of documents: which files are taken, what each is at, and the work itself. */

import { type Ingestion, type Repositories, uploadFile } from "@/shared/api/repositories";
import { isAbort, messageOf } from "@/shared/api/request";

export const FILE_LIMIT = 50 * 1024 * 1024;
export const FILE_TYPES = [".txt", ".md", ".pdf", ".docx"] as const;

export type UploadState =
  | { stage: "waiting" }
  | { stage: "uploading"; part: number }
  | { stage: "ingesting" }
  | { stage: "done"; chunks: number }
  | { stage: "failed"; message: string };

/** What is wrong with a file; null when nothing is. */
export function fileProblem({ name, size }: Pick<File, "name" | "size">): string | null {
  if (!FILE_TYPES.some((type) => name.toLowerCase().endsWith(type))) {
    return `Unsupported file type. Use text, PDF or DOCX (${FILE_TYPES.join(", ")}).`;
  }
  if (size > FILE_LIMIT) return "The file is larger than 50 MB.";
  return size === 0 ? "The file is empty." : null;
}

/** What is wrong with the chunk sizes; null when nothing is. */
export function chunkProblem(size: string, overlap: string): { size: string | null; overlap: string | null } {
  const [chunkSize, chunkOverlap] = [Number(size), Number(overlap)];
  return {
    size: Number.isInteger(chunkSize) && chunkSize >= 100 && chunkSize <= 10_000 ? null : "100 to 10000 characters.",
    overlap:
      Number.isInteger(chunkOverlap) && overlap.trim() !== "" && chunkOverlap >= 0 && chunkOverlap < chunkSize
        ? null
        : "Must be 0 or more, and less than the chunk size.",
  };
}

/**
 * Upload a file and have it read into the index, telling each step. What fails ends as the state that says why; only
 * an abort is thrown.
 */
export async function uploadDocument(
  repositories: Repositories,
  file: File,
  ingestion: Omit<Ingestion, "keys">,
  tell: (state: UploadState) => void,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    tell({ stage: "uploading", part: 0 });
    const target = await repositories.uploadTarget(file.name, signal);
    const key = await uploadFile(file, target, (part) => tell({ stage: "uploading", part }), signal);
    tell({ stage: "ingesting" });
    tell({ stage: "done", chunks: await repositories.ingest({ ...ingestion, keys: [key] }, signal) });
    return true;
  } catch (error) {
    if (isAbort(error)) throw error;
    tell({ stage: "failed", message: messageOf(error) });
    return false;
  }
}
