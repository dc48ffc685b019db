/**
 * The groups that a token names at a dot path. A key may hold dots and colons itself: `cognito:groups`,
 * `https://example.com/roles`. A single group may stand there without a list.
 */
export function groupsAt(claims: unknown, path: string): string[] {
  if (path === "") return groups(claims);
  if (typeof claims !== "object" || claims === null) return [];
  const parts = path.split(".");
  for (let length = parts.length; length > 0; length -= 1) {
    const key = parts.slice(0, length).join(".");
    if (Object.hasOwn(claims, key)) {
      return groupsAt((claims as Record<string, unknown>)[key], parts.slice(length).join("."));
    }
  }
  return [];
}

function groups(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((group): group is string => typeof group === "string" && group !== "");
}
