/** Saves a session while it changes here, and perhaps elsewhere. Knows nothing of React, so that it outlives its page. */

import { commonLength, identified, type IdentifiedMessage, isSame } from "@/features/chat/merging";
import { ApiError, isPassing, KEEPALIVE_LIMIT, messageOf } from "@/shared/api/request";
import {
  conflictOf,
  type Sessions,
  type SessionWrite,
  type StoredMessage,
  type StoredSession,
} from "@/shared/api/sessions";

export type SaveState =
  /** Everything is saved, or about to be. */
  | { kind: "saved" }
  /** It was not saved, and is tried again. */
  | { kind: "waiting"; message: string }
  /** It was not saved, and trying again alone does not help: too large, or no longer signed in. */
  | { kind: "refused"; message: string }
  /** It was deleted in another tab or on another device. */
  | { kind: "deleted" };

export interface SaverOptions {
  sessionId: string;
  sessions: Pick<Sessions, "put">;
  /** What is stored already. */
  stored: StoredSession;
  /** The messages as they are now. */
  read: () => IdentifiedMessage[];
  /** Brings what another tab or device stored into the messages. */
  merge: (base: StoredMessage[], theirs: StoredMessage[]) => void;
  onState: (state: SaveState) => void;
  /** Called after each write. */
  onSaved: () => void;
}

/** While an answer is received, its beginning is saved this often. */
const INTERVAL_MS = 3_000;
const CONFLICT_LIMIT = 8;
const FIRST_WAIT_MS = 100;
const RETRY_MS = [1_000, 2_000, 5_000, 15_000, 30_000] as const;

/** Leaves room for the rest of a request under KEEPALIVE_LIMIT. */
const KEEPALIVE_BODY_LIMIT = KEEPALIVE_LIMIT - 4 * 1024;

export class SessionSaver {
  readonly #options: SaverOptions;
  readonly #writerId = crypto.randomUUID();
  #sessions: Pick<Sessions, "put">;
  #stored: StoredSession;
  #sequence = 0;
  #saving = false;
  /** Whether there is something to save that does not wait for the next interval. */
  #again = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  #flushed: string | null = null;
  #state: SaveState = { kind: "saved" };

  constructor(options: SaverOptions) {
    this.#options = options;
    this.#sessions = options.sessions;
    this.#stored = options.stored;
  }

  get state(): SaveState {
    return this.#state;
  }

  /** The version that was stored last, as far as this page knows. */
  get stored(): StoredSession {
    return this.#stored;
  }

  /** Whether messages are here that are not known to be stored. */
  get hasUnsaved(): boolean {
    return !isSame(identified(this.#stored.messages), this.#options.read());
  }

  /** Save from now on as another token of the caller allows. */
  connect(sessions: Pick<Sessions, "put">): void {
    this.#sessions = sessions;
    if (this.#state.kind === "refused") this.saveNow();
  }

  /** Save within some seconds, with whatever else changes until then. */
  saveSoon(): void {
    if (this.#state.kind !== "refused") this.#timer ??= setTimeout(() => this.saveNow(), INTERVAL_MS);
  }

  saveNow(): void {
    this.#stopTimer();
    if (this.#state.kind === "deleted") return;
    this.#again = true;
    if (!this.#saving) void this.#save();
  }

  /**
   * Save while the page goes away: in a request that outlives it, without waiting for one that is under way, and
   * without its answer.
   */
  flush(): void {
    if (!this.hasUnsaved || this.#state.kind === "deleted") return;
    const write = this.#write();
    const content = JSON.stringify(write.messages);
    if (content === this.#flushed) return;
    this.#flushed = content;
    const messages = this.#options.read();
    const keepalive = new TextEncoder().encode(content).length < KEEPALIVE_BODY_LIMIT;
    this.#sessions.put(this.#options.sessionId, write, { keepalive }).then(
      (version) => this.#acknowledge(version, messages),
      // When the page is still there, the regular save meets the same error, and says it.
      () => this.saveSoon(),
    );
  }

  /** Take up what is stored, when it is newer than what this page knows. */
  receive(session: StoredSession): boolean {
    if (session.version <= this.#stored.version || this.#saving) return false;
    const base = this.#stored.messages;
    this.#stored = session;
    this.#options.merge(base, session.messages);
    return true;
  }

  /** The session was deleted elsewhere: nothing is saved from here on. */
  markDeleted(): void {
    this.#stopTimer();
    this.#tell({ kind: "deleted" });
  }

  async #save(): Promise<void> {
    this.#saving = true;
    try {
      let conflicts = 0;
      while (this.#again && this.hasUnsaved) {
        this.#again = false;
        const messages = this.#options.read();
        const base = this.#stored;
        try {
          this.#acknowledge(await this.#sessions.put(this.#options.sessionId, this.#write()), messages);
          conflicts = 0;
        } catch (error) {
          const newer = conflictOf(error);
          if (newer === null || conflicts >= CONFLICT_LIMIT) throw error;
          if (newer.version > this.#stored.version) {
            this.#stored = newer;
            this.#options.merge(base.messages, newer.messages);
          }
          // Several pages that were refused at once try again at different times.
          await pause(Math.random() * FIRST_WAIT_MS * 2 ** conflicts);
          conflicts += 1;
          this.#again = true;
        }
      }
      if (this.hasUnsaved) this.saveSoon();
      this.#failures = 0;
      this.#tell({ kind: "saved" });
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#saving = false;
    }
  }

  #fail(error: unknown): void {
    const status = error instanceof ApiError ? error.status : null;
    if (status === 404 && this.#stored.version > 0) {
      this.markDeleted();
    } else if (isPassing(error) || status === 409) {
      const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)] ?? INTERVAL_MS;
      this.#failures += 1;
      this.#timer ??= setTimeout(() => this.saveNow(), wait);
      this.#tell({ kind: "waiting", message: messageOf(error) });
    } else {
      this.#stopTimer();
      this.#tell({ kind: "refused", message: messageOf(error) });
    }
  }

  /** Answers may come out of order: the highest version is the last write. */
  #acknowledge(version: number, messages: IdentifiedMessage[]): void {
    if (version <= this.#stored.version) return;
    this.#stored = { version, messages };
    this.#flushed = null;
    this.#options.onSaved();
  }

  /** What differs from what is stored. */
  #write(): SessionWrite {
    const messages = this.#options.read();
    const { version, messages: stored } = this.#stored;
    const offset = commonLength(stored, messages);
    const writer = { id: this.#writerId, sequence: (this.#sequence += 1) };
    return { version, offset, messages: messages.slice(offset), writer };
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #tell(state: SaveState): void {
    if (state.kind === "saved" && this.#state.kind === "saved") return;
    this.#state = state;
    this.#options.onState(state);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
