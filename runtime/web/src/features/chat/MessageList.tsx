import LiveRegion from "@cloudscape-design/components/live-region";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useEffect, useRef } from "react";

import { AnswerBubble } from "@/features/chat/AnswerBubble";
import type { Stage } from "@/features/chat/conversation";
import { type Message, textOf } from "@/features/chat/message";
import { QuestionBubble } from "@/features/chat/QuestionBubble";

interface MessageListProps {
  messages: Message[];
  stage: Stage | null;
  showMetadata: boolean;
  /** Whether another tab or device has changed the conversation since the last question. */
  merged: boolean;
  onChoose: (answerId: string, alternative: number) => void;
  onRetry: () => void;
}

/** The conversation. Screen readers are told an answer once, when it has ended. */
export function MessageList({ messages, stage, showMetadata, merged, onChoose, onRetry }: MessageListProps) {
  useFollowedEnd(messages);
  const last = messages.at(-1);
  return (
    <section aria-label="Conversation">
      <SpaceBetween size="l">
        {messages.map((message) =>
          message.role === "human" ? (
            <QuestionBubble key={message.id} question={message} />
          ) : (
            <AnswerBubble
              key={message.id}
              answer={message}
              stage={message.status === "pending" ? stage : null}
              showMetadata={showMetadata}
              onChoose={(alternative) => onChoose(message.id, alternative)}
              onRetry={message === last && stage === null ? onRetry : null}
            />
          ),
        )}
      </SpaceBetween>
      {merged && (
        <div className="lisa-merged" role="status">
          <StatusIndicator type="info">Includes messages from another tab or device</StatusIndicator>
        </div>
      )}
      <LiveRegion hidden>{last?.role === "ai" ? announcement(last.status, textOf(last)) : ""}</LiveRegion>
    </section>
  );
}

function announcement(status: string, text: string): string {
  switch (status) {
    case "pending":
      return "The model is answering.";
    case "complete":
      return `Answer: ${text}`;
    case "stopped":
      return "The answer was stopped.";
    case "partial":
      return "The answer is incomplete.";
    default:
      return "The answer failed.";
  }
}

const NEAR_PX = 160;

/** Keeps the end of the conversation in sight while it grows, unless the person has scrolled away from it. */
function useFollowedEnd(messages: Message[]) {
  const followed = useRef(true);
  useEffect(() => {
    const onScroll = () => {
      const { scrollHeight, clientHeight, scrollTop } = document.documentElement;
      followed.current = scrollHeight - clientHeight - scrollTop < NEAR_PX;
    };
    window.addEventListener("scroll", onScroll, { passive: true });
    return () => window.removeEventListener("scroll", onScroll);
  }, []);
  const count = messages.length;
  useEffect(() => {
    followed.current = true;
  }, [count]);
  useEffect(() => {
    if (followed.current) window.scrollTo({ top: document.documentElement.scrollHeight });
  }, [messages]);
}
