import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";

import "@/features/chat/chat.css";
import type { Ask, Retrieval } from "@/features/chat/answering";
import { Composer } from "@/features/chat/Composer";
import type { ContextFile } from "@/features/chat/contextFile";
import { LiveConversation } from "@/features/chat/liveConversation";
import { isShown, type Message, storedMessages } from "@/features/chat/message";
import { MessageList } from "@/features/chat/MessageList";
import { completionArguments } from "@/features/chat/modelArguments";
import { ModelSelect } from "@/features/chat/ModelSelect";
import type { OpenConversations } from "@/features/chat/openConversations";
import { recentExchanges } from "@/features/chat/prompt";
import { SavingNote } from "@/features/chat/SavingNote";
import type { ChatSettings } from "@/features/chat/settings";
import { Suggestions } from "@/features/chat/Suggestions";
import { findUnsaved, type UnsavedMessages } from "@/features/chat/unsavedMessages";
import { queryKeys, useApi } from "@/shared/api";
import { ApiError } from "@/shared/api/request";
import type { StoredSession } from "@/shared/api/sessions";
import { useCaller } from "@/shared/authentication/caller";
import { type ServedModel, useServedModels } from "@/shared/servedModels";
import { Loading } from "@/shared/ui/Loading";
import { QueryProblem } from "@/shared/ui/QueryProblem";

export interface ChatPageProps {
  sessionId: string;
  /** Whether the session is only about to begin, so that there is nothing to load. */
  isNew: boolean;
  settings: ChatSettings;
  onSettings: (settings: ChatSettings) => void;
  retrieval: Retrieval | null;
  /** Opens the upload of documents; null where there is no repository. */
  onUpload: (() => void) | null;
  /** A question is asked, with which a new session begins. */
  onAsked: () => void;
  /** Another session is shown, which is open already. */
  onOpen: (sessionId: string) => void;
  conversations: OpenConversations;
}

const NEW_SESSION: StoredSession = { version: 0, messages: [] };

/** A conversation with a model. Mount it again for another session. */
export function ChatPage(props: ChatPageProps) {
  const { sessionId, conversations } = props;
  const [isLoaded] = useState(() => props.isNew || conversations.find(sessionId) !== null);
  const { id: callerId } = useCaller();
  const { sessions } = useApi();
  const session = useQuery({
    queryKey: queryKeys.session(sessionId),
    queryFn: async ({ signal }): Promise<OpenedSession> => {
      const unsaved = findUnsaved(callerId, sessionId);
      try {
        return { stored: await sessions.get(sessionId, signal), unsaved };
      } catch (error) {
        // A page that went away before its first question was stored.
        if (unsaved?.version === 0 && error instanceof ApiError && error.status === 404) {
          return { stored: NEW_SESSION, unsaved };
        }
        throw error;
      }
    },
    enabled: !isLoaded,
    gcTime: 0,
    staleTime: Infinity,
  });
  if (isLoaded) return <LoadedChat {...props} opened={{ stored: NEW_SESSION, unsaved: null }} />;
  if (session.isError) {
    return <QueryProblem what="The session" error={session.error} onRetry={() => void session.refetch()} />;
  }
  if (session.isPending) {
    return <Loading what="Loading the session" />;
  }
  return <LoadedChat {...props} opened={session.data} />;
}

interface OpenedSession {
  stored: StoredSession;
  unsaved: UnsavedMessages | null;
}

/** The session's conversation, which goes on being saved after its screen was left. */
function useLiveConversation(sessionId: string, opened: OpenedSession, conversations: OpenConversations) {
  const api = useApi();
  const [live] = useState(
    () =>
      conversations.find(sessionId) ??
      new LiveConversation({ sessionId, api, ...opened, onSaved: (saved) => conversations.onSaved(saved) }),
  );
  useEffect(() => {
    conversations.enter(live);
    return () => conversations.leave(live);
  }, [conversations, live]);
  return { live, state: useSyncExternalStore(live.subscribe, live.getState) };
}

function LoadedChat({
  sessionId,
  settings,
  onSettings,
  retrieval,
  onUpload,
  onAsked,
  onOpen,
  conversations,
  opened,
}: ChatPageProps & { opened: OpenedSession }) {
  const served = useServedModels();
  const models = (served.data ?? []).filter(({ type }) => type === "textgen");
  const model = chooseModel(models, settings.model);
  const [file, setFile] = useState<ContextFile | null>(null);
  const api = useApi();
  const { live, state } = useLiveConversation(sessionId, opened, conversations);
  const { stage } = state;
  const messages = state.messages.filter(isShown);

  const askWith = (before: Message[]): Omit<Ask, "question"> => ({
    history: recentExchanges(before, settings.historyLength),
    model: model?.id ?? "",
    streaming: settings.streaming && model?.streaming === true,
    arguments: completionArguments(settings.arguments),
    prompt: settings.prompt,
    file,
    retrieval,
  });
  const ask = (question: string) => {
    live.ask(question, askWith(messages));
    onAsked();
  };
  const retry = () => {
    const replaced = messages.at(-1);
    const place = messages.findLastIndex(({ role }) => role === "human");
    const asked = messages[place];
    if (replaced?.role === "ai" && asked?.role === "human") {
      live.retry(replaced.id, asked.content, askWith(messages.slice(0, place)));
    }
  };
  const keepAsNew = () => {
    const copy = new LiveConversation({
      sessionId: crypto.randomUUID(),
      api,
      stored: NEW_SESSION,
      unsaved: { version: 0, messages: storedMessages(state.messages) },
      onSaved: (saved) => conversations.onSaved(saved),
    });
    conversations.enter(copy);
    onOpen(copy.sessionId);
  };

  return (
    <div className="lisa-chat">
      <div className="lisa-chat-content">
        <SpaceBetween size="l">
          <Header
            variant="h1"
            actions={
              <ModelChoice
                models={models}
                loading={served.isPending}
                model={model}
                answering={stage !== null}
                settings={settings}
                onSettings={onSettings}
              />
            }
          >
            Chat
          </Header>
          {served.isError && (
            <QueryProblem what="The models" error={served.error} onRetry={() => void served.refetch()} />
          )}
          <SavingNote saving={state.saving} onSave={() => live.save()} onKeep={keepAsNew} />
          {messages.length === 0 ? (
            <Suggestions disabled={model === null} onAsk={ask} />
          ) : (
            <MessageList
              messages={messages}
              stage={stage}
              showMetadata={settings.showMetadata}
              merged={state.merged}
              onChoose={(answerId, alternative) => live.choose(answerId, alternative)}
              onRetry={retry}
            />
          )}
        </SpaceBetween>
      </div>
      <div className="lisa-composer">
        <Composer
          obstacle={obstacleOf(served.isPending, model)}
          answering={stage !== null}
          file={file}
          onFile={setFile}
          onUpload={onUpload}
          onAsk={ask}
          onStop={() => live.stop()}
        />
        <Box variant="small" color="text-body-secondary" textAlign="center" display="block" padding={{ top: "xxs" }}>
          {retrieval === null
            ? "Models can make mistakes. Check important information."
            : `Answers use documents of ${retrieval.repository.repositoryId}. Check important information.`}
        </Box>
      </div>
    </div>
  );
}

interface ModelChoiceProps {
  models: ServedModel[];
  loading: boolean;
  model: ServedModel | null;
  answering: boolean;
  settings: ChatSettings;
  onSettings: (settings: ChatSettings) => void;
}

function ModelChoice({ models, loading, model, answering, settings, onSettings }: ModelChoiceProps) {
  return (
    <SpaceBetween direction="horizontal" size="m" alignItems="center">
      {model?.streaming === true && (
        <Toggle
          checked={settings.streaming}
          onChange={({ detail }) => onSettings({ ...settings, streaming: detail.checked })}
        >
          Stream answers
        </Toggle>
      )}
      <div className="lisa-model-select">
        <ModelSelect
          models={models}
          loading={loading}
          chosen={model}
          disabled={answering}
          onChoose={(id) => onSettings({ ...settings, model: id })}
        />
      </div>
    </SpaceBetween>
  );
}

function chooseModel(models: ServedModel[], chosen: string | null): ServedModel | null {
  const available = models.filter((model) => model.available);
  return available.find(({ id }) => id === chosen) ?? available[0] ?? null;
}

function obstacleOf(loading: boolean, model: ServedModel | null): string | null {
  if (model !== null) return null;
  return loading ? "Loading the models" : "No model is available";
}
