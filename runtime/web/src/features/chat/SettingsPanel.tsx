import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Drawer from "@cloudscape-design/components/drawer";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Slider from "@cloudscape-design/components/slider";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import type { ReactNode } from "react";

import { ArgumentsForm } from "@/features/chat/ArgumentsForm";
import { PromptForm } from "@/features/chat/PromptForm";
import { type ChatSettings, DEFAULT_SETTINGS, HISTORY_LIMITS } from "@/features/chat/settings";

interface SettingsPanelProps {
  settings: ChatSettings;
  onChange: (settings: ChatSettings) => void;
  /** Settings of the search in documents; null where there is none. */
  retrieval: ReactNode;
}

/** The settings of the chat. They count from the next question on, and are kept in the browser. */
export function SettingsPanel({ settings, onChange, retrieval }: SettingsPanelProps) {
  const change = (changes: Partial<ChatSettings>) => onChange({ ...settings, ...changes });
  return (
    <Drawer header={<h2>Chat settings</h2>}>
      <SpaceBetween size="l">
        <FormField
          label={`Conversation history: ${settings.historyLength}`}
          description="Number of earlier questions and answers sent to the model."
        >
          <Slider
            ariaLabel="Conversation history"
            value={settings.historyLength}
            min={HISTORY_LIMITS.minimum}
            max={HISTORY_LIMITS.maximum}
            tickMarks
            onChange={({ detail }) => change({ historyLength: detail.value })}
          />
        </FormField>
        <Toggle checked={settings.showMetadata} onChange={({ detail }) => change({ showMetadata: detail.checked })}>
          Show metadata below answers
        </Toggle>
        {retrieval !== null && (
          <ExpandableSection headerText="Documents" variant="footer" defaultExpanded>
            {retrieval}
          </ExpandableSection>
        )}
        <ExpandableSection headerText="Model arguments" variant="footer">
          <ArgumentsForm fields={settings.arguments} onChange={(fields) => change({ arguments: fields })} />
        </ExpandableSection>
        <ExpandableSection headerText="Prompt" variant="footer">
          <PromptForm prompt={settings.prompt} onChange={(prompt) => change({ prompt })} />
        </ExpandableSection>
        <Box>
          <Button iconName="undo" onClick={() => onChange({ ...DEFAULT_SETTINGS, model: settings.model })}>
            Reset to defaults
          </Button>
        </Box>
      </SpaceBetween>
    </Drawer>
  );
}
