import Avatar from "@cloudscape-design/chat-components/avatar";
import ChatBubble from "@cloudscape-design/chat-components/chat-bubble";
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonGroup, { type ButtonGroupProps } from "@cloudscape-design/components/button-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";

import { Alternatives } from "@/features/chat/Alternatives";
import { AnswerDetails } from "@/features/chat/AnswerDetails";
import type { Stage } from "@/features/chat/conversation";
import { type Answer, textOf } from "@/features/chat/message";
import { Sources } from "@/features/chat/Sources";
import { Markdown } from "@/shared/markdown/Markdown";

interface AnswerBubbleProps {
  answer: Answer;
  stage: Stage | null;
  showMetadata: boolean;
  onChoose: (alternative: number) => void;
  /** Null when the answer cannot be asked for again. */
  onRetry: (() => void) | null;
}

const WAITING: Record<Stage, string> = {
  rephrasing: "Rephrasing the question…",
  searching: "Searching the documents…",
  answering: "Generating an answer…",
};

export function AnswerBubble({ answer, stage, showMetadata, onChoose, onRetry }: AnswerBubbleProps) {
  const text = textOf(answer);
  const pending = answer.status === "pending";
  return (
    <ChatBubble
      type="incoming"
      ariaLabel={answer.metadata ? `Answer of ${answer.metadata.model}` : "Answer"}
      showLoadingBar={pending}
      avatar={<Avatar color="gen-ai" iconName="gen-ai" ariaLabel="Model" tooltipText="Model" loading={pending} />}
      actions={pending || text === "" ? undefined : <Actions text={text} onRetry={onRetry} />}
    >
      <SpaceBetween size="s">
        {pending && text === "" && <Box color="text-status-inactive">{WAITING[stage ?? "answering"]}</Box>}
        {text !== "" && <Markdown text={text} />}
        {answer.status === "stopped" && <StatusIndicator type="stopped">Stopped</StatusIndicator>}
        {answer.status === "partial" && <Incomplete reason={answer.error} onRetry={onRetry} />}
        {answer.status === "failed" && (
          <Alert
            type="error"
            header="The model did not respond"
            action={onRetry && <Button onClick={onRetry}>Try again</Button>}
          >
            {answer.error}
          </Alert>
        )}
        {!pending && answer.alternatives.length > 1 && (
          <Alternatives count={answer.alternatives.length} chosen={answer.chosen} onChoose={onChoose} />
        )}
        {!pending && <Sources sources={answer.metadata?.sources ?? []} />}
        {!pending && showMetadata && answer.metadata && <AnswerDetails metadata={answer.metadata} />}
      </SpaceBetween>
    </ChatBubble>
  );
}

/** The page that received the answer was closed, or still receives it, or its connection broke. */
function Incomplete({ reason, onRetry }: { reason: string | null; onRetry: (() => void) | null }) {
  return (
    <SpaceBetween direction="horizontal" size="s" alignItems="center">
      <StatusIndicator type="stopped">Incomplete answer{reason === null ? "" : `. ${reason}`}</StatusIndicator>
      {onRetry && (
        <Button variant="inline-link" onClick={onRetry}>
          Answer again
        </Button>
      )}
    </SpaceBetween>
  );
}

function Actions({ text, onRetry }: { text: string; onRetry: (() => void) | null }) {
  const [copied, setCopied] = useState(true);
  const copy: ButtonGroupProps.IconButton = {
    type: "icon-button",
    id: "copy",
    iconName: "copy",
    text: "Copy the answer",
    popoverFeedback: copied ? "Copied" : "Copying is blocked by the browser",
  };
  const retry: ButtonGroupProps.IconButton = {
    type: "icon-button",
    id: "retry",
    iconName: "refresh",
    text: "Answer again",
  };
  return (
    <ButtonGroup
      variant="icon"
      ariaLabel="Answer"
      items={onRetry ? [copy, retry] : [copy]}
      onItemClick={({ detail }) => {
        if (detail.id === "retry") onRetry?.();
        else
          navigator.clipboard.writeText(text).then(
            () => setCopied(true),
            () => setCopied(false),
          );
      }}
    />
  );
}
