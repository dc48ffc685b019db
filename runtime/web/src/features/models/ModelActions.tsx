import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { canStart, canStop } from "@/features/models/modelState";
import { queryKeys, useApi } from "@/shared/api";
import type { ManagedModel, Proposal } from "@/shared/api/models";
import { messageOf } from "@/shared/api/request";
import { useNotify } from "@/shared/notifications";
import { ConfirmDialog } from "@/shared/ui/ConfirmDialog";

interface ModelActionsProps {
  /** The model that is selected; null for none. */
  model: ManagedModel | null;
  onUpdate: (model: ManagedModel) => void;
  onProposal: (proposal: Proposal) => void;
}

/** What can be done with the selected model. */
export function ModelActions({ model, onUpdate, onProposal }: ModelActionsProps) {
  const { models } = useApi();
  const start = useStart();
  const [confirming, setConfirming] = useState<{ action: "stop" | "delete"; model: ManagedModel } | null>(null);
  const { refresh, notify } = useOutcome();
  const act = (action: string) => {
    if (model === null) return;
    if (action === "start") start.mutate(model);
    else if (action === "update") onUpdate(model);
    else if (action === "stop" || action === "delete") setConfirming({ action, model });
  };
  const close = () => setConfirming(null);
  return (
    <>
      <ButtonDropdown
        disabled={model === null}
        disabledReason="Select a model first."
        loading={start.isPending}
        items={[
          { id: "start", text: "Start", disabled: model === null || !canStart(model) },
          { id: "stop", text: "Stop", disabled: model === null || !canStop(model) },
          { id: "update", text: "Propose an update" },
          { id: "delete", text: "Propose deletion" },
        ]}
        onItemClick={({ detail }) => act(detail.id)}
      >
        Actions
      </ButtonDropdown>
      {confirming?.action === "stop" && (
        <ConfirmDialog
          title={`Stop ${confirming.model.modelId}?`}
          action="Stop"
          onClose={close}
          onConfirm={async () => {
            await models.stop(confirming.model.modelId);
            notify({ type: "success", header: `${confirming.model.modelId} is stopping` });
            await refresh();
          }}
        >
          Its instances are terminated. It is unavailable until you start it again.
        </ConfirmDialog>
      )}
      {confirming?.action === "delete" && (
        <ConfirmDialog
          title={`Propose deletion of ${confirming.model.modelId}?`}
          action="Propose"
          onClose={close}
          onConfirm={async () => onProposal(await models.proposeDeletion(confirming.model.modelId))}
        >
          Nothing is deleted now. The proposal is a configuration change for review.
        </ConfirmDialog>
      )}
    </>
  );
}

function useStart() {
  const { models } = useApi();
  const { refresh, notify } = useOutcome();
  return useMutation({
    mutationFn: ({ modelId }: ManagedModel) => models.start(modelId),
    onSuccess: (_, { modelId }) => {
      notify({ type: "success", header: `${modelId} is starting` });
      return refresh();
    },
    onError: (error, { modelId }) =>
      notify({ type: "error", header: `${modelId} cannot be started`, content: messageOf(error) }),
  });
}

function useOutcome() {
  const queries = useQueryClient();
  return { notify: useNotify(), refresh: () => queries.invalidateQueries({ queryKey: queryKeys.managedModels }) };
}
