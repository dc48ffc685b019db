import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Drawer from "@cloudscape-design/components/drawer";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import "@/features/sessions/sessions.css";
import { timeAgo } from "@/features/sessions/timeAgo";
import { queryKeys, useApi } from "@/shared/api";
import type { SessionSummary } from "@/shared/api/sessions";
import { useNotify } from "@/shared/notifications";
import { ConfirmDialog } from "@/shared/ui/ConfirmDialog";
import { QueryProblem } from "@/shared/ui/QueryProblem";

interface SessionListProps {
  /** Id of the session that is open. */
  current: string;
  onOpen: (sessionId: string) => void;
  onNew: () => void;
}

/** The caller's sessions, newest first: open, begin, refresh, delete. */
export function SessionList({ current, onOpen, onNew }: SessionListProps) {
  const { sessions } = useApi();
  const list = useQuery({ queryKey: queryKeys.sessions, queryFn: ({ signal }) => sessions.list(signal) });
  const [deleting, setDeleting] = useState<SessionSummary | "all" | null>(null);
  return (
    <Drawer header={<h2>Sessions</h2>}>
      <SpaceBetween size="m">
        <SpaceBetween direction="horizontal" size="xs">
          <Button iconName="add-plus" onClick={onNew}>
            New session
          </Button>
          <Button
            iconName="refresh"
            ariaLabel="Refresh the sessions"
            loading={list.isFetching && !list.isPending}
            onClick={() => void list.refetch()}
          />
          <Button
            iconName="remove"
            ariaLabel="Delete all sessions"
            disabled={(list.data?.length ?? 0) === 0}
            onClick={() => setDeleting("all")}
          />
        </SpaceBetween>
        {list.isPending && <Spinner size="large" />}
        {list.isError && <QueryProblem what="The sessions" error={list.error} onRetry={() => void list.refetch()} />}
        {list.data?.length === 0 && (
          <Box color="text-status-inactive" textAlign="center" padding={{ vertical: "l" }}>
            <b>No sessions</b>
            <Box variant="p" color="inherit">
              Ask a question to create a session.
            </Box>
          </Box>
        )}
        {list.data && list.data.length > 0 && (
          <ul className="lisa-sessions" aria-label="Sessions">
            {list.data.map((session) => (
              <SessionItem
                key={session.sessionId}
                session={session}
                isOpen={session.sessionId === current}
                onOpen={() => onOpen(session.sessionId)}
                onDelete={() => setDeleting(session)}
              />
            ))}
          </ul>
        )}
      </SpaceBetween>
      {deleting !== null && (
        <DeleteDialog
          deleting={deleting}
          onDeleted={() => {
            if (deleting === "all" || deleting.sessionId === current) onNew();
          }}
          onClose={() => setDeleting(null)}
        />
      )}
    </Drawer>
  );
}

interface SessionItemProps {
  session: SessionSummary;
  isOpen: boolean;
  onOpen: () => void;
  onDelete: () => void;
}

function SessionItem({ session: { sessionId, title, changed }, isOpen, onOpen, onDelete }: SessionItemProps) {
  return (
    <li className={isOpen ? "lisa-session lisa-session-open" : "lisa-session"}>
      <div className="lisa-session-text">
        <a
          href={`#/chat/${sessionId}`}
          title={title}
          {...(isOpen ? { "aria-current": "page" as const } : {})}
          onClick={(event) => {
            event.preventDefault();
            onOpen();
          }}
        >
          {title}
        </a>
        <Box variant="small" color="text-body-secondary" display="block">
          {timeAgo(changed, new Date())}
        </Box>
      </div>
      <Button variant="icon" iconName="remove" ariaLabel={`Delete the session ${title}`} onClick={onDelete} />
    </li>
  );
}

interface DeleteDialogProps {
  deleting: SessionSummary | "all";
  onDeleted: () => void;
  onClose: () => void;
}

function DeleteDialog({ deleting, onDeleted, onClose }: DeleteDialogProps) {
  const { sessions } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();
  const remove = async () => {
    await (deleting === "all" ? sessions.removeAll() : sessions.remove(deleting.sessionId));
    await queries.invalidateQueries({ queryKey: queryKeys.sessions });
    notify({ type: "success", header: deleting === "all" ? "All sessions are deleted" : "The session is deleted" });
    onDeleted();
  };
  return (
    <ConfirmDialog
      title={deleting === "all" ? "Delete all sessions?" : "Delete the session?"}
      action="Delete"
      onConfirm={remove}
      onClose={onClose}
    >
      {deleting === "all" ? (
        "All your sessions and their messages are deleted. This cannot be undone."
      ) : (
        <>
          <b>{deleting.title}</b> and its messages are deleted. This cannot be undone.
        </>
      )}
    </ConfirmDialog>
  );
}
