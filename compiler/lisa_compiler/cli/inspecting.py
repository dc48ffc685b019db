"""Commands that look at the configuration without making anything: validate, config, stacks, schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.cli.diagnosing import has_errors, show
from lisa_compiler.cli.report import Format, counted
from lisa_compiler.cli.requests import Request
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_schema.diagnostics import Diagnostic
from lisa_schema.errors import ConfigurationError, LisaError

if TYPE_CHECKING:
    from lisa_compiler.project.load import Loaded
    from lisa_schema.models import Config
    from lisa_schema.overlay import Override


def validate(request: Request, *, form: Format) -> ExitCode:
    """Validate environments and report everything that is wrong with any of them."""
    from lisa_compiler.project.load import environments

    found: list[Diagnostic] = []
    valid: list[str] = []
    try:
        every = environments(request.project) if request.all else ()
        overrides = request.overrides()
        for name in every or request.environments or (None,):
            try:
                loaded, _, warnings = validated(request, name, overrides)
            except ConfigurationError as error:
                found += error.diagnostics
            else:
                found += warnings
                valid.append(loaded.environment)
    except ConfigurationError as error:
        found += error.diagnostics
    show(found, form, request)
    if has_errors(found):
        return ExitCode.FAILED
    for name in valid:
        say(f"{name}: valid" + (f", {counted(found)}" if found and len(valid) == 1 else ""))
    return ExitCode.OK


def config(request: Request, *, origins: bool) -> ExitCode:
    """Print the effective configuration of one environment as YAML."""
    from lisa_compiler.cli.effective_yaml import effective_yaml

    try:
        loaded, effective, _ = validated(request, _single(request), request.overrides())
    except ConfigurationError as error:
        show(error.diagnostics, Format.TEXT, request)
        return ExitCode.FAILED
    put(f"# Effective configuration of {loaded.environment}\n")
    put(effective_yaml(effective.model_dump(mode="json", by_alias=True), loaded.document if origins else None))
    return ExitCode.OK


def stacks(request: Request, *, as_json: bool) -> ExitCode:
    """Print the stacks of one environment in the order of their deployment."""
    from lisa_compiler.plan import plan

    try:
        loaded, effective, _ = validated(request, _single(request), request.overrides())
        deployment = plan(loaded.environment, effective)
    except ConfigurationError as error:
        show(error.diagnostics, Format.TEXT, request)
        return ExitCode.FAILED
    if as_json:
        content = [
            {
                "component": stack.component,
                "stackName": stack.name,
                "description": stack.description,
                "dependsOn": list(stack.depends_on),
            }
            for stack in deployment.stacks
        ]
        put(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return ExitCode.OK
    rows = [(stack.component, stack.name, ", ".join(stack.depends_on) or "-") for stack in deployment.stacks]
    put(table(("COMPONENT", "STACK", "DEPENDS ON"), rows))
    return ExitCode.OK


def schema(kind: str, output: Path | None) -> ExitCode:
    """Print a JSON Schema, or write it to a file."""
    from lisa_schema import export

    made = {"config": export.config_schema, "overlay": export.overlay_schema, "effective": export.effective_schema}
    text = export.schema_text(made[kind]())
    if output is None:
        put(text)
        return ExitCode.OK
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise LisaError(f"{output} cannot be written: {error.strerror}.") from error
    say(f"wrote {output}")
    return ExitCode.OK


def loaded_region(request: Request) -> dict[str, str]:
    """Return what the configuration says, valid or not, about where it deploys.

    The keys are region, profile, vpcId, deploymentName, and domainName for that of the gateway.

    Raises:
        ConfigurationError: the files cannot be read.
    """
    from lisa_compiler.project.load import load
    from lisa_schema.document import ScalarNode

    document = load(request.project, _single(request), request.overrides()).document
    found = {}
    for key in ("region", "profile", "vpcId", "deploymentName"):
        node = document.find((key,))
        if isinstance(node, ScalarNode) and not node.is_null:
            found[key] = node.text
    vpc = document.find(("vpc", "vpcId"))
    if "vpcId" not in found and isinstance(vpc, ScalarNode) and not vpc.is_null:
        found["vpcId"] = vpc.text
    domain = document.find(("restApiConfig", "loadBalancerConfig", "domainName"))
    if isinstance(domain, ScalarNode) and not domain.is_null:
        found["domainName"] = domain.text
    return found


def _single(request: Request) -> str | None:
    return request.environments[0] if request.environments else None


def validated(
    request: Request, environment: str | None, overrides: Sequence[Override]
) -> tuple[Loaded, Config, tuple[Diagnostic, ...]]:
    """Load and validate an environment; raises ConfigurationError with everything that is wrong with it."""
    from lisa_compiler.project.load import load
    from lisa_schema.validate import validate as validate_document

    loaded = load(request.project, environment, overrides)
    found = validate_document(loaded.document)
    return loaded, found.config, (*loaded.diagnostics, *found.diagnostics)
