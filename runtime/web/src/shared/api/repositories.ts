/** Repositories of documents (RAG): search, upload and ingestion. */

import { ApiError, type Send } from "@/shared/api/request";

export interface Repository {
  repositoryId: string;
  type: string;
}

/** A chunk of a document that matches a question. */
export interface Chunk {
  source: string;
  content: string;
}

export interface Search {
  repository: Repository;
  embeddingModel: string;
  query: string;
  /** How many chunks at most. */
  count: number;
}

export interface Ingestion {
  repository: Repository;
  embeddingModel: string;
  /** Keys of uploaded files. */
  keys: string[];
  chunkSize: number;
  chunkOverlap: number;
}

/** Where and with which form fields a file is uploaded (S3, POST policy); the fields name the key it will have. */
export interface UploadTarget {
  url: string;
  fields: Record<string, string>;
}

export interface Repositories {
  list: (signal?: AbortSignal) => Promise<Repository[]>;
  search: (search: Search, signal: AbortSignal) => Promise<Chunk[]>;
  uploadTarget: (fileName: string, signal: AbortSignal) => Promise<UploadTarget>;
  /** Ingests uploaded files; returns the number of chunks. */
  ingest: (ingestion: Ingestion, signal: AbortSignal) => Promise<number>;
}

export function createRepositories(send: Send, apiUrl: string): Repositories {
  const url = `${apiUrl}/repository`;
  return {
    list: async (signal) => (await (await send(url, { signal })).json()) as Repository[],
    search: async ({ repository, embeddingModel, query, count }, signal) => {
      // A long question does not fit API Gateway's request line, in which a Chinese character takes 9 bytes.
      const path = `${encodeURIComponent(repository.repositoryId)}/similaritySearch`;
      const body = { modelName: embeddingModel, query, repositoryType: repository.type, topK: count };
      const answer = await send(`${url}/${path}`, { method: "POST", body, signal });
      const { docs } = (await answer.json()) as SearchAnswer;
      return docs.map(({ Document: { page_content: content, metadata } }) => ({
        source: metadata.source ?? "Unnamed document",
        content,
      }));
    },
    uploadTarget: async (fileName, signal) => {
      const answer = await send(`${url}/presigned-url`, { method: "POST", text: fileName, signal });
      const { response: target } = (await answer.json()) as { response: UploadTarget };
      return target;
    },
    ingest: async ({ repository, embeddingModel, keys, chunkSize, chunkOverlap }, signal) => {
      const parameters = new URLSearchParams({
        repositoryType: repository.type,
        chunkSize: String(chunkSize),
        chunkOverlap: String(chunkOverlap),
      });
      const path = `${encodeURIComponent(repository.repositoryId)}/bulk?${parameters.toString()}`;
      const body = { embeddingModel: { modelName: embeddingModel }, keys };
      const { count } = (await (await send(`${url}/${path}`, { method: "POST", body, signal })).json()) as {
        count: number;
      };
      return count;
    },
  };
}

interface SearchAnswer {
  docs: { Document: { page_content: string; metadata: { source?: string } } }[];
}

/**
 * Upload a file. XMLHttpRequest, because fetch does not tell how far an upload is.
 *
 * @param onProgress called with the part that is sent, 0 to 1.
 * @returns the key that the file has now.
 */
export function uploadFile(
  file: File,
  target: UploadTarget,
  onProgress: (part: number) => void,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    Object.entries(target.fields).forEach(([name, value]) => form.append(name, value));
    form.append("file", file);
    const upload = new XMLHttpRequest();
    const abort = () => upload.abort();
    signal.addEventListener("abort", abort);
    upload.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    upload.onload = () =>
      upload.status < 300
        ? resolve(target.fields["key"] ?? file.name)
        : reject(new ApiError(`${file.name} was rejected (status ${upload.status}).`, upload.status));
    upload.onerror = () => reject(new ApiError(`${file.name} cannot be uploaded. Check the connection.`, 0));
    upload.onabort = () => reject(new DOMException("The upload was canceled.", "AbortError"));
    upload.onloadend = () => signal.removeEventListener("abort", abort);
    upload.open("POST", target.url);
    upload.send(form);
  });
}
