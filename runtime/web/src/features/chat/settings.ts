/** The settings of the chat, kept in the browser. */

import { type ArgumentFields, NO_ARGUMENTS, readArgumentFields } from "@/features/chat/modelArguments";
import { DEFAULT_PROMPT, type PromptSettings, readPromptSettings } from "@/features/chat/prompt";

export const HISTORY_LIMITS = { minimum: 1, maximum: 10 } as const;

export interface ChatSettings {
  /** Id of the model that was chosen last. */
  model: string | null;
  /** Whether answers come piece by piece, where the model can. */
  streaming: boolean;
  arguments: ArgumentFields;
  prompt: PromptSettings;
  /** How many exchanges before a question the model is told, 1 to 10. */
  historyLength: number;
  showMetadata: boolean;
}

export const DEFAULT_SETTINGS: ChatSettings = {
  model: null,
  streaming: true,
  arguments: NO_ARGUMENTS,
  prompt: DEFAULT_PROMPT,
  historyLength: 7,
  showMetadata: false,
};

export function readChatSettings(stored: unknown): ChatSettings {
  if (typeof stored !== "object" || stored === null) return DEFAULT_SETTINGS;
  const values = stored as Record<string, unknown>;
  const { model, historyLength } = values;
  return {
    model: typeof model === "string" ? model : null,
    streaming: values["streaming"] !== false,
    arguments: readArgumentFields(values["arguments"]),
    prompt: readPromptSettings(values["prompt"]),
    historyLength: isHistoryLength(historyLength) ? historyLength : DEFAULT_SETTINGS.historyLength,
    showMetadata: values["showMetadata"] === true,
  };
}

function isHistoryLength(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= HISTORY_LIMITS.minimum && Number(value) <= HISTORY_LIMITS.maximum;
}
