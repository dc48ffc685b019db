import CodeView from "@cloudscape-design/code-view/code-view";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";

import "@/features/models/proposal.css";
import { diffLines } from "@/features/models/diffLines";
import type { Proposal } from "@/shared/api/models";

/** The change of the configuration that was proposed, and how it becomes a pull request. */
export function ProposalDialog({ proposal, onClose }: { proposal: Proposal; onClose: () => void }) {
  const { proposalId, patch, file } = proposal;
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
          Nothing has changed in AWS. The proposal is kept until somebody applies it to a working copy of the
          configuration and opens a pull request.
        </Box>
        {file !== null && <Box variant="awsui-key-label">{file}</Box>}
        <CodeView
          ariaLabel="Patch"
          content={patch}
          highlight={highlightDiff}
          actions={<Copy text={patch} label="Copy the patch" />}
        />
        <CodeView
          ariaLabel="Command"
          content={`lisa proposals apply ${proposalId}`}
          actions={<Copy text={`lisa proposals apply ${proposalId}`} label="Copy the command" />}
        />
      </SpaceBetween>
    </Modal>
  );
}

function Copy({ text, label }: { text: string; label: string }) {
  return (
    <CopyToClipboard
      variant="icon"
      textToCopy={text}
      copyButtonAriaLabel={label}
      copySuccessText="Copied"
      copyErrorText="The browser does not allow copying"
    />
  );
}

function highlightDiff(patch: string) {
  return (
    <span>
      {diffLines(patch).map(({ kind, text }, index) => (
        <span key={index} className={`lisa-diff-${kind}`}>
          {text}
        </span>
      ))}
    </span>
  );
}
