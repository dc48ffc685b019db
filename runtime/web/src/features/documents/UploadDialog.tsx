import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import FileUpload from "@cloudscape-design/components/file-upload";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { chunkProblem, FILE_TYPES, fileProblem } from "@/features/documents/upload";
import { UploadProgress } from "@/features/documents/UploadProgress";
import type { DocumentSearch } from "@/features/documents/useDocumentSearch";
import { useUploads } from "@/features/documents/useUploads";

interface UploadDialogProps {
  search: DocumentSearch;
  onClose: () => void;
}

/** Uploads documents into a repository: choose, see how far each is, and why one failed. */
export function UploadDialog({ search, onClose }: UploadDialogProps) {
  const [files, setFiles] = useState<File[]>([]);
  const [given, setGiven] = useState({
    repositoryId: search.settings.repositoryId,
    embeddingModel: search.settings.embeddingModel,
    chunkSize: "512",
    chunkOverlap: "51",
  });
  // The lists may come after the dialog has opened, so that what is first among them is looked up each time.
  const chosen = {
    ...given,
    repositoryId: given.repositoryId ?? search.repositories[0]?.repositoryId ?? null,
    embeddingModel: given.embeddingModel ?? search.embeddingModels[0] ?? null,
  };
  const uploads = useUploads();
  const repository = search.repositories.find(({ repositoryId }) => repositoryId === chosen.repositoryId);
  const { embeddingModel } = chosen;
  const problems = files.map(fileProblem);
  const chunks = chunkProblem(chosen.chunkSize, chosen.chunkOverlap);
  const ready =
    repository !== undefined &&
    embeddingModel !== null &&
    files.length > 0 &&
    [...problems, chunks.size, chunks.overlap].every((problem) => problem === null);

  const start = async () => {
    if (!repository || embeddingModel === null) return;
    const ingestion = {
      repository,
      embeddingModel,
      chunkSize: Number(chosen.chunkSize),
      chunkOverlap: Number(chosen.chunkOverlap),
    };
    await uploads.start(files, ingestion);
    search.setSettings({ ...search.settings, repositoryId: repository.repositoryId, embeddingModel });
  };
  const close = () => {
    uploads.cancel();
    onClose();
  };
  const begun = uploads.states.size > 0;
  return (
    <Modal
      visible
      size="medium"
      header="Upload documents"
      closeAriaLabel="Close"
      onDismiss={({ detail }) => {
        // A click beside the dialog does not end uploads that are under way.
        if (detail.reason !== "overlay" || !uploads.running) close();
      }}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              {begun && !uploads.running ? "Close" : "Cancel"}
            </Button>
            {uploads.failed.length > 0 && !uploads.running ? (
              <Button variant="primary" onClick={() => void uploads.retry()}>
                Try again
              </Button>
            ) : (
              (!begun || uploads.running) && (
                <Button variant="primary" disabled={!ready} loading={uploads.running} onClick={() => void start()}>
                  Upload
                </Button>
              )
            )}
          </SpaceBetween>
        </Box>
      }
    >
      {begun ? (
        <UploadProgress states={uploads.states} />
      ) : (
        <SpaceBetween size="m">
          {search.embeddingModels.length === 0 && !search.loading && (
            <Alert type="warning">No embedding model is available; documents require one.</Alert>
          )}
          <FormField label="Documents" description="Text, PDF or DOCX, up to 50 MB each.">
            <FileUpload
              multiple
              value={files}
              accept={FILE_TYPES.join(",")}
              fileErrors={problems}
              showFileSize
              tokenLimit={4}
              i18nStrings={{
                uploadButtonText: () => "Choose files",
                dropzoneText: () => "Drop files to upload",
                removeFileAriaLabel: (index) => `Remove ${files[index]?.name ?? "the file"}`,
                limitShowFewer: "Show fewer",
                limitShowMore: "Show more",
                errorIconAriaLabel: "Error",
              }}
              onChange={({ detail }) => setFiles(detail.value)}
            />
          </FormField>
          <Destination search={search} chosen={chosen} onChange={(changes) => setGiven({ ...given, ...changes })} />
          <ColumnLayout columns={2}>
            <FormField label="Chunk size" description="Characters." errorText={chunks.size}>
              <Input
                inputMode="numeric"
                value={chosen.chunkSize}
                onChange={({ detail }) => setGiven({ ...given, chunkSize: detail.value })}
              />
            </FormField>
            <FormField
              label="Overlap"
              description="Number of characters that adjacent chunks share."
              errorText={chunks.overlap}
            >
              <Input
                inputMode="numeric"
                value={chosen.chunkOverlap}
                onChange={({ detail }) => setGiven({ ...given, chunkOverlap: detail.value })}
              />
            </FormField>
          </ColumnLayout>
        </SpaceBetween>
      )}
    </Modal>
  );
}

interface Chosen {
  repositoryId: string | null;
  embeddingModel: string | null;
}

interface DestinationProps {
  search: DocumentSearch;
  chosen: Chosen;
  onChange: (changes: Partial<Chosen>) => void;
}

function Destination({ search, chosen, onChange }: DestinationProps) {
  const repositories = search.repositories.map(({ repositoryId }) => ({ value: repositoryId, label: repositoryId }));
  const models = search.embeddingModels.map((id) => ({ value: id, label: id }));
  return (
    <ColumnLayout columns={2}>
      <FormField label="Repository" description="All users can search it.">
        <Select
          options={repositories}
          placeholder="Choose a repository"
          empty="This deployment has no document repository."
          selectedOption={repositories.find(({ value }) => value === chosen.repositoryId) ?? null}
          onChange={({ detail }) => onChange({ repositoryId: detail.selectedOption.value ?? null })}
        />
      </FormField>
      <FormField label="Embedding model" description="Use the same model to search.">
        <Select
          options={models}
          placeholder="Choose an embedding model"
          empty="This deployment has no embedding model."
          selectedOption={models.find(({ value }) => value === chosen.embeddingModel) ?? null}
          onChange={({ detail }) => onChange({ embeddingModel: detail.selectedOption.value ?? null })}
        />
      </FormField>
    </ColumnLayout>
  );
}
