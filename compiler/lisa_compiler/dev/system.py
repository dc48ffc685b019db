"""All parts together: what is compiled, with local parts in AWS's place, for as long as a context lasts."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.aws.dynamodb import ItemTable
from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.compile.weights import LocalWeights
from lisa_compiler.dev import database, gateway, identity, local_aws, models, proxy, routes, stacks, web
from lisa_compiler.dev.autoscaling_emulator import AutoScalingEmulator
from lisa_compiler.dev.processes import Processes, free_port
from lisa_compiler.emit.web import ENV_JS
from lisa_compiler.product.artifact import WEB_APPLICATION
from lisa_compiler.project.load import load
from lisa_compiler.tokens.registry import TokenRegistry
from lisa_compiler.tokens.token import KEY
from lisa_schema.overlay import Override
from lisa_schema.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lisa_compiler.compile.pipeline import Compiled
    from lisa_compiler.dev.identity import Identity
    from lisa_compiler.dev.models import Endpoint
    from lisa_compiler.dev.processes import Program

_DATABASE_USER = "postgres"
_DATABASE_SECRET = "lisa-dev-database"  # noqa: S105  # the name of a secret, not a secret


@dataclass(frozen=True, kw_only=True)
class LocalEnvironment:
    """What runs.

    Attributes:
        environment: name of the environment.
        web: address of the chat application; None when the environment has none.
        gateway: address of the gateway.
        api: address of the API.
        token: an API token that the gateway takes.
        users: who can sign in, the administrator last; empty when nobody has to.
    """

    environment: str
    web: str | None
    gateway: str
    api: str
    token: str
    users: tuple[str, ...]


def compile_for_local_run(
    project: Path, environment: str | None, overrides: Sequence[Override], tell: Callable[[str], None]
) -> Compiled:
    """Compile an environment whose repositories are all in the database of this machine.

    Processes here trust what this machine trusts: the bundle's paths are those of functions and containers.

    Raises:
        ConfigurationError: the configuration has errors.
        LisaError: a file that it names cannot be used.
    """
    config = validate(load(project, environment, overrides).document).config
    connection = {
        "username": _DATABASE_USER,
        "dbHost": "127.0.0.1",
        "passwordSecretId": _DATABASE_SECRET,
        # PostgreSQL on this machine knows no tokens of IAM.
        "functionUser": "password",
        "dbiResourceId": None,
    }
    changes = {"type": "pgvector", "opensearchConfig": None, "rdsConfig": connection}
    local = [
        Override("lisa dev", ("ragRepositories", repository.repository_id, key), value)
        for repository in config.rag_repositories
        for key, value in changes.items()
    ]
    trust = [Override("lisa dev", (key,), None) for key in ("certificateAuthorityBundle", "databaseAuthorityBundle")]
    return compile_environment(
        project, environment, overrides=[*overrides, *local, *trust], local_weights=LocalWeights.IGNORE, progress=tell
    )


@contextmanager
def run_environment(
    compiled: Compiled, processes: Processes, *, text_model: Endpoint | None, tell: Callable[[str], None]
) -> Iterator[LocalEnvironment]:
    """Run an environment.

    Args:
        compiled: what it compiles to.
        processes: where programs are started; who opened it ends them.
        text_model: who answers in place of text models; None for the small model of this machine.
        tell: function that shows the current phase.

    Raises:
        MissingPackageError: a part needs a package that is not installed; nothing was started.
        PartError: a part did not start.
        DeployError: the local AWS refuses a stack.
    """
    deployment = compiled.deployment
    config = deployment.config
    keys = {name: f"sk-{secrets.token_hex(24)}" for name in ("LITELLM_KEY", "LITELLM_ADMIN_KEY")}
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    application = f"{origin}/{config.deployment_stage}/"

    begun: list[Program] = []
    provider: Identity | None = None
    if config.auth_config is not None:
        provider, program = identity.plan(config.auth_config, application)
        begun.append(program)
    authority = provider.authority if provider else ""
    endpoints, programs = _models(text_model)
    begun += programs
    aws, program = local_aws.plan(processes.folder(), account=deployment.names.account, region=deployment.names.region)
    begun.append(program)
    litellm, program = proxy.plan(processes.folder(), compiled, endpoints=endpoints, keys=keys)
    begun.append(program)
    rest_api, gateway_program = gateway.plan(
        deployment,
        aws,
        authority=authority,
        origin=origin,
        litellm=litellm,
        routes=routes.write(processes.folder(), compiled, endpoints),
        keys=keys,
    )
    server = None
    if deployment.repositories:
        tell("making a database")
        server, program = database.plan(processes.folder(), user=_DATABASE_USER, password=secrets.token_hex(16))
        begun.append(program)

    tell("starting programs")
    started = {each.name: processes.start_async(each) for each in begun}
    started["aws"].wait_until_ready()
    api = stacks.deploy(compiled, aws, authority=authority, tell=tell)
    stacks.connect(compiled, aws, rest_api=rest_api, database=server, secrets=routes.key_secrets(endpoints))
    table = ItemTable(aws.client("dynamodb"), deployment.names.token_table, KEY)
    token, _ = TokenRegistry(deployment.environment, table).create("dev", now=int(time.time()))
    started["gateway"] = processes.start_async(gateway_program)
    if deployment.deploys("ui"):
        settings = {
            "AUTHORITY": authority,
            "RESTAPI_URI": rest_api,
            "SESSION_REST_API_URI": application.rstrip("/"),
            "API_BASE_URL": application.rstrip("/"),
        }
        program = web.plan(
            processes.folder(),
            compiled.products.files[WEB_APPLICATION],
            compiled.files[ENV_JS],
            port=port,
            stage=config.deployment_stage,
            api=api,
            settings=settings,
        )
        started["web"] = processes.start_async(program)
    for name, part in started.items():
        tell(f"waiting for {name}")
        part.wait_until_ready()
    with AutoScalingEmulator(aws, [model.service.cluster for model in deployment.models]):
        yield LocalEnvironment(
            environment=compiled.environment,
            web=application if "web" in started else None,
            gateway=rest_api,
            api=application.rstrip("/") if "web" in started else api,
            token=token,
            users=provider.users if provider else (),
        )


def _models(text_model: Endpoint | None) -> tuple[dict[str, Endpoint], list[Program]]:
    """Who answers for a model, by its type, and the programs that have to run for it."""
    embedding, embedding_program = models.plan_embedding()
    if text_model is not None:
        return {"textgen": text_model, "embedding": embedding}, [embedding_program]
    text, text_program = models.plan_text()
    return {"textgen": text, "embedding": embedding}, [embedding_program, text_program]
