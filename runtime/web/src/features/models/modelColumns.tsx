import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";
import Box from "@cloudscape-design/components/box";

import { STATES } from "@/features/models/modelState";
import type { ManagedModel } from "@/shared/api/models";

export const COLUMNS: TableProps.ColumnDefinition<ManagedModel>[] = [
  {
    id: "modelId",
    header: "Model",
    sortingField: "modelId",
    isRowHeader: true,
    cell: ({ modelId, modelName }) => (
      <>
        <Box fontWeight="bold">{modelId}</Box>
        {modelName !== modelId && (
          <Box variant="small" color="text-body-secondary">
            {modelName}
          </Box>
        )}
      </>
    ),
  },
  {
    id: "status",
    header: "State",
    sortingField: "status",
    cell: ({ status, statusReason }) => (
      <>
        <StatusIndicator type={STATES[status].indicator}>{STATES[status].label}</StatusIndicator>
        {statusReason !== null && (
          <Box variant="small" color="text-body-secondary">
            {statusReason}
          </Box>
        )}
      </>
    ),
  },
  {
    id: "modelType",
    header: "Type",
    sortingField: "modelType",
    cell: ({ modelType, streaming }) =>
      modelType === "embedding" ? "Embedding" : `Text generation${streaming ? ", streaming" : ""}`,
  },
  {
    id: "instanceType",
    header: "Instance",
    sortingField: "instanceType",
    cell: ({ instanceType }) => instanceType ?? "–",
  },
  {
    id: "capacity",
    header: "Instances",
    cell: ({ minCapacity, maxCapacity }) =>
      minCapacity === null ? "–" : `${minCapacity} to ${maxCapacity ?? minCapacity}`,
  },
  {
    id: "inferenceContainer",
    header: "Container",
    sortingField: "inferenceContainer",
    cell: ({ inferenceContainer }) => inferenceContainer ?? "–",
  },
];
