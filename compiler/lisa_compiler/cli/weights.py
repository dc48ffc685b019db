"""The commands `lisa weights …` and their options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.options import HOW, Environment, Project, TableFormat
from lisa_compiler.cli.requests import Request, request

weights_app = typer.Typer(
    help="Stage model weights in S3: download, convert, verify, upload.", no_args_is_help=True, rich_markup_mode="rich"
)

Endpoint = Annotated[
    str | None,
    typer.Option("--endpoint-url", metavar="URL", help="S3-compatible store instead of S3.", rich_help_panel=HOW),
]
Models = Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="org/name; default: all hosted models.")]
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


def _asked(project: Path, env: str | None) -> Request:
    return request(project, [env] if env else None)


def _bytes(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise typer.BadParameter("Write a size such as 2GB or 500MB.")
    return int(float(found[1]) * _UNITS[found[2].upper()])


@weights_app.command("status", epilog="lisa weights status --env prod")
def weights_status(
    *,
    project: Project = Path(),
    env: Environment = None,
    endpoint_url: Endpoint = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not connect to the bucket.", rich_help_panel=HOW)
    ] = False,
    form: Annotated[TableFormat, typer.Option("--format", help="Output format.")] = TableFormat.TEXT,
) -> None:
    """Show the status of each model: required, on disk, locked, in S3."""
    from lisa_compiler.cli import staging

    raise typer.Exit(
        staging.in_workspace(
            _asked(project, env),
            endpoint_url,
            lambda found: staging.status(found, ask_bucket=not offline, as_json=form is TableFormat.JSON),
        )
    )


@weights_app.command("fetch", epilog="HF_TOKEN=… lisa weights fetch mistralai/Mistral-7B-Instruct-v0.2")
def weights_fetch(
    model: Annotated[str, typer.Argument(help="org/name, as on its model card.")],
    *,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    project: Project = Path(),
    env: Environment = None,
) -> None:
    """Download a model from the Hugging Face Hub into models/; HF_TOKEN has the token."""
    from lisa_compiler.cli import staging

    raise typer.Exit(
        staging.in_workspace(_asked(project, env), None, lambda found: staging.fetch(found, model, revision))
    )


@weights_app.command("convert", epilog="lisa weights convert models/org/name")
def weights_convert(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Directory of the model.", exists=True, file_okay=False)],
    *,
    max_shard_size: Annotated[str, typer.Option(metavar="SIZE", help="Largest file: 2GB, 500MB.")] = "2GB",
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Compare each tensor with its source.")] = True,
    checksums: Annotated[
        bool,
        typer.Option("--checksums", help="Also verify the checkpoint's CRC-32 checksums; takes about 50 % longer."),
    ] = False,
) -> None:
    """Convert PyTorch checkpoints to safetensors, without running their code."""
    from lisa_compiler.cli import staging

    if checksums and not verify:
        raise typer.BadParameter("--checksums and --no-verify are mutually exclusive.", param_hint="--checksums")
    limit = _bytes(max_shard_size)
    raise typer.Exit(staging.convert_directory(path, max_shard_bytes=limit, verify=verify, checksums=checksums))


@weights_app.command("upload")
def weights_upload(
    models: Models = None,
    *,
    project: Project = Path(),
    env: Environment = None,
    endpoint_url: Endpoint = None,
) -> None:
    """Upload locked models to the models bucket; skip existing files."""
    from lisa_compiler.cli import staging

    raise typer.Exit(
        staging.in_workspace(_asked(project, env), endpoint_url, lambda found: staging.upload(found, models or ()))
    )


@weights_app.command("download")
def weights_download(
    models: Models = None,
    *,
    project: Project = Path(),
    env: Environment = None,
    endpoint_url: Endpoint = None,
) -> None:
    """Download locked models from the models bucket into models/."""
    from lisa_compiler.cli import staging

    raise typer.Exit(
        staging.in_workspace(_asked(project, env), endpoint_url, lambda found: staging.download(found, models or ()))
    )


@weights_app.command("verify", epilog="lisa weights verify --env prod --deep")
def weights_verify(
    models: Models = None,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read every object and compare its digest.")] = False,
    project: Project = Path(),
    env: Environment = None,
    endpoint_url: Endpoint = None,
) -> None:
    """Compare models in the bucket with the lock file; exit 1 if they differ."""
    from lisa_compiler.cli import staging

    raise typer.Exit(
        staging.in_workspace(
            _asked(project, env), endpoint_url, lambda found: staging.verify(found, models or (), deep=deep)
        )
    )


@weights_app.command("stage", epilog="lisa weights stage --env prod --yes")
def weights_stage(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Download without a prompt.")] = False,
    project: Project = Path(),
    env: Environment = None,
    endpoint_url: Endpoint = None,
) -> None:
    """Download, convert, lock and upload missing weights. Safe to rerun."""
    from lisa_compiler.cli import staging

    raise typer.Exit(
        staging.in_workspace(
            _asked(project, env),
            endpoint_url,
            lambda found: staging.stage(found, agreed=lambda question: yes or typer.confirm(question)),
        )
    )
