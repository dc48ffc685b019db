/** The arguments of a model: what a person typed, what is wrong with it, and what is sent. */

import type { CompletionArguments } from "@/shared/api/gateway";

export const MAX_STOP_SEQUENCES = 4;

type NumericName = "max_tokens" | "n" | "temperature" | "top_p" | "frequency_penalty" | "presence_penalty" | "seed";

/** Fields as they are typed; an empty one is the model's own default. */
export type ArgumentFields = Record<NumericName, string> & { stop: string[] };

interface NumericArgument {
  name: NumericName;
  label: string;
  description: string;
  minimum: number;
  maximum: number;
  whole: boolean;
}

/** Ranges of the OpenAI API reference, "Create chat completion". */
export const NUMERIC_ARGUMENTS: readonly NumericArgument[] = [
  {
    name: "max_tokens",
    label: "Max tokens",
    description: "Maximum length of an answer.",
    minimum: 1,
    maximum: 1_000_000,
    whole: true,
  },
  {
    name: "temperature",
    label: "Temperature",
    description: "Higher values give more varied answers, lower values more focused ones. 0 to 2.",
    minimum: 0,
    maximum: 2,
    whole: false,
  },
  {
    name: "top_p",
    label: "Top P",
    description: "Only tokens within this probability mass are considered. 0 to 1.",
    minimum: 0,
    maximum: 1,
    whole: false,
  },
  {
    name: "frequency_penalty",
    label: "Frequency penalty",
    description: "Values above 0 make frequently used words less likely. -2 to 2.",
    minimum: -2,
    maximum: 2,
    whole: false,
  },
  {
    name: "presence_penalty",
    label: "Presence penalty",
    description: "Values above 0 make new topics more likely. -2 to 2.",
    minimum: -2,
    maximum: 2,
    whole: false,
  },
  {
    name: "n",
    label: "Answers",
    description: "Number of alternative answers. 1 to 10.",
    minimum: 1,
    maximum: 10,
    whole: true,
  },
  {
    name: "seed",
    label: "Seed",
    description: "The same seed and arguments give the same answer, if the model supports it.",
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    whole: true,
  },
];

export const NO_ARGUMENTS: ArgumentFields = {
  max_tokens: "",
  n: "",
  temperature: "",
  top_p: "",
  frequency_penalty: "",
  presence_penalty: "",
  seed: "",
  stop: [],
};

/** What is wrong with a field; null when nothing is. */
export function argumentProblem(name: NumericName, typed: string): string | null {
  const argument = NUMERIC_ARGUMENTS.find((candidate) => candidate.name === name);
  if (argument === undefined || typed.trim() === "") return null;
  const { label, minimum, maximum, whole } = argument;
  const value = Number(typed);
  if (!Number.isFinite(value)) return `${label} must be a number.`;
  if (whole && !Number.isInteger(value)) return `${label} must be an integer.`;
  if (value < minimum) return `${label} must be at least ${minimum}.`;
  if (value > maximum) return `${label} must be at most ${maximum}.`;
  return null;
}

/** What is sent: every field that is filled and right. */
export function completionArguments(fields: ArgumentFields): CompletionArguments {
  const numbers = NUMERIC_ARGUMENTS.filter(
    ({ name }) => fields[name].trim() !== "" && argumentProblem(name, fields[name]) === null,
  ).map(({ name }) => [name, Number(fields[name])]);
  const stop = fields.stop.filter((sequence) => sequence !== "").slice(0, MAX_STOP_SEQUENCES);
  return { ...Object.fromEntries(numbers), ...(stop.length > 0 ? { stop } : {}) } as CompletionArguments;
}

export function readArgumentFields(stored: unknown): ArgumentFields {
  if (typeof stored !== "object" || stored === null) return NO_ARGUMENTS;
  const values = stored as Record<string, unknown>;
  const numbers = NUMERIC_ARGUMENTS.map(({ name }) => [name, typeof values[name] === "string" ? values[name] : ""]);
  const { stop } = values;
  return {
    ...(Object.fromEntries(numbers) as Omit<ArgumentFields, "stop">),
    stop: Array.isArray(stop) ? stop.filter((sequence) => typeof sequence === "string") : [],
  };
}
