import { useEffect, useRef, useState } from "react";

import { uploadDocument, type UploadState } from "@/features/documents/upload";
import { useApi } from "@/shared/api";
import type { Ingestion } from "@/shared/api/repositories";
import { isAbort } from "@/shared/api/request";

type Destination = Omit<Ingestion, "keys">;

/** Uploads under way: one file after another, so that each gets the whole of the line. */
export function useUploads() {
  const { repositories } = useApi();
  const [states, setStates] = useState<ReadonlyMap<File, UploadState>>(new Map());
  const [running, setRunning] = useState(false);
  const controller = useRef<AbortController | null>(null);
  const destination = useRef<Destination | null>(null);
  useEffect(() => () => controller.current?.abort(), []);

  const start = async (files: File[], ingestion: Destination) => {
    const { signal } = (controller.current = new AbortController());
    destination.current = ingestion;
    const tell = (file: File, state: UploadState) => setStates((before) => new Map(before).set(file, state));
    setRunning(true);
    files.forEach((file) => tell(file, { stage: "waiting" }));
    try {
      for (const file of files) {
        await uploadDocument(repositories, file, ingestion, (state) => tell(file, state), signal);
      }
    } catch (error) {
      if (!isAbort(error)) throw error;
    } finally {
      setRunning(false);
    }
  };
  const failed = [...states].flatMap(([file, { stage }]) => (stage === "failed" ? [file] : []));
  return {
    states,
    running,
    failed,
    start,
    retry: async () => {
      if (destination.current) await start(failed, destination.current);
    },
    cancel: () => controller.current?.abort(),
  };
}
