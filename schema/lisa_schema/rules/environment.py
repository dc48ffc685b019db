"""Rules about what reaches a container beside its own keys: variables that LISA owns, and the build context."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.document import Path
from lisa_schema.legacy_syntax import BUILT_IN_CONTEXTS, REST_API_CONTEXT
from lisa_schema.models import AssetImage, Config, EcsModel
from lisa_schema.owned_variable import OwnedVariable
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import Service, build_context, container_kind, runs_own_entrypoint, services
from lisa_schema.settable_variables import GATEWAY, SETTABLE
from lisa_schema.variable_ownership import canonical, owned_variable

SECRET_ARN: Final = re.compile(r"arn:aws[a-z-]*:(secretsmanager:[^:]*:\d*:secret:|ssm:[^:]*:\d*:parameter/)")
"""What a value of a container's environment begins with when ECS resolves it at the start."""

_VARIABLES_BYTES: Final = 48 * 1024
"""Of the 64 KiB of a task definition (Amazon ECS Developer Guide, "Amazon ECS service quotas")."""


@rule("LISA318", "owned-variable", "Remove the variable.")
def owned_variables(config: Config) -> Iterator[RuleViolation]:
    """A variable that LISA owns must be set by its configuration key, not in an environment."""
    for path, service in services(config):
        container = container_kind(service)
        for name, value in service.container_config.environment.items():
            at: Path = (*path, "containerConfig", "environment", name)
            owned = owned_variable(container, name)
            if owned is not None and not _is_accepted(owned, value, config, service):
                yield _owned(at, name, owned)
            elif owned is None and canonical(container, name) != name and name.upper() in SETTABLE[container]:
                yield RuleViolation(at, f"The gateway reads `{name}` as `{name.upper()}`.", f"Write `{name.upper()}`.")
    for name, value in config.litellm_config.environment_variables.items():
        owned = owned_variable(GATEWAY, name)
        if owned is not None and value not in owned.accepts and _is_set(owned, config):
            yield _owned(("litellmConfig", "environment_variables", name), name, owned)


@rule("LISA325", "context-fits", "Use the built-in context of the container, or a directory of your project.")
def context_fits(config: Config) -> Iterator[RuleViolation]:
    """A built-in build context must be that of its container: the gateway's for the REST API, else the server's."""
    for path, service in services(config):
        image = service.container_config.image
        if not isinstance(image, AssetImage):
            continue
        context = build_context(image)
        own = BUILT_IN_CONTEXTS[service.inference_container] if isinstance(service, EcsModel) else REST_API_CONTEXT
        if context in {REST_API_CONTEXT, *BUILT_IN_CONTEXTS.values()} and context != own:
            also: tuple[Path, ...] = ((*path, "inferenceContainer"),) if isinstance(service, EcsModel) else ()
            message = f"`{context}` is the context of another container."
            yield RuleViolation((*path, "containerConfig", "image", "path"), message, f"Write `{own}`.", also)


@rule("LISA327", "environment-size", "Move long values to files in the image or to secrets.")
def environment_size(config: Config) -> Iterator[RuleViolation]:
    """The variables and arguments of a container must fit into an ECS task definition, which has at most 64 KiB."""
    for path, service in services(config):
        variables = service.container_config.environment
        arguments = service.server_args if isinstance(service, EcsModel) else ()
        size = sum(len(json.dumps({"Name": name, "Value": value})) for name, value in variables.items())
        words = sum(len(json.dumps(word)) + 1 for word in arguments)
        if size + words > _VARIABLES_BYTES:
            what = "variables and arguments" if arguments else "variables"
            message = f"The {what} have {size + words} bytes in a task definition; the maximum is {_VARIABLES_BYTES}."
            at: Path = (*path, "containerConfig", "environment") if size >= words else (*path, "serverArgs")
            yield RuleViolation(at, message)


def _is_accepted(owned: OwnedVariable, value: str, config: Config, service: Service) -> bool:
    """Return whether a value of an owned variable is harmless: what LISA sets anyway, or of no concern here."""
    return (
        value in owned.accepts
        or (owned.accepts_secret and SECRET_ARN.match(value) is not None)
        or (owned.built_only and not runs_own_entrypoint(service))
        or not _is_set(owned, config)
    )


def _owned(path: Path, name: str, owned: OwnedVariable) -> RuleViolation:
    return RuleViolation(path, f"`{name}` is reserved for LISA: it controls {owned.controls}.", owned.fix)


def _is_set(owned: OwnedVariable, config: Config) -> bool:
    return not owned.trust_only or bool(config.certificate_authority_bundle)
