"""Variables of the usage function."""

from __future__ import annotations

from lisa_lambdas.environment import Environment


class UsageEnvironment(Environment):
    """Environment of the usage function.

    Attributes:
        usage_table_name: the table that the gateway writes, USAGE_TABLE_NAME.
    """

    usage_table_name: str
