/** What the times of a token say. */

import type { ApiToken } from "@/shared/api/tokens";

const DAY = 86_400;
const SOON_DAYS = 7;

export type Validity = "valid" | "soon" | "expired";

/** Whether a token has expired, or does so within a week. */
export function validityOf({ expires }: Pick<ApiToken, "expires">, now: number): Validity {
  if (expires === null || expires - now > SOON_DAYS * DAY) return "valid";
  return expires > now ? "soon" : "expired";
}

/** How long until a time, or how long ago it was, in days: `in 5 days`, `tomorrow`, `yesterday`. */
export function inDays(seconds: number, now: number): string {
  const days = Math.trunc((seconds - now) / DAY);
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(days, "day");
}

/** The day of a time, as `Nov 29, 2026`. */
export function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toLocaleDateString("en", { dateStyle: "medium" });
}
