"""Variables of the session function."""

from __future__ import annotations

from lisa_lambdas.environment import Environment


class SessionEnvironment(Environment):
    """Environment of the session function.

    Attributes:
        sessions_table_name: the table, SESSIONS_TABLE_NAME.
        sessions_by_update_index_name: its index by the time of the last change, SESSIONS_BY_UPDATE_INDEX_NAME.
    """

    sessions_table_name: str
    sessions_by_update_index_name: str
