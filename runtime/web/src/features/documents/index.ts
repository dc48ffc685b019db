/** Documents: repositories to search (RAG), and uploads into them. Forms are loaded when they are first opened. */

import { lazy } from "react";

export const RetrievalForm = lazy(async () => ({
  default: (await import("@/features/documents/RetrievalForm")).RetrievalForm,
}));
export const UploadDialog = lazy(async () => ({
  default: (await import("@/features/documents/UploadDialog")).UploadDialog,
}));
export { useDocumentSearch } from "@/features/documents/useDocumentSearch";
