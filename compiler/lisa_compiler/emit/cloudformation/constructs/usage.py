"""What the gateway counts: the counters of limits, usage, and the function by which users see theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.api_functions import add_api_function
from lisa_compiler.emit.cloudformation.constructs.policies import allow
from lisa_compiler.emit.cloudformation.constructs.tables import add_table
from lisa_compiler.plan.routes import USAGE_ROUTES

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack

_TTL_ATTRIBUTE = "expiresAt"


def add_usage_tables(stack: LisaStack) -> None:
    """Add the tables that the gateway writes: a counter for each limit and window, and usage by day."""
    names = stack.deployment.names
    add_table(stack, "LimitsTable", name=names.limits_table, keys=["counter"], ttl_attribute=_TTL_ATTRIBUTE)
    add_table(stack, "UsageTable", name=names.usage_table, keys=["subject", "period"], ttl_attribute=_TTL_ATTRIBUTE)


def count_usage(stack: LisaStack) -> Statement:
    """Let the gateway change counters and usage, and nothing else: it reads what its own changes return."""
    tables = (stack.deployment.names.limits_table, stack.deployment.names.usage_table)
    return allow("dynamodb:UpdateItem", [stack.deployment.arn("dynamodb", f"table/{table}") for table in tables])


def add_usage_api(stack: LisaStack, assets: Assets) -> None:
    """Add the function behind `/usage`."""
    deployment = stack.deployment
    table = deployment.names.usage_table
    statements = [
        allow("dynamodb:Query", deployment.arn("dynamodb", f"table/{table}")),
        stack.use_key("dynamodb", reads_only=True),
    ]
    add_api_function(
        stack,
        "Usage",
        function="usage",
        statements=statements,
        environment={"USAGE_TABLE_NAME": table},
        routes=USAGE_ROUTES,
        routes_id="UsageRoutes",
        assets=assets,
        description="Shows users what they have used",
    )
