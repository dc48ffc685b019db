"""Variables of the authorizer."""

from __future__ import annotations

from lisa_lambdas.environment import Environment


class AuthorizerEnvironment(Environment):
    """Environment of the authorizer.

    Attributes:
        authority: issuer of the tokens, AUTHORITY; empty without a sign-in, and then nobody passes.
        client_id: the client that tokens must be made for, CLIENT_ID.
        admin_group: group of administrators, ADMIN_GROUP; empty for none.
        jwt_groups_prop: dot path of the groups in a token, JWT_GROUPS_PROP.
        sign_out_table_name: the table of sign-outs, SIGN_OUT_TABLE_NAME; empty when the provider reports none.
    """

    authority: str = ""
    client_id: str = ""
    admin_group: str = ""
    jwt_groups_prop: str = ""
    sign_out_table_name: str = ""
