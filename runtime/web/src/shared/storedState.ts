import { useCallback, useState } from "react";

/**
 * State that outlives the page, in local storage. What is stored may be of another version, or changed by the user:
 * `read` takes it as unknown and returns a valid value. A page stores what it changed alone, so that two tabs keep
 * each other's changes.
 */
export function useStoredState<Value>(key: string, read: (stored: unknown) => Value): [Value, (value: Value) => void] {
  const [value, setValue] = useState(() => read(load(key)));
  const store = useCallback(
    (next: Value) => {
      setValue(next);
      try {
        localStorage.setItem(key, JSON.stringify(withChanges(load(key), value, next)));
      } catch {
        // Storage is full or forbidden: the value counts for this page.
      }
    },
    [key, value],
  );
  return [value, store];
}

/** What is stored, with what differs between a value before and after its change; members of objects one by one. */
export function withChanges(stored: unknown, before: unknown, after: unknown): unknown {
  if (!isRecord(stored) || !isRecord(before) || !isRecord(after)) return after;
  const changed = Object.keys(after).filter((name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]));
  const members = changed.map((name) => [name, withChanges(stored[name], before[name], after[name])]);
  return { ...after, ...stored, ...Object.fromEntries(members) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function load(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}
