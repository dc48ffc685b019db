import { useCallback, useState } from "react";

/**
 * State that outlives the page, in local storage. What is stored may be of another version, or of somebody's hand:
 * `read` takes it as unknown and returns something whole.
 */
export function useStoredState<Value>(key: string, read: (stored: unknown) => Value): [Value, (value: Value) => void] {
  const [value, setValue] = useState(() => read(load(key)));
  const store = useCallback(
    (next: Value) => {
      setValue(next);
      try {
        localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Storage is full or forbidden: the value counts for this page.
      }
    },
    [key],
  );
  return [value, store];
}

function load(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}
