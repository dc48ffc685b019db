"""`lisa weights …`."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.garbage import delete_garbage
from lisa_compiler.cli.intake_reports import print_reports
from lisa_compiler.cli.invocation import Invocation
from lisa_compiler.cli.options import TableFormat, command_group, scope_options, takes
from lisa_compiler.cli.progress_bar import format_bytes, progress_step
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_compiler.cli.weights_events import omission_lines, print_events, proof_lines
from lisa_compiler.compile.weights import open_workspace
from lisa_compiler.deploy.weights import open_bucket_workspace
from lisa_compiler.project.paths import MODELS, shown_path
from lisa_weights import acquisition, transfer
from lisa_weights.adopt import adopt
from lisa_weights.convert import Converted
from lisa_weights.garbage import MIN_AGE_DAYS, GarbageOptions
from lisa_weights.proving import prove_conversion, prove_models
from lisa_weights.stage import stage
from lisa_weights.status import NextAction, StatusRow
from lisa_weights.workspace import Workspace

app = command_group("Stage model weights in S3: download, convert, verify, upload.")

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}

Endpoint = Annotated[
    str | None, typer.Option("--endpoint-url", metavar="URL", help="S3-compatible store instead of S3.")
]
Relock = Annotated[bool, typer.Option("--relock", help="Accept other content of a locked commit.")]
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
    workspace = open_bucket_workspace(invocation.project.environment(invocation.environment), endpoint_url)
    if not workspace.needed:
        print_status(f"{workspace.environment} hosts no models.")
    return workspace


@app.command("status", epilog="lisa weights status --env prod")
@takes(workspace_options)
def weights_status(
    workspace: Workspace,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Do not connect to the bucket.")] = False,
    form: Annotated[TableFormat, typer.Option("--format", help="Output format.")] = TableFormat.TEXT,
) -> None:
    """Show the status of each model: required, on disk, locked, in S3."""
    rows = transfer.show_status(workspace, ask_bucket=not offline)
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
        for line in (*row.problems, *proof_lines(row), *omission_lines(row.omitted)):
            print_status(f"{row.model}: {line}")


@app.command("fetch", epilog="HF_TOKEN=… lisa weights fetch mistralai/Mistral-7B-Instruct-v0.2")
@takes(local_workspace_options)
def weights_fetch(
    workspace: Workspace,
    model: Annotated[str, typer.Argument(help="org/name, as on its model card.")],
    *,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    relock: Relock = False,
    generate: Generate = False,
) -> None:
    """Download a model from the Hugging Face Hub into models/; HF_TOKEN has the token."""
    print_events(acquisition.fetch(workspace, model, revision, progress_step, relock=relock, generate=generate))


@app.command("import", epilog="lisa weights import /media/usb/models--mistralai--Mistral-7B-Instruct-v0.2")
@takes(local_workspace_options)
def weights_import(
    workspace: Workspace,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Directory, Hugging Face cache, tar or OCI layout.")],
    *,
    model: Annotated[
        str | None, typer.Option("--as", metavar="ORG/NAME", help="Name of the model; a cache states it.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the directory that models/ has.")] = False,
    generate: Generate = False,
) -> None:
    """Import a model from a directory, a Hugging Face cache, a tar or an OCI layout."""
    events = acquisition.import_weights(
        workspace, path, model, progress_step, replace_existing=replace, generate=generate
    )
    print_events(events)


@app.command("report", epilog="lisa weights report mistralai/Mistral-7B-Instruct-v0.2 --output intake")
@takes(local_workspace_options)
def weights_report(
    workspace: Workspace,
    model: Annotated[
        str | None, typer.Argument(help="org/name, in weights.lock.json; not in models/: only what the lock has.")
    ] = None,
    *,
    changed_since: Annotated[
        str | None,
        typer.Option("--changed-since", metavar="REF", help="Report each model that the lock file changes since REF."),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown/--json", help="Format on stdout.")] = True,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            help="Write all formats, in-toto and CycloneDX into a directory.",
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Report what a model contains, what was found in it, and where it came from."""
    print_reports(workspace, model, changed_since, output, markdown=markdown)


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
    converted = acquisition.convert_directory(
        path,
        f"converting {shown}",
        progress_step,
        max_shard_bytes=_bytes(max_shard_size),
        verify=verify,
        checksums=checksums,
    )
    if converted.written:
        _print_conversion(shown, converted)
    else:
        print_status(f"{shown} is safetensors already, and valid")
    if generate:
        print_events(prove_conversion(path, progress_step))
    for line in omission_lines(acquisition.omitted_files(path)) if converted.written else ():
        print_status(line)


def _print_conversion(shown: str, converted: Converted) -> None:
    total = format_bytes(sum(file.size for file in converted.files))
    print_status(f"{shown}: {len(converted.tensors)} tensors in {len(converted.files)} files ({total})")
    if converted.taken_from:
        print_status(f"converted: the tensors under {'.'.join(converted.taken_from)}")
    for name in converted.skipped:
        print_status(f"omitted: {name}")


@app.command("prove", epilog="lisa weights prove --env prod")
@takes(local_workspace_options)
def weights_prove(workspace: Workspace, models: Models = None, *, generate: Generate = False) -> None:
    """Prove that locked models in models/ load; record the proofs in the lock file."""
    print_events(prove_models(workspace, models or (), progress_step, generate=generate))


@app.command("upload")
@takes(workspace_options)
def weights_upload(
    workspace: Workspace,
    models: Models = None,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read existing objects to find damaged ones.")] = False,
) -> None:
    """Upload locked models to the models bucket; replace objects that do not match."""
    print_events(transfer.upload(workspace, models or (), progress_step, deep=deep))


@app.command("download")
@takes(workspace_options)
def weights_download(workspace: Workspace, models: Models = None) -> None:
    """Download locked models from the models bucket into models/."""
    print_events(transfer.download(workspace, models or (), progress_step))


@app.command("verify", epilog="lisa weights verify --env prod --deep")
@takes(workspace_options)
def weights_verify(
    workspace: Workspace,
    models: Models = None,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read every object and compare its digest.")] = False,
) -> None:
    """Compare models in the bucket with the lock file; exit 1 if they differ."""
    raise typer.Exit(print_events(transfer.verify(workspace, models or (), deep=deep)))


@app.command("adopt", epilog="lisa weights adopt --env prod")
@takes(workspace_options)
def weights_adopt(workspace: Workspace, models: Models = None) -> None:
    """Move models of an older layout to prefixes that name their content."""
    print_events(adopt(workspace, models or (), progress_step))


@app.command("gc", epilog="lisa weights gc --env prod --bucket")
@takes(workspace_options)
def weights_gc(
    workspace: Workspace,
    *,
    bucket: Annotated[bool, typer.Option("--bucket", help="Clean up the models bucket; required.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without a prompt.")] = False,
    git_refs: Annotated[
        bool, typer.Option("--git-refs", help="Keep only what tips of branches and tags name, not older commits.")
    ] = False,
    min_age: Annotated[int, typer.Option(metavar="DAYS", min=0, help="Keep younger objects.")] = MIN_AGE_DAYS,
    old_layout: Annotated[
        bool, typer.Option("--old-layout", help="Include objects of the layout of older versions.")
    ] = False,
) -> None:
    """Show weights in S3 that no committed lock file names, and delete them."""
    if not bucket:
        raise typer.BadParameter("Pass --bucket to clean up the models bucket.", param_hint="--bucket")
    delete_garbage(workspace, GarbageOptions(tips_only=git_refs, min_age_days=min_age, old_layout=old_layout), yes=yes)


@app.command("stage", epilog="lisa weights stage --env prod --yes")
@takes(workspace_options)
def weights_stage(
    workspace: Workspace,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Download without a prompt.")] = False,
    relock: Relock = False,
    generate: Generate = False,
) -> None:
    """Download, convert, lock and upload missing weights. Safe to rerun."""

    def approve(model: str, total_bytes: int) -> bool:
        return yes or typer.confirm(f"Fetch {model} from the Hugging Face Hub ({format_bytes(total_bytes)})?")

    events = stage(workspace, progress_step, approve=approve, relock=relock, generate=generate)
    raise typer.Exit(print_events(events))


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
