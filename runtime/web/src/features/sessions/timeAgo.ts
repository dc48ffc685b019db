const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** How long ago a time was, as `5 minutes ago`; the date when it is over a week; empty for what is no time. */
export function timeAgo(time: string, now: Date): string {
  const then = new Date(time);
  if (Number.isNaN(then.getTime())) return "";
  const seconds = (now.getTime() - then.getTime()) / 1000;
  if (seconds > 7 * 86_400) return then.toLocaleDateString("en", { dateStyle: "medium" });
  const [unit, size] = UNITS.find(([, length]) => seconds >= length) ?? ["second", 1];
  return unit === "second"
    ? "just now"
    : new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-Math.floor(seconds / size), unit);
}
