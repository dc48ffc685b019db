"""Functions behind the API: each with its role, the variables that all of them have, and its routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.function_role import add_function_role
from lisa_compiler.emit.cloudformation.constructs.functions import PythonFunction
from lisa_compiler.emit.cloudformation.constructs.routes import Routes, web_origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan.routes import Route


def add_api_function(
    stack: LisaStack,
    construct_id: str,
    *,
    function: str,
    statements: Sequence[Statement],
    environment: Mapping[str, str],
    routes: Sequence[Route],
    assets: Assets,
    description: str,
    package: str | None = None,
    layers: Sequence[str] = ("common",),
    routes_id: str = "Routes",
) -> None:
    """Add a function to its stack.

    Args:
        stack: the function's stack.
        construct_id: of the function; that of its role ends with `Role`.
        function: the function's name in the plan.
        statements: permissions of its work.
        environment: its own variables; LOG_LEVEL and WEB_ORIGIN are added.
        routes: what it answers.
        assets: where its code is.
        description: what it does, for people.
        package: its package in lisa_lambdas; None for the one of its name.
        layers: names of its layers.
        routes_id: construct ID of the routes, which has to differ within a stack.
    """
    role = add_function_role(stack, f"{construct_id}Role", function=function, statements=statements)
    added = PythonFunction(
        stack,
        construct_id,
        function=function,
        package=package or function,
        role_arn=role.attr_arn,
        layers=layers,
        environment={
            "LOG_LEVEL": stack.deployment.function_log_level,
            "WEB_ORIGIN": web_origin(stack),
            **environment,
        },
        assets=assets,
        description=description,
    )
    Routes(stack, routes_id, routes=routes, function=added)
