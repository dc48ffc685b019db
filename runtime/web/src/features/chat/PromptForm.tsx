import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";

import { type PromptFormat, type PromptSettings, templateProblem } from "@/features/chat/prompt";

interface PromptFormProps {
  prompt: PromptSettings;
  onChange: (prompt: PromptSettings) => void;
}

export function PromptForm({ prompt, onChange }: PromptFormProps) {
  const change = (changes: Partial<PromptSettings>) => onChange({ ...prompt, ...changes });
  return (
    <SpaceBetween size="m">
      <FormField label="Format">
        <RadioGroup
          value={prompt.format}
          items={[
            {
              value: "messages",
              label: "Chat messages",
              description: "Instructions, then the conversation as messages. For chat models.",
            },
            {
              value: "text",
              label: "Template",
              description: "One text with all parts. For completion models.",
            },
          ]}
          onChange={({ detail }) => change({ format: detail.value as PromptFormat })}
        />
      </FormField>
      {prompt.format === "messages" ? (
        <FormField label="Instructions" description="Instructions for the model, sent before the conversation.">
          <Textarea
            rows={5}
            value={prompt.instructions}
            onChange={({ detail }) => change({ instructions: detail.value })}
          />
        </FormField>
      ) : (
        <TemplateFields prompt={prompt} onChange={change} />
      )}
    </SpaceBetween>
  );
}

function TemplateFields({
  prompt,
  onChange,
}: {
  prompt: PromptSettings;
  onChange: (changes: Partial<PromptSettings>) => void;
}) {
  return (
    <SpaceBetween size="m">
      <FormField
        label="Prompt template"
        description="{input} is the question, {history} the conversation, {context} the content of files and documents, {human} and {ai} the prefixes."
        errorText={templateProblem(prompt.template)}
      >
        <Textarea rows={12} value={prompt.template} onChange={({ detail }) => onChange({ template: detail.value })} />
      </FormField>
      <FormField label="Human prefix">
        <Input value={prompt.humanPrefix} onChange={({ detail }) => onChange({ humanPrefix: detail.value })} />
      </FormField>
      <FormField label="AI prefix">
        <Input value={prompt.aiPrefix} onChange={({ detail }) => onChange({ aiPrefix: detail.value })} />
      </FormField>
    </SpaceBetween>
  );
}
