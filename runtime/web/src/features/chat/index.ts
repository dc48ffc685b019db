/** Chat: a conversation with a model, and its settings. The screens are loaded when they are first opened. */

import { lazy } from "react";

export const ChatPage = lazy(async () => ({ default: (await import("@/features/chat/ChatPage")).ChatPage }));
export const SettingsPanel = lazy(async () => ({
  default: (await import("@/features/chat/SettingsPanel")).SettingsPanel,
}));
export { readChatSettings } from "@/features/chat/settings";
export { useOpenConversations } from "@/features/chat/openConversations";
