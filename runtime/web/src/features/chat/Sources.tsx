import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";

import type { Chunk } from "@/shared/api/repositories";

const BEGINNING = 160;

/** The chunks that an answer was given, each with the document that it comes from. */
export function Sources({ sources }: { sources: Chunk[] }) {
  if (sources.length === 0) return null;
  return (
    <ExpandableSection headerText={`Sources (${sources.length})`} variant="footer">
      {sources.map(({ source, content }, index) => (
        <ExpandableSection key={index} headerText={fileName(source)} headerDescription={beginningOf(content)}>
          <Box variant="small" color="text-body-secondary">
            <span className="lisa-plain">{content}</span>
          </Box>
        </ExpandableSection>
      ))}
    </ExpandableSection>
  );
}

/** `s3://bucket/user/report.pdf` is the report to people. */
export function fileName(source: string): string {
  return source.split("/").findLast((part) => part !== "") ?? source;
}

function beginningOf(content: string): string {
  const line = content.replace(/\s+/g, " ").trim();
  return line.length > BEGINNING ? `${line.slice(0, BEGINNING)}…` : line;
}
