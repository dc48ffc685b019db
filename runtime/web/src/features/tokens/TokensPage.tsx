import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { CreatedTokenDialog } from "@/features/tokens/CreatedTokenDialog";
import { TokenForm } from "@/features/tokens/TokenForm";
import { TokensTable } from "@/features/tokens/TokensTable";
import { queryKeys, useApi } from "@/shared/api";
import type { ApiToken, CreatedToken } from "@/shared/api/tokens";
import { useCaller } from "@/shared/authentication/caller";
import { useNotify } from "@/shared/notifications";
import { ConfirmDialog } from "@/shared/ui/ConfirmDialog";
import { QueryProblem } from "@/shared/ui/QueryProblem";

/** What is open besides the table. */
type Open =
  | { dialog: "create" }
  | { dialog: "created"; created: CreatedToken }
  | { dialog: "revoke"; token: ApiToken }
  | { dialog: "revoke-all"; token: ApiToken };

/** The caller's API tokens and, for administrators, those of all owners. */
export function TokensPage() {
  const { tokens } = useApi();
  const { isAdmin } = useCaller();
  const [all, setAll] = useState(false);
  const [open, setOpen] = useState<Open | null>(null);
  const query = useQuery({
    queryKey: queryKeys.apiTokens(all),
    queryFn: ({ signal }) => tokens.list(all, signal),
  });
  const { add, remove } = useLists();
  const notify = useNotify();
  const close = () => setOpen(null);
  if (query.isError && query.data === undefined) {
    return <QueryProblem what="The API tokens" error={query.error} onRetry={() => void query.refetch()} />;
  }
  return (
    <>
      <TokensTable
        // What is selected or filtered in one list means nothing in the other.
        key={String(all)}
        tokens={query.data ?? []}
        all={all}
        onAll={isAdmin ? setAll : null}
        loading={query.isPending}
        refreshing={query.isFetching}
        loaded={query.dataUpdatedAt}
        problem={query.isError ? query.error : null}
        onRefresh={() => void query.refetch()}
        onCreate={() => setOpen({ dialog: "create" })}
        onRevoke={(token) => setOpen({ dialog: "revoke", token })}
        onRevokeAll={(token) => setOpen({ dialog: "revoke-all", token })}
      />
      {open?.dialog === "create" && (
        <TokenForm
          onClose={close}
          onCreated={(created) => {
            add(created.token);
            setOpen({ dialog: "created", created });
          }}
        />
      )}
      {open?.dialog === "created" && <CreatedTokenDialog created={open.created} onClose={close} />}
      {open?.dialog === "revoke" && (
        <ConfirmDialog
          title={`Revoke ${open.token.name}?`}
          action="Revoke"
          onClose={close}
          onConfirm={async () => {
            await tokens.revoke(open.token.tokenId);
            remove(({ tokenId }) => tokenId === open.token.tokenId);
            notify({ type: "success", header: `${open.token.name} is revoked`, content: EFFECT });
          }}
        >
          Programs that use it are rejected within 60 seconds. A revoked token cannot be restored.
        </ConfirmDialog>
      )}
      {open?.dialog === "revoke-all" && (
        <ConfirmDialog
          title={`Revoke all tokens of ${open.token.ownerName}?`}
          action="Revoke all"
          onClose={close}
          onConfirm={async () => {
            const { owner, ownerType, ownerName } = open.token;
            const revoked = await tokens.revokeAllOf(owner, ownerType);
            remove((token) => token.owner === owner && token.ownerType === ownerType);
            const header = `${revoked} ${revoked === 1 ? "token" : "tokens"} of ${ownerName} revoked`;
            notify({ type: "success", header, content: EFFECT });
          }}
        >
          All programs that use tokens of this owner are rejected within 60 seconds. The owner can create new ones.
        </ConfirmDialog>
      )}
    </>
  );
}

const EFFECT = "The gateway rejects it within 60 seconds.";

/** Changes of the lists that are known; the API's index follows a change within about a second. */
function useLists() {
  const queries = useQueryClient();
  const change = (all: boolean, of: (tokens: ApiToken[]) => ApiToken[]) =>
    queries.setQueryData<ApiToken[]>(queryKeys.apiTokens(all), (tokens) => tokens && of(tokens));
  const changeBoth = (of: (tokens: ApiToken[]) => ApiToken[]) => [false, true].forEach((all) => change(all, of));
  return {
    add: (token: ApiToken) => changeBoth((tokens) => [token, ...tokens]),
    remove: (isGone: (token: ApiToken) => boolean) => changeBoth((tokens) => tokens.filter((token) => !isGone(token))),
  };
}
