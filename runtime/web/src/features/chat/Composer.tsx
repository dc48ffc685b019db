import Button from "@cloudscape-design/components/button";
import ButtonGroup, { type ButtonGroupProps } from "@cloudscape-design/components/button-group";
import FileTokenGroup from "@cloudscape-design/components/file-token-group";
import PromptInput, { type PromptInputProps } from "@cloudscape-design/components/prompt-input";
import { useEffect, useRef, useState } from "react";

import { type ContextFile, readContextFile } from "@/features/chat/contextFile";
import { messageOf } from "@/shared/api/request";
import { useNotify } from "@/shared/notifications";

interface ComposerProps {
  /** Why nothing can be asked; null when it can. */
  obstacle: string | null;
  answering: boolean;
  file: ContextFile | null;
  onFile: (file: ContextFile | null) => void;
  /** Opens the upload of documents; null where there is no repository. */
  onUpload: (() => void) | null;
  onAsk: (question: string) => void;
  onStop: () => void;
}

/** Where questions are typed: Enter sends, Shift+Enter begins a line, Escape stops an answer. */
export function Composer({ obstacle, answering, file, onFile, onUpload, onAsk, onStop }: ComposerProps) {
  const [question, setQuestion] = useState("");
  const input = useRef<PromptInputProps.Ref>(null);
  useEffect(() => {
    if (!answering) input.current?.focus();
  }, [answering]);
  const ask = () => {
    if (question.trim() === "" || answering || obstacle !== null) return;
    onAsk(question.trim());
    setQuestion("");
  };
  return (
    <PromptInput
      ref={input}
      value={question}
      ariaLabel="Question"
      placeholder={obstacle ?? "Ask a question"}
      minRows={2}
      maxRows={8}
      disabled={obstacle !== null}
      disableActionButton={question.trim() === ""}
      actionButtonIconName="send"
      actionButtonAriaLabel="Send"
      {...(answering
        ? {
            customPrimaryAction: (
              <div className="lisa-stop">
                <Button variant="icon" iconName="stop-circle" ariaLabel="Stop the answer" onClick={onStop} />
              </div>
            ),
          }
        : {})}
      onChange={({ detail }) => setQuestion(detail.value)}
      onAction={ask}
      onKeyDown={({ detail }) => {
        if (detail.key === "Escape" && answering) onStop();
      }}
      secondaryActions={<Attachments onFile={onFile} onUpload={onUpload} />}
      secondaryContent={file && <AttachedFile file={file} onRemove={() => onFile(null)} />}
    />
  );
}

function Attachments({ onFile, onUpload }: Pick<ComposerProps, "onFile" | "onUpload">) {
  const notify = useNotify();
  const attach = async (files: File[]) => {
    const [file] = files;
    if (file === undefined) return;
    try {
      onFile(await readContextFile(file));
    } catch (error) {
      notify({ id: "context-file", type: "error", header: "The file cannot be used", content: messageOf(error) });
    }
  };
  const attachItem: ButtonGroupProps.IconFileInput = {
    type: "icon-file-input",
    id: "attach",
    text: "Add a text file as context (10 KB at most)",
    accept: "text/*,.md,.json,.yaml,.yml,.csv,.log",
  };
  const uploadItem: ButtonGroupProps.IconButton = {
    type: "icon-button",
    id: "upload",
    iconName: "upload",
    text: "Upload documents to a repository",
  };
  return (
    <ButtonGroup
      variant="icon"
      ariaLabel="Attachments"
      items={onUpload ? [attachItem, uploadItem] : [attachItem]}
      onItemClick={({ detail }) => detail.id === "upload" && onUpload?.()}
      onFilesChange={({ detail }) => void attach(detail.files)}
    />
  );
}

function AttachedFile({ file, onRemove }: { file: ContextFile; onRemove: () => void }) {
  return (
    <FileTokenGroup
      items={[{ file: new File([file.text], file.name, { type: "text/plain" }) }]}
      showFileSize
      alignment="horizontal"
      i18nStrings={{
        removeFileAriaLabel: () => `Remove ${file.name}`,
        limitShowFewer: "Show fewer",
        limitShowMore: "Show more",
      }}
      onDismiss={onRemove}
    />
  );
}
