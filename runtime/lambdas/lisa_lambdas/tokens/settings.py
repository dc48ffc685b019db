"""Variables of the tokens function."""

from __future__ import annotations

from lisa_lambdas.environment import Environment


class TokensEnvironment(Environment):
    """Environment of the tokens function.

    Attributes:
        token_table_name: the table of API tokens, TOKEN_TABLE_NAME.
        tokens_by_owner_index_name: its index by owner, TOKENS_BY_OWNER_INDEX_NAME.
    """

    token_table_name: str
    tokens_by_owner_index_name: str
