"""`lisa weights …`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.invocation import Invocation
from lisa_compiler.cli.options import TableFormat, command_group, scope_options, takes
from lisa_compiler.cli.progress_bar import format_bytes, progress_step
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.compile.weights import open_workspace
from lisa_compiler.project.paths import MODELS, WEIGHTS_LOCK, shown_path
from lisa_weights import stage as use_cases
from lisa_weights.serving.omissions import OmittedFile, by_reason
from lisa_weights.stage_events import (
    Event,
    ModelChecked,
    ModelDownloaded,
    ModelLocked,
    ModelUploaded,
    ModelVerified,
    StoredModelChecked,
)
from lisa_weights.status import Condition, NextAction, StatusRow
from lisa_weights.workspace import Workspace

app = command_group("Stage model weights in S3: download, convert, verify, upload.")

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?)B?", re.IGNORECASE)
_SHOWN_PATHS = 8
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}

Endpoint = Annotated[
    str | None, typer.Option("--endpoint-url", metavar="URL", help="S3-compatible store instead of S3.")
]
Generate = Annotated[
    bool, typer.Option("--generate", help="Also compare eight tokens of the checkpoint and its safetensors.")
]
Models = Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="org/name; default: all hosted models.")]


@takes(scope_options)
def local_workspace_options(invocation: Invocation) -> Workspace:
    """Options of commands that need no bucket: those of one environment."""
    return open_workspace(invocation.project.environment(invocation.environment))


@takes(scope_options)
def workspace_options(invocation: Invocation, *, endpoint_url: Endpoint = None) -> Workspace:
    """Options of commands on the weights of one environment."""
    return open_workspace(invocation.project.environment(invocation.environment), endpoint_url)


@app.command("status", epilog="lisa weights status --env prod")
@takes(workspace_options)
def weights_status(
    workspace: Workspace,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Do not connect to the bucket.")] = False,
    form: Annotated[TableFormat, typer.Option("--format", help="Output format.")] = TableFormat.TEXT,
) -> None:
    """Show the status of each model: required, on disk, locked, in S3."""
    rows = use_cases.show_status(workspace, ask_bucket=not offline)
    if form is TableFormat.JSON:
        write_output(json.dumps([asdict(row) for row in rows], indent=2, default=str) + "\n")
        return
    cells = [
        (
            row.model,
            "yes" if row.needed else "no",
            row.local,
            row.lock,
            row.bucket,
            format_bytes(row.total_bytes),
            _next_command(row),
        )
        for row in rows
    ]
    write_output(table(("MODEL", "NEEDED", "LOCAL", "LOCKED", "IN S3", "SIZE", "NEXT"), cells))
    for row in rows:
        for line in (*row.problems, *(proof.summary for proof in row.proofs), *_omissions(row.omitted)):
            print_status(f"{row.model}: {line}")


@app.command("fetch", epilog="HF_TOKEN=… lisa weights fetch mistralai/Mistral-7B-Instruct-v0.2")
@takes(local_workspace_options)
def weights_fetch(
    workspace: Workspace,
    model: Annotated[str, typer.Argument(help="org/name, as on its model card.")],
    *,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    generate: Generate = False,
) -> None:
    """Download a model from the Hugging Face Hub into models/; HF_TOKEN has the token."""
    print_events(use_cases.fetch(workspace, model, revision, progress_step, generate=generate))


@app.command("convert", epilog="lisa weights convert models/org/name")
def weights_convert(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Directory of the model.", exists=True, file_okay=False)],
    *,
    max_shard_size: Annotated[str, typer.Option(metavar="SIZE", help="Largest file: 2GB, 500MB.")] = "2GB",
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Compare each tensor with its source.")] = True,
    checksums: Annotated[
        bool,
        typer.Option("--checksums", help="Also verify the checkpoint's CRC-32 checksums; takes about 50 % longer."),
    ] = False,
    generate: Generate = False,
) -> None:
    """Convert PyTorch checkpoints to safetensors, without running their code."""
    if checksums and not verify:
        raise typer.BadParameter("--checksums and --no-verify are mutually exclusive.", param_hint="--checksums")
    shown = shown_path(path)
    converted = use_cases.convert_directory(
        path,
        f"converting {shown}",
        progress_step,
        max_shard_bytes=_bytes(max_shard_size),
        verify=verify,
        checksums=checksums,
    )
    if not converted.written:
        print_status(f"{shown} is safetensors already, and valid")
    else:
        total = format_bytes(sum(file.size for file in converted.files))
        print_status(f"{shown}: {len(converted.tensors)} tensors in {len(converted.files)} files ({total})")
    for name in converted.skipped:
        print_status(f"omitted (not a tensor): {name}")
    if generate:
        for proof in use_cases.prove_directory(path):
            print_status(proof.summary)
    for line in _omissions(use_cases.omitted_files(path)):
        print_status(line)


@app.command("upload")
@takes(workspace_options)
def weights_upload(workspace: Workspace, models: Models = None) -> None:
    """Upload locked models to the models bucket; skip existing files."""
    print_events(use_cases.upload(workspace, models or (), progress_step))


@app.command("download")
@takes(workspace_options)
def weights_download(workspace: Workspace, models: Models = None) -> None:
    """Download locked models from the models bucket into models/."""
    print_events(use_cases.download(workspace, models or (), progress_step))


@app.command("verify", epilog="lisa weights verify --env prod --deep")
@takes(workspace_options)
def weights_verify(
    workspace: Workspace,
    models: Models = None,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read every object and compare its digest.")] = False,
) -> None:
    """Compare models in the bucket with the lock file; exit 1 if they differ."""
    raise typer.Exit(print_events(use_cases.verify(workspace, models or (), deep=deep)))


@app.command("stage", epilog="lisa weights stage --env prod --yes")
@takes(workspace_options)
def weights_stage(
    workspace: Workspace,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Download without a prompt.")] = False,
    generate: Generate = False,
) -> None:
    """Download, convert, lock and upload missing weights. Safe to rerun."""

    def approve(model: str, total_bytes: int) -> bool:
        return yes or typer.confirm(f"Fetch {model} from the Hugging Face Hub ({format_bytes(total_bytes)})?")

    raise typer.Exit(print_events(use_cases.stage(workspace, progress_step, approve=approve, generate=generate)))


def print_events(events: Iterable[Event | ModelDownloaded]) -> ExitCode:
    """Print what a use case does to models; FAILED when the last check of one failed."""
    failed: set[tuple[str, type]] = set()
    for event in events:
        for line in _lines(event):
            print_status(line)
        if isinstance(event, ModelVerified | StoredModelChecked):
            check = (event.model, type(event))
            failed = failed - {check} if event.is_valid else failed | {check}
    return ExitCode.FAILED if failed else ExitCode.OK


def _lines(event: Event | ModelDownloaded) -> list[str]:
    match event:
        case ModelLocked(model, locked, omitted):
            size = format_bytes(locked.total_bytes)
            proofs = [proof.summary for proof in locked.proofs]
            lines = [f"locked, {len(locked.files)} files, {size} → {WEIGHTS_LOCK}", *proofs, *_omissions(omitted)]
            return [f"{model}: {line}" for line in lines]
        case ModelChecked(model):
            return [f"{model}: checked, no tensor is missing → {WEIGHTS_LOCK}"]
        case ModelUploaded(model, uploaded, present):
            return [f"{model}: {uploaded} files uploaded, {present} already in the bucket"]
        case ModelDownloaded(model, downloaded, present):
            return [f"{model}: {downloaded} files downloaded, {present} already present"]
        case ModelVerified(model, url, mismatches):
            count = len(mismatches)
            result = f"{count} files differ from the lock file" if mismatches else "matches the lock file"
            return [*(f"{url}: {mismatch}" for mismatch in mismatches), f"{model}: {result}"]
        case StoredModelChecked(model, condition, problems):
            return [*problems, *([_damage(model)] if condition is Condition.DAMAGED else [])]


def _omissions(omitted: Iterable[OmittedFile]) -> list[str]:
    """A line for each reason, with the files that are omitted for it."""
    lines = []
    for reason, paths in by_reason(omitted).items():
        more = f" and {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
        lines.append(f"omitted ({reason}): {', '.join(paths[:_SHOWN_PATHS])}{more}")
    return lines


def _damage(model: str) -> str:
    place = f"{MODELS}/{model}"
    return (
        f"{model} is damaged by an older conversion: put its PyTorch checkpoint into {place} and run"
        f" `lisa weights convert {place}`, or run `lisa weights fetch {model}`; then `lisa weights stage`."
    )


def _next_command(row: StatusRow) -> str:
    if row.next_action is NextAction.NONE:
        return "-"
    objects = {NextAction.CONVERT: f" {MODELS}/{row.model}", NextAction.STAGE: ""}
    return f"lisa weights {row.next_action}{objects.get(row.next_action, f' {row.model}')}"


def _bytes(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise typer.BadParameter("Write a size such as 2GB or 500MB.")
    return int(float(found[1]) * _UNITS[found[2].upper()])
