export type DiffKind = "added" | "removed" | "place" | "same";

/** The lines of a unified diff, each with its line break, and what it says of its line. */
export function diffLines(patch: string): { kind: DiffKind; text: string }[] {
  return (patch.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((text) => ({ kind: kindOf(text), text }));
}

function kindOf(line: string): DiffKind {
  if (/^(@@|---|\+\+\+|diff |index )/.test(line)) return "place";
  if (line.startsWith("+")) return "added";
  return line.startsWith("-") ? "removed" : "same";
}
