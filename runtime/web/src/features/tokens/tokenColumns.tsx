import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";

import { dayOf, inDays, validityOf } from "@/features/tokens/validity";
import type { ApiToken } from "@/shared/api/tokens";

const NONE = "–";

const OWNER: TableProps.ColumnDefinition<ApiToken> = {
  id: "owner",
  header: "Owner",
  sortingField: "ownerName",
  cell: ({ owner, ownerName, ownerType }) => {
    const more = ownerType === "service" ? "Service account" : owner === ownerName ? "" : owner;
    return (
      <>
        <Box>{ownerName === "" ? owner : ownerName}</Box>
        {more !== "" && (
          <Box variant="small" color="text-body-secondary">
            {more}
          </Box>
        )}
      </>
    );
  },
};

/** Columns of the tokens; those of all owners have one for the owner. */
export function columns(all: boolean, now: number): TableProps.ColumnDefinition<ApiToken>[] {
  return [
    {
      id: "name",
      header: "Name",
      sortingField: "name",
      isRowHeader: true,
      minWidth: 160,
      maxWidth: 320,
      cell: ({ name, tokenId }) => (
        <>
          <Box fontWeight="bold">{name}</Box>
          <Box variant="small" color="text-body-secondary">
            {tokenId}
          </Box>
        </>
      ),
    },
    ...(all ? [OWNER] : []),
    { id: "scopes", header: "Operations", minWidth: 130, cell: ({ scopes }) => <Names names={scopes} empty="All" /> },
    { id: "groups", header: "Groups", minWidth: 130, cell: ({ groups }) => <Names names={groups} empty={NONE} /> },
    { id: "created", header: "Created", minWidth: 140, sortingField: "created", cell: ({ created }) => dayOf(created) },
    {
      id: "expires",
      header: "Expires",
      minWidth: 200,
      // A token without an end comes last.
      sortingComparator: (one, other) => (one.expires ?? Infinity) - (other.expires ?? Infinity) || 0,
      cell: (token) => <Expiration token={token} now={now} />,
    },
    {
      id: "lastUsed",
      header: "Last used",
      minWidth: 140,
      sortingComparator: (one, other) => (one.lastUsed ?? 0) - (other.lastUsed ?? 0),
      cell: ({ lastUsed }) => (lastUsed === null ? "Never" : dayOf(lastUsed)),
    },
  ];
}

function Names({ names, empty }: { names: string[]; empty: string }) {
  if (names.length === 0) return empty;
  return (
    <SpaceBetween direction="horizontal" size="xxs">
      {names.map((name) => (
        <Badge key={name}>{name}</Badge>
      ))}
    </SpaceBetween>
  );
}

function Expiration({ token, now }: { token: ApiToken; now: number }) {
  const { expires } = token;
  if (expires === null) return "Never";
  switch (validityOf(token, now)) {
    case "expired":
      return <StatusIndicator type="stopped">Expired {dayOf(expires)}</StatusIndicator>;
    case "soon":
      return (
        <>
          <Box>
            <StatusIndicator type="warning">{dayOf(expires)}</StatusIndicator>
          </Box>
          <Box variant="small" color="text-body-secondary">
            {inDays(expires, now)}
          </Box>
        </>
      );
    case "valid":
      return dayOf(expires);
  }
}
