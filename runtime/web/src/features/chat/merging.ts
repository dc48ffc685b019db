/** Bringing two states of one conversation together, as two tabs or devices left them. */

import type { StoredMessage } from "@/shared/api/sessions";

/** A message that has an id, as all have inside the application. */
export type IdentifiedMessage = StoredMessage & { id: string };

/** The id that an answer keeps while it grows says, in its metadata, that more may come. */
export const PARTIAL = "partial";

/** Give messages of LISA 2.x ids, which are the same wherever the same messages are read. */
export function identified(messages: StoredMessage[]): IdentifiedMessage[] {
  const seen = new Set<string>();
  return messages.map((message, index) => {
    let { id } = message;
    if (typeof id !== "string" || id === "" || seen.has(id)) id = `message-${index}`;
    while (seen.has(id)) id += "-";
    seen.add(id);
    return { ...message, id };
  });
}

/**
 * Merge two states of a conversation that both come from `base`. The stored order stays; new questions follow at the
 * end and answers follow their question. A message that one side deleted is deleted, unless the other changed it.
 * Merging again changes nothing.
 *
 * @param base what both sides had; empty when that is not known, and then nothing counts as deleted.
 * @param mine this page's messages.
 * @param theirs the stored messages.
 */
export function mergeMessages(
  base: IdentifiedMessage[],
  mine: IdentifiedMessage[],
  theirs: IdentifiedMessage[],
): IdentifiedMessage[] {
  const [before, own] = [byId(base), byId(mine)];
  const merged = theirs.flatMap((message) => {
    const [was, ours] = [before.get(message.id), own.get(message.id)];
    if (ours !== undefined) return [newer(was, ours, message)];
    return was !== undefined && isSame(was, message) ? [] : [message];
  });
  const placed = new Set(theirs.map(({ id }) => id));
  mine.forEach((message, index) => {
    if (placed.has(message.id)) return;
    const was = before.get(message.id);
    const deletedElsewhere = was !== undefined && isSame(was, message) && !isPartial(message);
    if (!deletedElsewhere) merged.splice(placeOf(message, mine.slice(0, index), merged), 0, message);
  });
  return merged;
}

/** Index of the first message that differs; the length of the shorter when none does. */
export function commonLength(some: StoredMessage[], others: StoredMessage[]): number {
  const limit = Math.min(some.length, others.length);
  for (let index = 0; index < limit; index += 1) {
    if (!isSame(some[index], others[index])) return index;
  }
  return limit;
}

export function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function byId(messages: IdentifiedMessage[]): Map<string, IdentifiedMessage> {
  return new Map(messages.map((message) => [message.id, message]));
}

/** Of two states of one message, the one that was changed; when both were, the finished, then the longer one. */
function newer(was: IdentifiedMessage | undefined, ours: IdentifiedMessage, other: IdentifiedMessage) {
  if (isSame(ours, other)) return ours;
  if (was !== undefined && isSame(was, ours)) return other;
  if (was !== undefined && isSame(was, other)) return ours;
  if (isPartial(ours) !== isPartial(other)) return isPartial(ours) ? other : ours;
  return lengthOf(other) > lengthOf(ours) ? other : ours;
}

function isPartial({ metadata }: StoredMessage): boolean {
  return metadata?.["status"] === PARTIAL;
}

function lengthOf({ content }: StoredMessage): number {
  return typeof content === "string" ? content.length : 0;
}

/** Where a message goes: an answer after its question and what answers that has, anything else at the end. */
function placeOf(message: IdentifiedMessage, preceding: IdentifiedMessage[], merged: IdentifiedMessage[]): number {
  const question = message.type === "ai" ? preceding.findLast(({ type }) => type === "human") : undefined;
  const asked = question === undefined ? -1 : merged.findIndex(({ id }) => id === question.id);
  if (asked < 0) return merged.length;
  const next = merged.findIndex(({ type }, index) => index > asked && type === "human");
  return next < 0 ? merged.length : next;
}
