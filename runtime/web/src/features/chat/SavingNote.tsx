import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";

import type { SaveState } from "@/features/chat/sessionSaver";

interface SavingNoteProps {
  saving: SaveState;
  onSave: () => void;
  /** Keeps the messages of a session that was deleted elsewhere as a new one. */
  onKeep: () => void;
}

/** What the user must know about saving: nothing while it works. */
export function SavingNote({ saving, onSave, onKeep }: SavingNoteProps) {
  switch (saving.kind) {
    case "saved":
      return null;
    case "waiting":
      return (
        <Alert type="warning" header="The session is not saved yet" action={<Button onClick={onSave}>Save now</Button>}>
          {saving.message} Keep this page open: saving is tried again automatically.
        </Alert>
      );
    case "refused":
      return (
        <Alert type="warning" header="The session is not saved" action={<Button onClick={onSave}>Save again</Button>}>
          {saving.message}
        </Alert>
      );
    case "deleted":
      return (
        <Alert
          type="warning"
          header="The session was deleted in another tab or on another device"
          action={<Button onClick={onKeep}>Keep as a new session</Button>}
        >
          These messages are no longer saved.
        </Alert>
      );
  }
}
