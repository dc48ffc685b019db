import Box from "@cloudscape-design/components/box";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";

import { appearanceOf } from "@/features/models/modelState";
import type { ManagedModel } from "@/shared/api/models";

const UNKNOWN = "–";

export const COLUMNS: TableProps.ColumnDefinition<ManagedModel>[] = [
  {
    id: "modelId",
    header: "Model",
    sortingField: "modelId",
    isRowHeader: true,
    cell: ({ modelId, configuration: { modelName } }) => (
      <>
        <Box fontWeight="bold">{modelId}</Box>
        {modelName !== undefined && modelName !== modelId && (
          <Box variant="small" color="text-body-secondary">
            {modelName}
          </Box>
        )}
      </>
    ),
  },
  {
    id: "state",
    header: "State",
    sortingField: "state",
    cell: ({ state }) => {
      const { indicator, label } = appearanceOf(state);
      return <StatusIndicator type={indicator}>{label}</StatusIndicator>;
    },
  },
  {
    id: "modelType",
    header: "Type",
    cell: ({ configuration: { modelType, streaming } }) =>
      modelType === "embedding" ? "Embedding" : `Text generation${streaming === true ? ", streaming" : ""}`,
  },
  {
    id: "instanceType",
    header: "Instance type",
    cell: ({ configuration: { instanceType } }) => instanceType ?? UNKNOWN,
  },
  {
    id: "instances",
    header: "Instances",
    sortingField: "instances",
    cell: ({ instances, configuration: { autoScalingConfig } }) =>
      autoScalingConfig?.maxCapacity === undefined ? instances : `${instances} of ${autoScalingConfig.maxCapacity}`,
  },
  {
    id: "inferenceContainer",
    header: "Container",
    cell: ({ configuration: { inferenceContainer } }) => inferenceContainer ?? UNKNOWN,
  },
];
