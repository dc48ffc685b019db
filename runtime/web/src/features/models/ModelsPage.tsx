import { useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { ModelActions } from "@/features/models/ModelActions";
import { COLUMNS } from "@/features/models/modelColumns";
import { ModelForm } from "@/features/models/ModelForm";
import { appearanceOf, refreshInterval } from "@/features/models/modelState";
import { ProposalDialog } from "@/features/models/ProposalDialog";
import { queryKeys, useApi } from "@/shared/api";
import type { ManagedModel, Proposal } from "@/shared/api/models";
import { QueryProblem } from "@/shared/ui/QueryProblem";

/** What is open besides the table. */
type Open =
  { dialog: "create" } | { dialog: "update"; model: ManagedModel } | { dialog: "proposal"; proposal: Proposal };

/** The hosted models with their live state. What changes the configuration becomes a proposal for review. */
export function ModelsPage() {
  const { models } = useApi();
  const query = useQuery({
    queryKey: queryKeys.managedModels,
    queryFn: ({ signal }) => models.list(signal),
    refetchInterval: ({ state }) => refreshInterval(state.data),
  });
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const onProposal = (proposal: Proposal) => setOpen({ dialog: "proposal", proposal });
  if (query.isError && query.data === undefined) {
    return <QueryProblem what="The models" error={query.error} onRetry={() => void query.refetch()} />;
  }
  return (
    <>
      <ModelsTable
        models={query.data ?? []}
        loading={query.isPending}
        refreshing={query.isFetching}
        onRefresh={() => void query.refetch()}
        onCreate={() => setOpen({ dialog: "create" })}
        onUpdate={(model) => setOpen({ dialog: "update", model })}
        onProposal={onProposal}
      />
      {open?.dialog === "create" && <ModelForm model={null} onProposal={onProposal} onClose={close} />}
      {open?.dialog === "update" && <ModelForm model={open.model} onProposal={onProposal} onClose={close} />}
      {open?.dialog === "proposal" && <ProposalDialog proposal={open.proposal} onClose={close} />}
    </>
  );
}

interface ModelsTableProps {
  models: ManagedModel[];
  loading: boolean;
  refreshing: boolean;
  onRefresh: () => void;
  onCreate: () => void;
  onUpdate: (model: ManagedModel) => void;
  onProposal: (proposal: Proposal) => void;
}

function ModelsTable({ models, loading, refreshing, onRefresh, onCreate, onUpdate, onProposal }: ModelsTableProps) {
  const { items, collectionProps, filterProps, paginationProps, filteredItemsCount } = useCollection(models, {
    filtering: {
      empty: <Empty title="No hosted models" text="Propose a model; it is listed here after the deployment." />,
      noMatch: <Empty title="No match" text="No model matches the filter." />,
      filteringFunction: fits,
    },
    pagination: { pageSize: 20 },
    sorting: { defaultState: { sortingColumn: { sortingField: "modelId" } } },
    selection: { trackBy: "modelId", keepSelection: true },
  });
  const selectedId = collectionProps.selectedItems?.[0]?.modelId;
  const selected = models.find(({ modelId }) => modelId === selectedId) ?? null;
  return (
    <Table
      {...collectionProps}
      items={items}
      columnDefinitions={COLUMNS}
      variant="full-page"
      selectionType="single"
      trackBy="modelId"
      loading={loading}
      loadingText="Loading the models"
      stickyHeader
      enableKeyboardNavigation
      ariaLabels={{
        selectionGroupLabel: "Models",
        itemSelectionLabel: (_, { modelId }) => modelId,
        tableLabel: "Models",
      }}
      header={
        <Header
          variant="awsui-h1-sticky"
          counter={loading ? "" : `(${models.length})`}
          description="Start and stop take effect immediately. Create, update and delete propose a configuration change for review."
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button iconName="refresh" ariaLabel="Refresh the models" loading={refreshing} onClick={onRefresh} />
              <ModelActions model={selected} onUpdate={onUpdate} onProposal={onProposal} />
              <Button variant="primary" onClick={onCreate}>
                Propose a model
              </Button>
            </SpaceBetween>
          }
        >
          Model management
        </Header>
      }
      filter={
        <TextFilter
          {...filterProps}
          filteringPlaceholder="Find models"
          filteringAriaLabel="Find models"
          filteringClearAriaLabel="Clear"
          countText={`${filteredItemsCount ?? 0} found`}
        />
      }
      pagination={models.length > 20 && <Pagination {...paginationProps} />}
    />
  );
}

function fits({ modelId, state, configuration }: ManagedModel, text: string): boolean {
  const { modelName, modelType, instanceType, inferenceContainer } = configuration;
  return [modelId, appearanceOf(state).label, modelName, modelType, instanceType, inferenceContainer].some((value) =>
    value?.toLowerCase().includes(text.toLowerCase()),
  );
}

function Empty({ title, text }: { title: string; text: string }) {
  return (
    <Box textAlign="center" color="inherit">
      <b>{title}</b>
      <Box variant="p" color="inherit">
        {text}
      </Box>
    </Box>
  );
}
