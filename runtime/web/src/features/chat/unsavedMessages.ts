/**
 * Messages that a page could not save before it went away. They are in the tab's session storage, as its tokens are: a
 * reload or a new sign-in finds them, and closing the tab ends them.
 */

import type { IdentifiedMessage } from "@/features/chat/merging";

export interface UnsavedMessages {
  /** The stored version that they are based on; 0 when the session was not stored at all. */
  version: number;
  messages: IdentifiedMessage[];
}

const keyOf = (callerId: string, sessionId: string) => `lisa.unsaved/${callerId}/${sessionId}`;

export function keepUnsaved(callerId: string, sessionId: string, unsaved: UnsavedMessages): void {
  try {
    sessionStorage.setItem(keyOf(callerId, sessionId), JSON.stringify(unsaved));
  } catch {
    // Storage is full or forbidden: what was saved before counts.
  }
}

export function dropUnsaved(callerId: string, sessionId: string): void {
  try {
    sessionStorage.removeItem(keyOf(callerId, sessionId));
  } catch {
    // Storage is forbidden, so that nothing is in it.
  }
}

export function findUnsaved(callerId: string, sessionId: string): UnsavedMessages | null {
  try {
    return readUnsaved(JSON.parse(sessionStorage.getItem(keyOf(callerId, sessionId)) ?? "null"));
  } catch {
    return null;
  }
}

export function readUnsaved(stored: unknown): UnsavedMessages | null {
  if (typeof stored !== "object" || stored === null) return null;
  const { version, messages } = stored as Record<string, unknown>;
  if (typeof version !== "number" || !Array.isArray(messages) || messages.length === 0) return null;
  return messages.every(isMessage) ? { version, messages } : null;
}

function isMessage(value: unknown): value is IdentifiedMessage {
  if (typeof value !== "object" || value === null) return false;
  const { id, type } = value as Record<string, unknown>;
  return typeof id === "string" && typeof type === "string";
}
