import { useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useMemo } from "react";

import { columns } from "@/features/tokens/tokenColumns";
import type { ApiToken } from "@/shared/api/tokens";
import { QueryProblem } from "@/shared/ui/QueryProblem";

const PAGE_SIZE = 20;

interface TokensTableProps {
  tokens: ApiToken[];
  /** Whether they are those of all owners. */
  all: boolean;
  /** Shows those of all owners, or the caller's; null for who may not. */
  onAll: ((all: boolean) => void) | null;
  loading: boolean;
  refreshing: boolean;
  /** When the list was read, in milliseconds; 0 for not yet. */
  loaded: number;
  /** Why the list could not be renewed; null when it is up to date. */
  problem: Error | null;
  onRefresh: () => void;
  onCreate: () => void;
  onRevoke: (token: ApiToken) => void;
  onRevokeAll: (token: ApiToken) => void;
}

export function TokensTable(props: TokensTableProps) {
  const { tokens, all, onAll, loading, refreshing, problem, loaded, onRefresh, onCreate } = props;
  const definitions = useMemo(() => columns(all, loaded / 1000), [all, loaded]);
  const { items, collectionProps, filterProps, paginationProps, filteredItemsCount } = useCollection(tokens, {
    filtering: {
      empty: <Empty all={all} onCreate={onCreate} />,
      noMatch: <NoMatch />,
      filteringFunction: fits,
    },
    pagination: { pageSize: PAGE_SIZE },
    sorting: { defaultState: { sortingColumn: { sortingField: "created" }, isDescending: true } },
    selection: { trackBy: "tokenId", keepSelection: true },
  });
  const selectedId = collectionProps.selectedItems?.[0]?.tokenId;
  const selected = tokens.find(({ tokenId }) => tokenId === selectedId) ?? null;
  return (
    <SpaceBetween size="m">
      {problem && <QueryProblem what="The current API tokens" error={problem} onRetry={onRefresh} />}
      <Table
        {...collectionProps}
        items={items}
        columnDefinitions={definitions}
        variant="full-page"
        selectionType="single"
        trackBy="tokenId"
        loading={loading}
        loadingText="Loading the API tokens"
        wrapLines
        stickyHeader
        enableKeyboardNavigation
        ariaLabels={{
          selectionGroupLabel: "API tokens",
          itemSelectionLabel: (_, { name, tokenId }) => `${name} ${tokenId}`,
          tableLabel: "API tokens",
        }}
        header={
          <Header
            variant="awsui-h1-sticky"
            counter={loading ? "" : `(${tokens.length})`}
            description="Programs call the gateway with an API token instead of a sign-in. Tokens stay valid when you sign out."
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button
                  iconName="refresh"
                  ariaLabel="Refresh the API tokens"
                  loading={refreshing}
                  onClick={onRefresh}
                />
                <Revoke {...props} selected={selected} />
                <Button variant="primary" onClick={onCreate}>
                  Create token
                </Button>
              </SpaceBetween>
            }
          >
            API tokens
          </Header>
        }
        filter={
          <SpaceBetween direction="horizontal" size="s">
            {onAll && (
              <SegmentedControl
                label="Owners"
                selectedId={all ? "all" : "own"}
                options={[
                  { id: "own", text: "My tokens" },
                  { id: "all", text: "All owners" },
                ]}
                onChange={({ detail }) => onAll(detail.selectedId === "all")}
              />
            )}
            <TextFilter
              {...filterProps}
              filteringPlaceholder="Find tokens"
              filteringAriaLabel="Find tokens"
              filteringClearAriaLabel="Clear"
              countText={`${filteredItemsCount ?? 0} found`}
            />
          </SpaceBetween>
        }
        pagination={tokens.length > PAGE_SIZE && <Pagination {...paginationProps} />}
      />
    </SpaceBetween>
  );
}

/** Revokes the selected token or, for administrators in the list of all, all tokens of its owner. */
function Revoke({ all, selected, onRevoke, onRevokeAll }: TokensTableProps & { selected: ApiToken | null }) {
  if (!all) {
    return (
      <Button
        disabled={selected === null}
        disabledReason="Select a token first."
        onClick={() => selected && onRevoke(selected)}
      >
        Revoke
      </Button>
    );
  }
  return (
    <ButtonDropdown
      disabled={selected === null}
      disabledReason="Select a token first."
      items={[
        { id: "one", text: "Revoke this token" },
        { id: "all", text: `Revoke all tokens of ${selected?.ownerName ?? "its owner"}` },
      ]}
      onItemClick={({ detail }) => selected && (detail.id === "one" ? onRevoke : onRevokeAll)(selected)}
    >
      Revoke
    </ButtonDropdown>
  );
}

function fits({ name, tokenId, owner, ownerName, groups, scopes }: ApiToken, text: string): boolean {
  const wanted = text.toLowerCase();
  return [name, tokenId, owner, ownerName, ...groups, ...scopes].some((value) => value.toLowerCase().includes(wanted));
}

function Empty({ all, onCreate }: { all: boolean; onCreate: () => void }) {
  return (
    <Box textAlign="center" color="inherit" padding={{ vertical: "m" }}>
      <SpaceBetween size="s">
        <div>
          <b>No API tokens</b>
          <Box variant="p" color="inherit">
            {all ? "No user or service account has one." : "Create one for each program that calls the gateway."}
          </Box>
        </div>
        {!all && <Button onClick={onCreate}>Create token</Button>}
      </SpaceBetween>
    </Box>
  );
}

function NoMatch() {
  return (
    <Box textAlign="center" color="inherit">
      <b>No match</b>
      <Box variant="p" color="inherit">
        No token matches the filter.
      </Box>
    </Box>
  );
}
