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
      i18nStrings={{ actionButtonAriaLabel: "Send" }}
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
  const picker = useRef<HTMLInputElement>(null);
  const attach = async (file: File) => {
    try {
      onFile(await readContextFile(file));
    } catch (error) {
      notify({ id: "context-file", type: "error", header: "The file cannot be used", content: messageOf(error) });
    }
  };
  const items: ButtonGroupProps.IconButton[] = [
    { type: "icon-button", id: "attach", iconSvg: <PaperClip />, text: "Add a text file as context (up to 10 KB)" },
    { type: "icon-button", id: "upload", iconName: "upload", text: "Upload documents to a repository" },
  ];
  return (
    <>
      <ButtonGroup
        variant="icon"
        ariaLabel="Attachments"
        items={onUpload ? items : items.slice(0, 1)}
        onItemClick={({ detail }) => (detail.id === "upload" ? onUpload?.() : picker.current?.click())}
      />
      <input
        ref={picker}
        type="file"
        hidden
        accept="text/*,.md,.json,.yaml,.yml,.csv,.log"
        onChange={({ target }) => {
          const [file] = target.files ?? [];
          if (file) void attach(file);
          target.value = "";
        }}
      />
    </>
  );
}

function PaperClip() {
  return (
    <svg viewBox="0 0 16 16" focusable="false" aria-hidden="true">
      <path
        fill="none"
        d="M14 7.500 8.300 13.200a3.700 3.700 0 0 1-5.200-5.200L8.900 2.200a2.500 2.500 0 0 1 3.500 3.500L6.800 11.300A1.200 1.200 0 0 1 5 9.600l5-5"
      />
    </svg>
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
