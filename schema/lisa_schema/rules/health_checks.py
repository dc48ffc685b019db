"""Rules about health checks: that the command of a container and the path of a load balancer can succeed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.engine_images import engine_image
from lisa_schema.engine_settings import TITLES
from lisa_schema.health_commands import HealthCommand, read_command
from lisa_schema.health_paths import PORT, absent_programs, answers, answers_head, is_official, ports
from lisa_schema.models import AssetImage, Config, EcsModel
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import Service, container_kind, runs_own_entrypoint, services
from lisa_schema.settable_variables import GATEWAY

_IN_PYTHON: Final = (
    "Write [CMD, python3, -c, \"import urllib.request as r; r.urlopen('http://localhost:8080/health')\"]."
)
_Told = tuple[str, str, Severity]


@rule("LISA510", "container-check", "Ask http://localhost:8080/health with a program that the image has.")
def container_check(config: Config) -> Iterator[RuleViolation]:
    """The health check of a container must be able to succeed: ECS replaces a task whose check fails."""
    for path, service in services(config):
        command = read_command(service.container_config.health_check_config.command)
        if command is None:
            continue  # LISA312 reports it.
        at: Path = (*path, "containerConfig", "healthCheckConfig", "command")
        if command.fault is not None:
            yield RuleViolation(at, f"The health check {command.fault}.", command.fix)
            continue
        certainty = _certainty(service)
        if certainty is None or command.passes_anyway:
            continue
        told = _wrong_address(config, service, command, certainty) or _lacking_program(service, command)
        if told is not None:
            message, fix, severity = told
            yield RuleViolation(at, message, fix, ((*path, "containerConfig", "image"),), severity)


@rule("LISA511", "health-path", "Write `/health`.")
def health_path(config: Config) -> Iterator[RuleViolation]:
    """The path of a load balancer's health check must be one that the server answers without a token."""
    for path, service in services(config):
        certainty = _certainty(service)
        asked = service.load_balancer_config.health_check_config.path
        if certainty is None or answers(container_kind(service), asked, with_key=_has_key(config, service)):
            continue
        at: Path = (*path, "loadBalancerConfig", "healthCheckConfig", "path")
        message = f"{_refusal(config, service, asked)}: its targets would never be healthy."
        yield RuleViolation(at, message, None, ((*path, "containerConfig", "image"),), certainty)


def _certainty(service: Service) -> Severity | None:
    """How certain it is which server the container runs: an error, a warning, or None where it is unknown."""
    if runs_own_entrypoint(service):
        return Severity.ERROR
    image, kind = engine_image(service.container_config.image), container_kind(service)
    if isinstance(service.container_config.image, AssetImage) or image.engine is None or image.engine != kind:
        return None
    return Severity.ERROR if image.publishes(kind) else Severity.WARNING


def _has_key(config: Config, service: Service) -> bool:
    return config.model_keys and isinstance(service, EcsModel)


def _refusal(config: Config, service: Service, path: str) -> str:
    kind = container_kind(service)
    server = "The gateway" if kind == GATEWAY else TITLES.get(kind, f"The {kind} container")
    needs_key = _has_key(config, service) and answers(kind, path, with_key=False)
    return f"{server} does not answer `{path}` with 200{' without its key (`modelKeys`)' if needs_key else ''}"


def _wrong_address(config: Config, service: Service, command: HealthCommand, certainty: Severity) -> _Told | None:
    kind = container_kind(service)
    asked = list(command.asked())
    arguments = service.server_args if isinstance(service, EcsModel) else ()
    known = ports(kind, service.container_config.environment, tuple(arguments))
    if asked and not any(one.port in known for one in asked):
        message = f"The health check asks port {asked[0].port}, on which nothing listens: the server has port {PORT}."
        return message, f"Write `{asked[0].with_port(PORT)}`.", certainty
    if asked and all(one.scheme == "https" and one.port == PORT for one in asked):
        message = (
            f"The health check uses https at port {PORT}, where the container answers http: it has no certificate."
        )
        return message, f"Write `{asked[0].with_port(PORT)}`.", certainty
    own = [one for one in asked if one.port == PORT]
    paths = [one.path or "/" for one in own if one.scheme or one.path]
    with_key = _has_key(config, service)
    if paths and command.minds_status and not any(answers(kind, path, with_key=with_key) for path in paths):
        message = f"{_refusal(config, service, paths[0])}: the health check fails."
        fix = f"Write `{own[0].with_port(PORT).removesuffix(own[0].path)}/health`."
        return message, fix, certainty
    if own and command.asks_for_head and not answers_head(kind):
        message = f"The health check asks with HEAD, which {TITLES.get(kind, 'the server')} answers with 405."
        return message, "Remove `-I` or `--head`.", certainty
    return None


def _lacking_program(service: Service, command: HealthCommand) -> _Told | None:
    image = engine_image(service.container_config.image)
    if not runs_own_entrypoint(service) or (name := command.needs(absent_programs(image))) is None:
        return None
    if is_official(image):
        return f"The health check runs `{name}`, which `{image.name}` does not have.", _IN_PYTHON, Severity.ERROR
    message = f"The health check runs `{name}`; whether `{image.name}` has it is unknown: Python's own image does not."
    return message, _IN_PYTHON, Severity.WARNING
