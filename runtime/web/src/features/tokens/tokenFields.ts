/** The form of a new token: what a person chose, and what is wrong with it. */

import type { NewToken, Scope } from "@/shared/api/tokens";

export interface TokenFields {
  name: string;
  days: number;
  /** Whether the token is limited to `scopes`. */
  limited: boolean;
  scopes: Scope[];
  groups: string[];
}

export type TokenProblems = Partial<Record<"name" | "scopes", string>>;

/** Days that the form offers; the API takes 1 to 365. */
export const LIFETIMES = [7, 30, 90, 180, 365];

const LONGEST_NAME = 64;
// eslint-disable-next-line no-control-regex -- what the API refuses
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** The form at first: the caller's groups, all operations, 90 days. */
export function newTokenFields(groups: string[]): TokenFields {
  return { name: "", days: 90, limited: false, scopes: [], groups };
}

export function tokenProblems({ name, limited, scopes }: TokenFields): TokenProblems {
  const problems: TokenProblems = {};
  const trimmed = name.trim();
  if (trimmed === "") problems.name = "Enter what the token is for, such as the name of a program.";
  // The API counts characters, a string's length counts UTF-16 units.
  else if (Array.from(trimmed).length > LONGEST_NAME) problems.name = `Use at most ${LONGEST_NAME} characters.`;
  else if (UNPRINTABLE.test(trimmed)) problems.name = "Use printable characters only.";
  if (limited && scopes.length === 0) problems.scopes = "Choose at least one operation, or allow all operations.";
  return problems;
}

export function wantedToken({ name, days, limited, scopes, groups }: TokenFields, callersGroups: string[]): NewToken {
  const hasAll = callersGroups.every((group) => groups.includes(group));
  return { name: name.trim(), days, scopes: limited ? scopes : [], groups: hasAll ? null : groups };
}
