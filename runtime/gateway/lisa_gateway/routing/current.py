"""The routes that are in force in a worker."""

from __future__ import annotations

from pathlib import Path

from lisa_gateway.routing.document import RoutingTable


class Routing:
    """Holds the table in force; whoever replaces it assigns `current`, and requests under way keep theirs.

    Attributes:
        current: the table.
    """

    def __init__(self, table: RoutingTable | None = None) -> None:
        # A table without models is false, and has an access document all the same.
        self.current = RoutingTable() if table is None else table

    @classmethod
    def from_file(cls, path: str) -> Routing:
        """The routes of a file; for no path the empty table, with which every request goes to LiteLLM.

        Raises:
            OSError: the file cannot be read.
            RoutingError: it holds no valid routes.
        """
        return cls(RoutingTable.read(Path(path).read_bytes()) if path else None)
