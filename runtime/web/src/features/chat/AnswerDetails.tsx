import ExpandableSection from "@cloudscape-design/components/expandable-section";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { lazy, Suspense } from "react";

import type { AnswerMetadata } from "@/features/chat/message";

const CodeBlock = lazy(async () => ({ default: (await import("@/shared/markdown/CodeBlock")).CodeBlock }));

/** How an answer came about: model, tokens, time, and everything as JSON. */
export function AnswerDetails({ metadata }: { metadata: AnswerMetadata }) {
  const { model, finishReason, usage, milliseconds, standaloneQuestion } = metadata;
  const items = [
    { label: "Model", value: model },
    { label: "Finish reason", value: finishReason ?? "–" },
    { label: "Time", value: milliseconds === undefined ? "–" : `${(milliseconds / 1000).toFixed(1)} s` },
    ...(usage
      ? [{ label: "Tokens", value: `${usage.prompt_tokens ?? 0} in, ${usage.completion_tokens ?? 0} out` }]
      : []),
    ...(standaloneQuestion === undefined ? [] : [{ label: "Search query", value: standaloneQuestion }]),
  ];
  return (
    <ExpandableSection headerText="Metadata" variant="footer" defaultExpanded>
      <SpaceBetween size="s">
        <KeyValuePairs columns={3} items={items} />
        <ExpandableSection headerText="As JSON">
          <Suspense>
            <CodeBlock code={JSON.stringify(metadata, null, 2)} language="json" label="Metadata" />
          </Suspense>
        </ExpandableSection>
      </SpaceBetween>
    </ExpandableSection>
  );
}
