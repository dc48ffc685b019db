"""LISA's gateway, with the environment that its container has, but for what is on this machine instead of in AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.dev.packages import python_with
from lisa_compiler.dev.processes import Program, free_port, responds
from lisa_compiler.resources import runtime_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lisa_compiler.dev.local_aws import LocalAws
    from lisa_compiler.plan import Deployment

_MODULES = (
    *("aiobotocore", "aiohttp", "fastapi", "httptools", "jwt", "orjson", "prometheus_client", "pydantic_settings"),
    *("python_multipart", "uvloop"),
)


def plan(
    deployment: Deployment,
    aws: LocalAws,
    *,
    authority: str,
    origin: str,
    litellm: str,
    routes: Path,
    keys: Mapping[str, str],
) -> tuple[str, Program]:
    """The gateway's address, and its program.

    Args:
        deployment: the environment's plan.
        aws: where tokens and the list of models are.
        authority: the OpenID provider.
        origin: of the web application.
        litellm: address of LiteLLM.
        routes: file with the routes, which the supervisor publishes in AWS.
        keys: the gateway's keys for LiteLLM, by the names of their variables.

    Raises:
        MissingPackageError: what the gateway imports is not installed.
    """
    python = python_with("The gateway", *_MODULES)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = Program(
        name="gateway",
        command=[python, "-m", "lisa_gateway"],
        environment={
            **container_environment(deployment),
            **aws.environment,
            **keys,
            "AUTHORITY": authority,
            # A debugger, or a machine that sleeps, is no hang.
            "HANG_TIMEOUT": "0",
            "HOST": "127.0.0.1",
            "LITELLM_URL": litellm,
            "METRICS_PORT": "0",
            "PORT": str(port),
            "PYTHONPATH": f"{runtime_dir() / 'gateway'}:{runtime_dir() / 'oidc'}",
            "ROUTES_FILE": str(routes),
            "THREADS": "1",
            "WEB_ORIGINS": origin,
        },
        is_ready=responds(f"{url}/health"),
    )
    return url, program


def container_environment(deployment: Deployment) -> dict[str, str]:
    """What the plan gives to the REST API's container."""
    return dict(deployment.rest_api.environment)
