import SupportPromptGroup from "@cloudscape-design/chat-components/support-prompt-group";
import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { useCaller } from "@/shared/authentication/caller";

const PROMPTS = [
  { id: "explain", text: "Explain what a large language model is, in three sentences." },
  { id: "code", text: "Write a Python function that counts the words of a text file." },
  { id: "compare", text: "Compare supervised and unsupervised learning in a table." },
];

/** What an empty conversation shows: a greeting, and questions to begin with. */
export function Suggestions({ disabled, onAsk }: { disabled: boolean; onAsk: (question: string) => void }) {
  const { name } = useCaller();
  return (
    <Box padding={{ vertical: "xxl" }} textAlign="center">
      <SpaceBetween size="l">
        <div>
          <Box variant="h2" fontSize="heading-xl">
            Hello, {name}
          </Box>
          <Box variant="p" color="text-body-secondary">
            Ask the models of this deployment. Your sessions are private.
          </Box>
        </div>
        {!disabled && (
          <div className="lisa-suggestions">
            <SupportPromptGroup
              ariaLabel="Suggested questions"
              alignment="horizontal"
              items={PROMPTS}
              onItemClick={({ detail }) => {
                const prompt = PROMPTS.find(({ id }) => id === detail.id);
                if (prompt) onAsk(prompt.text);
              }}
            />
          </div>
        )}
      </SpaceBetween>
    </Box>
  );
}
