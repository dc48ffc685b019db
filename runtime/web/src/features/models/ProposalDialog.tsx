import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";

import type { Proposal } from "@/shared/api/models";
import { CodeBlock } from "@/shared/markdown/CodeBlock";

/** The change of the configuration that was proposed, and how it becomes a pull request. */
export function ProposalDialog({ proposal, onClose }: { proposal: Proposal; onClose: () => void }) {
  const { id, environment, file, patch, validation } = proposal;
  return (
    <Modal
      visible
      size="large"
      header="Proposal"
      closeAriaLabel="Close"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box>
          Nothing changed in AWS. The proposal is pending until an administrator applies it to a working copy of the
          configuration and opens a pull request.
        </Box>
        {!validation.complete && (
          <Alert type="info">Only the schema was checked; all rules are checked when you apply it.</Alert>
        )}
        {validation.warnings.map((warning) => (
          <Alert key={warning} type="warning">
            {warning}
          </Alert>
        ))}
        <FormField label="The change" description={`Changes ${file}.`} stretch>
          <CodeBlock code={patch.trimEnd()} language="yaml" label="Change of the configuration" />
        </FormField>
        <FormField label="To apply it" description="Run this in a working copy of the configuration." stretch>
          <CodeBlock code={`lisa proposals apply ${id} --env ${environment}`} language="" label="Command" />
        </FormField>
      </SpaceBetween>
    </Modal>
  );
}
