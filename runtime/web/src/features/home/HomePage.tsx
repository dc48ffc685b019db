import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Cards from "@cloudscape-design/components/cards";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";

import { useEnvironment } from "@/shared/environmentContext";
import { type ServedModel, useServedModels } from "@/shared/servedModels";
import { QueryProblem } from "@/shared/ui/QueryProblem";

/** What this deployment has: the way into the chat, its models, and the address for programs. */
export function HomePage({ onChat }: { onChat: () => void }) {
  const { gatewayUrl } = useEnvironment();
  const served = useServedModels();
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Language models in your AWS account: chat here, or use any OpenAI client."
          actions={
            <Button variant="primary" onClick={onChat}>
              Start a chat
            </Button>
          }
        >
          Welcome to LISA
        </Header>
      }
    >
      <SpaceBetween size="l">
        {served.isError ? (
          <QueryProblem what="The models" error={served.error} onRetry={() => void served.refetch()} />
        ) : (
          <ModelCards models={served.data ?? []} loading={served.isPending} />
        )}
        <Container header={<Header variant="h2">API</Header>}>
          <KeyValuePairs
            columns={1}
            items={[
              {
                label: "OpenAI-compatible base URL",
                value: (
                  <CopyToClipboard
                    variant="inline"
                    textToCopy={gatewayUrl}
                    copyButtonAriaLabel="Copy the URL"
                    copySuccessText="Copied"
                    copyErrorText="Copying is blocked by the browser"
                  />
                ),
              },
            ]}
          />
        </Container>
      </SpaceBetween>
    </ContentLayout>
  );
}

function ModelCards({ models, loading }: { models: ServedModel[]; loading: boolean }) {
  return (
    <Cards
      items={models}
      loading={loading}
      loadingText="Loading the models"
      ariaLabels={{ itemSelectionLabel: (_, { id }) => id, selectionGroupLabel: "Models" }}
      trackBy="id"
      cardsPerRow={[{ cards: 1 }, { minWidth: 500, cards: 2 }, { minWidth: 1000, cards: 3 }]}
      header={
        <Header variant="h2" counter={loading ? "" : `(${models.length})`}>
          Models
        </Header>
      }
      cardDefinition={{
        header: ({ id }) => <Box variant="h3">{id}</Box>,
        sections: [
          {
            id: "about",
            content: ({ type, streaming }) => (
              <KeyValuePairs
                columns={2}
                items={[
                  { label: "Type", value: type === "embedding" ? "Embedding" : "Text generation" },
                  { label: "Streaming", value: streaming ? "Yes" : "No" },
                ]}
              />
            ),
          },
          {
            id: "state",
            content: ({ available }) => (
              <StatusIndicator type={available ? "success" : "stopped"}>
                {available ? "Served by the gateway" : "Not available"}
              </StatusIndicator>
            ),
          },
        ],
      }}
      empty={
        <Box textAlign="center" color="inherit">
          <b>No models</b>
          <Box variant="p" color="inherit">
            Administrators add models in config.yaml, or propose one in Model management.
          </Box>
        </Box>
      }
    />
  );
}
