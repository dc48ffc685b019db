import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import SpaceBetween from "@cloudscape-design/components/space-between";

import type { Passage } from "@/shared/api/repositories";

/** The passages that an answer was given, by the document that they come from. */
export function Sources({ sources }: { sources: Passage[] }) {
  if (sources.length === 0) return null;
  return (
    <ExpandableSection headerText={`Sources (${sources.length})`} variant="footer">
      <SpaceBetween size="s">
        {sources.map(({ source, content }, index) => (
          <div key={index}>
            <Box variant="awsui-key-label">{fileName(source)}</Box>
            <Box variant="small" color="text-body-secondary">
              <span className="lisa-plain">{content}</span>
            </Box>
          </div>
        ))}
      </SpaceBetween>
    </ExpandableSection>
  );
}

/** `s3://bucket/user/report.pdf` is the report to people. */
export function fileName(source: string): string {
  return source.split("/").findLast((part) => part !== "") ?? source;
}
