"""Sign-outs that the identity provider reports: their table, and the function that receives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from lisa_compiler.emit.cloudformation.constructs.api_functions import add_api_function
from lisa_compiler.emit.cloudformation.constructs.policies import allow
from lisa_compiler.emit.cloudformation.constructs.routes import api_url
from lisa_compiler.emit.cloudformation.constructs.tables import add_table
from lisa_compiler.plan.routes import BACK_CHANNEL_LOGOUT, SIGN_OUT_ROUTES

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack


def add_sign_out_table(stack: LisaStack) -> None:
    """Add the table of sign-outs.

    It is there whether or not the provider reports any: the authorizer and the gateway, which read it, are in two
    stacks, and one of them would miss it for some minutes when `backChannelLogout` changes.
    """
    name = stack.deployment.names.sign_out_table
    add_table(stack, "SignOutTable", name=name, keys=["session"], ttl_attribute="deleteAfter")


def read_sign_outs(stack: LisaStack) -> tuple[Statement, ...]:
    """Let a program look sessions up, and nothing else."""
    return allow("dynamodb:BatchGetItem", _table_arn(stack)), stack.use_key("dynamodb", reads_only=True)


def add_sign_out_api(stack: LisaStack, assets: Assets) -> None:
    """Add the function that receives sign-outs, if `backChannelLogout` is set, and its address for the provider."""
    auth = stack.deployment.config.auth_config
    if auth is None or not stack.deployment.receives_sign_outs:
        return
    table = stack.deployment.names.sign_out_table
    add_api_function(
        stack,
        "SignOuts",
        function="sign-outs",
        package="sign_outs",
        statements=[allow("dynamodb:PutItem", _table_arn(stack)), stack.use_key("dynamodb")],
        environment={"AUTHORITY": auth.authority, "CLIENT_ID": auth.client_id, "SIGN_OUT_TABLE_NAME": table},
        routes=SIGN_OUT_ROUTES,
        routes_id="SignOutRoutes",
        assets=assets,
        layers=("common", "authorizer"),
        description="Records sign-outs that the identity provider reports",
    )
    cdk.CfnOutput(
        stack,
        "BackChannelLogoutUrl",
        value=f"{api_url(stack)}{BACK_CHANNEL_LOGOUT}",
        description="Back-channel logout URL, for the client at the identity provider",
    )


def _table_arn(stack: LisaStack) -> str:
    return stack.deployment.arn("dynamodb", f"table/{stack.deployment.names.sign_out_table}")
