import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Box from "@cloudscape-design/components/box";

import type { UploadState } from "@/features/documents/upload";

/** How far each upload is. */
export function UploadProgress({ states }: { states: ReadonlyMap<File, UploadState> }) {
  return (
    <SpaceBetween size="m">
      {[...states].map(([file, state], index) => (
        <div key={index}>
          <FileProgress name={file.name} state={state} />
        </div>
      ))}
    </SpaceBetween>
  );
}

function FileProgress({ name, state }: { name: string; state: UploadState }) {
  switch (state.stage) {
    case "waiting":
      return <Line name={name} indicator={<StatusIndicator type="pending">Waiting</StatusIndicator>} />;
    case "uploading":
      return <ProgressBar label={name} description="Uploading" value={Math.round(state.part * 100)} />;
    case "ingesting":
      return <Line name={name} indicator={<StatusIndicator type="loading">Ingesting</StatusIndicator>} />;
    case "done":
      return (
        <Line
          name={name}
          indicator={<StatusIndicator type="success">Ingested: {state.chunks} chunks</StatusIndicator>}
        />
      );
    case "failed":
      return <Line name={name} indicator={<StatusIndicator type="error">{state.message}</StatusIndicator>} />;
  }
}

function Line({ name, indicator }: { name: string; indicator: React.ReactNode }) {
  return (
    <div role="status">
      <Box variant="awsui-key-label">{name}</Box>
      {indicator}
    </div>
  );
}
