import Avatar from "@cloudscape-design/chat-components/avatar";
import ChatBubble from "@cloudscape-design/chat-components/chat-bubble";

import type { Question } from "@/features/chat/message";
import { useCaller } from "@/shared/authentication/caller";

export function QuestionBubble({ question }: { question: Question }) {
  const { name } = useCaller();
  return (
    <ChatBubble
      type="outgoing"
      ariaLabel={`Question of ${name}`}
      avatar={<Avatar ariaLabel={name} tooltipText={name} initials={initialsOf(name)} />}
    >
      <div className="lisa-plain">{question.content}</div>
    </ChatBubble>
  );
}

function initialsOf(name: string): string {
  const initials = name.matchAll(/(?:^|[\s._@-])(\p{L})/gu);
  return Array.from(initials, ([, letter = ""]) => letter.toUpperCase())
    .slice(0, 2)
    .join("");
}
