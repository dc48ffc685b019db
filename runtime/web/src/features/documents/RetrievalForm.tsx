import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import Slider from "@cloudscape-design/components/slider";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { COUNT_LIMITS } from "@/features/documents/retrievalSettings";
import type { DocumentSearch } from "@/features/documents/useDocumentSearch";
import { QueryProblem } from "@/shared/ui/QueryProblem";

const NONE = { value: "", label: "None" };

/** Chooses the repository and the embedding model that questions are searched with. */
export function RetrievalForm({ search, onUpload }: { search: DocumentSearch; onUpload: () => void }) {
  const { settings, setSettings, repositories, embeddingModels, loading } = search;
  if (search.error) return <QueryProblem what="The repositories" error={search.error} onRetry={search.refetch} />;
  const chooseRepository = (value: string) =>
    setSettings({
      ...settings,
      repositoryId: value === "" ? null : value,
      embeddingModel: settings.embeddingModel ?? embeddingModels[0] ?? null,
    });
  const repositoryOptions = [
    NONE,
    ...repositories.map(({ repositoryId, type }) => ({ value: repositoryId, label: repositoryId, description: type })),
  ];
  const modelOptions = embeddingModels.map((id) => ({ value: id, label: id }));
  return (
    <SpaceBetween size="m">
      <FormField label="Repository" description="Answers use relevant chunks of its documents.">
        <Select
          options={repositoryOptions}
          selectedOption={repositoryOptions.find(({ value }) => value === settings.repositoryId) ?? NONE}
          statusType={loading ? "loading" : "finished"}
          loadingText="Loading the repositories"
          onChange={({ detail }) => chooseRepository(detail.selectedOption.value ?? "")}
        />
      </FormField>
      <FormField label="Embedding model" description="Use the model that the documents were uploaded with.">
        <Select
          options={modelOptions}
          placeholder="Choose an embedding model"
          selectedOption={modelOptions.find(({ value }) => value === settings.embeddingModel) ?? null}
          disabled={settings.repositoryId === null}
          empty="This deployment has no embedding model."
          onChange={({ detail }) => setSettings({ ...settings, embeddingModel: detail.selectedOption.value ?? null })}
        />
      </FormField>
      <FormField label={`Chunks: ${settings.count}`} description="Maximum number of chunks sent with a question.">
        <Slider
          ariaLabel="Retrieved chunks"
          value={settings.count}
          min={COUNT_LIMITS.minimum}
          max={COUNT_LIMITS.maximum}
          tickMarks
          disabled={search.retrieval === null}
          onChange={({ detail }) => setSettings({ ...settings, count: detail.value })}
        />
      </FormField>
      <Button iconName="upload" onClick={onUpload}>
        Upload documents
      </Button>
    </SpaceBetween>
  );
}
