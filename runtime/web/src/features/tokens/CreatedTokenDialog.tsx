import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { openAiSnippet, VARIABLE } from "@/features/tokens/snippet";
import { dayOf } from "@/features/tokens/validity";
import type { CreatedToken } from "@/shared/api/tokens";
import { useEnvironment } from "@/shared/environmentContext";
import { CodeBlock } from "@/shared/markdown/CodeBlock";

/** Shows a new token once, and how a program uses it. */
export function CreatedTokenDialog({ created, onClose }: { created: CreatedToken; onClose: () => void }) {
  const { gatewayUrl, models } = useEnvironment();
  const { secret, token } = created;
  const model = models.find(({ type }) => type === "textgen")?.id ?? "YOUR_MODEL";
  return (
    <Modal
      visible
      size="large"
      header={`API token ${token.name}`}
      closeAriaLabel="Close"
      onDismiss={({ detail }) => {
        // The token cannot be shown again, so that a click beside the dialog or Escape does not close it.
        if (detail.reason === "closeButton") onClose();
      }}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Alert type="warning" header="Copy the token now">
          It is not stored, and is not shown again.{" "}
          {token.expires !== null && `It is valid until ${dayOf(token.expires)}.`}
        </Alert>
        <FormField label="Token" description="Keep it secret: all who have it can call models in your name." stretch>
          <CodeBlock code={secret} language="" label="Token" />
        </FormField>
        <FormField
          label="Use it with the OpenAI library"
          description={`Set the environment variable ${VARIABLE} to the token.`}
          stretch
        >
          <CodeBlock code={openAiSnippet(gatewayUrl, model)} language="python" label="Python program" />
        </FormField>
      </SpaceBetween>
    </Modal>
  );
}
