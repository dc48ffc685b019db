import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import "@/features/chat/chat.css";
import type { Ask, Retrieval } from "@/features/chat/answering";
import { Composer } from "@/features/chat/Composer";
import type { ContextFile } from "@/features/chat/contextFile";
import { type Message, readMessages } from "@/features/chat/message";
import { MessageList } from "@/features/chat/MessageList";
import { completionArguments } from "@/features/chat/modelArguments";
import { ModelSelect } from "@/features/chat/ModelSelect";
import { recentExchanges } from "@/features/chat/prompt";
import type { ChatSettings } from "@/features/chat/settings";
import { Suggestions } from "@/features/chat/Suggestions";
import { useConversation } from "@/features/chat/useConversation";
import { queryKeys, useApi } from "@/shared/api";
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
  onSaved: (sessionId: string) => void;
}

/** A conversation with a model. Mount it anew for another session. */
export function ChatPage(props: ChatPageProps) {
  const { sessionId } = props;
  const [isNew] = useState(props.isNew);
  const { sessions } = useApi();
  const session = useQuery({
    queryKey: queryKeys.session(sessionId),
    queryFn: async ({ signal }) => readMessages(await sessions.get(sessionId, signal), () => crypto.randomUUID()),
    enabled: !isNew,
    gcTime: 0,
    staleTime: Infinity,
  });
  if (isNew) return <LoadedChat {...props} initial={[]} />;
  if (session.isError) {
    return <QueryProblem what="The session" error={session.error} onRetry={() => void session.refetch()} />;
  }
  if (session.isPending) {
    return <Loading what="Loading the session" />;
  }
  return <LoadedChat {...props} initial={session.data} />;
}

function LoadedChat({
  sessionId,
  settings,
  onSettings,
  retrieval,
  onUpload,
  onSaved,
  initial,
}: ChatPageProps & { initial: Message[] }) {
  const served = useServedModels();
  const models = (served.data ?? []).filter(({ type }) => type === "textgen");
  const model = chooseModel(models, settings.model);
  const [file, setFile] = useState<ContextFile | null>(null);
  const conversation = useConversation(sessionId, initial, onSaved);
  const { messages, stage } = conversation;

  const askWith = (before: Message[]): Omit<Ask, "question"> => ({
    history: recentExchanges(before, settings.historyLength),
    model: model?.id ?? "",
    streaming: settings.streaming && model?.streaming === true,
    arguments: completionArguments(settings.arguments),
    prompt: settings.prompt,
    file,
    retrieval,
  });
  const ask = (question: string) => conversation.ask(question, askWith(messages));
  const retry = () => {
    const asked = messages.at(-2);
    if (asked?.role === "human") conversation.retry(asked.content, askWith(messages.slice(0, -2)));
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
          {conversation.saveProblem !== null && (
            <Alert
              type="warning"
              header="The session is not saved"
              action={<Button onClick={conversation.save}>Save again</Button>}
            >
              {conversation.saveProblem}
            </Alert>
          )}
          {messages.length === 0 ? (
            <Suggestions disabled={model === null} onAsk={ask} />
          ) : (
            <MessageList
              messages={messages}
              stage={stage}
              showMetadata={settings.showMetadata}
              onChoose={conversation.choose}
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
          onStop={conversation.stop}
        />
        <Box variant="small" color="text-body-secondary" textAlign="center" display="block" padding={{ top: "xxs" }}>
          {retrieval === null
            ? "Models make mistakes. Check what matters."
            : `Answers use documents of ${retrieval.repository.repositoryId}. Check what matters.`}
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
  return loading ? "Loading the models" : "No model can be asked at present";
}
