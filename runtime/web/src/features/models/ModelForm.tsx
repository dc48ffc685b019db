import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import {
  changesOf,
  configurationOf,
  fieldProblems,
  type FieldProblems,
  fieldsOf,
  NEW_MODEL,
} from "@/features/models/modelFields";
import { ModelFormFields } from "@/features/models/ModelFormFields";
import { useApi } from "@/shared/api";
import type { ManagedModel, Proposal } from "@/shared/api/models";
import { messageOf } from "@/shared/api/request";

interface ModelFormProps {
  /** The model that changes; null for a new one. */
  model: ManagedModel | null;
  onProposal: (proposal: Proposal) => void;
  onClose: () => void;
}

/** Fills in what a proposal is made from. */
export function ModelForm({ model, onProposal, onClose }: ModelFormProps) {
  const { models } = useApi();
  const [fields, setFields] = useState(() => (model ? fieldsOf(model) : NEW_MODEL));
  const [shown, setShown] = useState<FieldProblems>({});
  const proposing = useMutation({
    mutationFn: () =>
      model
        ? models.proposeUpdate(model.modelId, changesOf(fieldsOf(model), fields))
        : models.proposeCreation(configurationOf(fields)),
    onSuccess: onProposal,
  });
  const submit = () => {
    const problems = fieldProblems(fields);
    setShown(problems);
    if (Object.keys(problems).length === 0) proposing.mutate();
  };
  return (
    <Modal
      visible
      size="large"
      header={model ? `Propose an update of ${model.modelId}` : "Propose a model"}
      closeAriaLabel="Close"
      onDismiss={({ detail }) => {
        // A click beside the form does not throw away what was typed.
        if (detail.reason !== "overlay") onClose();
      }}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" disabled={proposing.isPending} onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" loading={proposing.isPending} onClick={submit}>
              Create proposal
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box color="text-body-secondary">
          Nothing changes in AWS. The proposal is a configuration change for a pull request.
        </Box>
        <ModelFormFields
          fields={fields}
          problems={shown}
          isNew={model === null}
          onChange={(changes) => {
            setFields({ ...fields, ...changes });
            setShown(Object.fromEntries(Object.entries(shown).filter(([name]) => !(name in changes))));
          }}
        />
        {proposing.isError && (
          <Alert type="error" header="The proposal was rejected">
            {messageOf(proposing.error)}
          </Alert>
        )}
      </SpaceBetween>
    </Modal>
  );
}
