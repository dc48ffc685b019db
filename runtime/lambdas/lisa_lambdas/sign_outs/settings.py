"""Variables of the sign-outs function."""

from __future__ import annotations

from lisa_lambdas.environment import Environment


class SignOutsEnvironment(Environment):
    """Environment of the sign-outs function.

    Attributes:
        authority: issuer of the logout tokens, AUTHORITY.
        client_id: the client that they must be made for, CLIENT_ID.
        sign_out_table_name: the table of sign-outs, SIGN_OUT_TABLE_NAME.
    """

    authority: str
    client_id: str
    sign_out_table_name: str
