"""What the commands of `lisa weights` do: bring the weights of models from the Hub or a disk into the models bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.cli.diagnosing import show
from lisa_compiler.cli.requests import Request, shown_path
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.cli.transfers import size, step
from lisa_compiler.report import Format
from lisa_schema.errors import ConfigurationError, LisaError
from lisa_weights import lock as locks
from lisa_weights.errors import WeightsError
from lisa_weights.model_directory import LocalState, differences, lock_directory, model_path, read_directory

if TYPE_CHECKING:
    from lisa_weights.bucket import Bucket
    from lisa_weights.lock import LockedModel, WeightsLock

MODELS = "models"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where weights are, for one environment of a project.

    Attributes:
        project: folder of config.yaml, of the lock and of models/.
        environment: name of the environment.
        bucket_name: its models bucket.
        needed: names of the models that it hosts, each once, in the order of the configuration.
        endpoint_url: address of an S3-compatible store; None for S3 itself.
    """

    project: Path
    environment: str
    bucket_name: str
    needed: tuple[str, ...]
    endpoint_url: str | None

    @property
    def models(self) -> Path:
        """Folder of the local models."""
        return self.project / MODELS

    def bucket(self) -> Bucket:
        """The models bucket, reached through s5cmd."""
        from lisa_weights import s5cmd
        from lisa_weights.bucket import Bucket

        return Bucket(self.bucket_name, s5cmd.find(self.endpoint_url))

    def lock(self) -> WeightsLock:
        """What is locked."""
        return locks.load(self.project / locks.LOCK_FILE)

    def locked(self, model: str) -> LockedModel:
        """What is locked of one model."""
        found = self.lock().models.get(model)
        if found is None:
            raise WeightsError(
                f"{model} is not in {locks.LOCK_FILE}: run `lisa weights stage --env {self.environment}` first."
            )
        return found

    def chosen(self, models: Sequence[str]) -> tuple[str, ...]:
        """The models that are named, or all that the environment hosts."""
        return tuple(models) or self.needed


def in_workspace(request: Request, endpoint_url: str | None, work: Callable[[Workspace], ExitCode]) -> ExitCode:
    """Run a command for a valid configuration; one that is not is reported."""
    from lisa_compiler.load import load
    from lisa_schema.validate import validate

    try:
        loaded = load(request.project, next(iter(request.environments), None), request.overrides())
        config = validate(loaded.document).config
    except ConfigurationError as error:
        show(error.diagnostics, Format.TEXT, request)
        return ExitCode.FAILED
    needed = tuple(dict.fromkeys(model.model_name for model in config.deployed_models))
    return work(Workspace(request.project, loaded.environment, config.s3_bucket_models, needed, endpoint_url))


def status(workspace: Workspace, *, ask_bucket: bool, as_json: bool) -> ExitCode:
    """Print where each model stands."""
    from lisa_weights.status import status as rows_of

    bucket = workspace.bucket() if ask_bucket else None
    rows = rows_of(workspace.needed, workspace.models, workspace.lock(), bucket)
    if as_json:
        put(json.dumps([asdict(row) for row in rows], indent=2, default=str) + "\n")
        return ExitCode.OK
    table = [("MODEL", "NEEDED", "LOCAL", "LOCKED", "IN S3", "SIZE", "NEXT")]
    for row in rows:
        needed = "yes" if row.needed else "no"
        following = f"lisa weights {row.next_step}" if row.next_step else "-"
        table.append((row.model, needed, row.local, row.lock, row.bucket, size(row.total_bytes), following))
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        put("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")
    for row in rows:
        for problem in row.problems:
            say(f"{row.model}: {problem}")
    return ExitCode.OK


def fetch(workspace: Workspace, model: str, revision: str | None) -> ExitCode:
    """Fetch a model from the Hub into models/, convert it when it needs to be, and lock the commit."""
    from lisa_weights import hub

    listing = hub.look_up(model, revision=revision or hub.DEFAULT_REVISION)
    with step(f"fetching {model} at {listing.revision[:12]}", listing.total_bytes):
        fetched = hub.fetch(listing, model_path(workspace.models, model))
    if fetched.needs_conversion:
        convert_directory(fetched.path)
    _lock(workspace, model, kind=locks.SourceKind.HUB, revision=fetched.revision)
    return ExitCode.OK


def convert_directory(path: Path, *, max_shard_bytes: int | None = None, verify: bool = True) -> ExitCode:
    """Convert a model's directory to safetensors, the checkpoint staying as it is."""
    from lisa_weights.convert import MAX_SHARD_SIZE, convert

    say(f"converting {shown_path(path)}")
    converted = convert(path, max_shard_size=max_shard_bytes or MAX_SHARD_SIZE, verify=verify)
    if not converted.written:
        say(f"{shown_path(path)} is safetensors already, and sound")
        return ExitCode.OK
    total = sum(file.size for file in converted.files)
    say(f"{shown_path(path)}: {len(converted.tensors)} tensors in {len(converted.files)} files ({size(total)})")
    for name in converted.skipped:
        say(f"left out, since it is no tensor: {name}")
    return ExitCode.OK


def upload(workspace: Workspace, models: Sequence[str]) -> ExitCode:
    """Bring locked models from the disk into the bucket; what is there already stays."""
    bucket = workspace.bucket()
    for model in workspace.chosen(models):
        locked = workspace.locked(model)
        with step(f"uploading {model} to {bucket.url(model)}", locked.total_bytes) as progress:
            moved = bucket.upload(model, locked, model_path(workspace.models, model), progress=progress)
        say(f"{model}: {len(moved.moved)} files uploaded, {len(moved.kept)} were there")
    return ExitCode.OK


def download(workspace: Workspace, models: Sequence[str]) -> ExitCode:
    """Bring locked models out of the bucket into models/; what is there already stays."""
    from lisa_weights.download import download as receive

    bucket = workspace.bucket()
    for model in workspace.chosen(models):
        locked = workspace.locked(model)
        with step(f"downloading {model} from {bucket.url(model)}", locked.total_bytes) as progress:
            moved = receive(bucket, model, locked, model_path(workspace.models, model), progress=progress)
        say(f"{model}: {len(moved.moved)} files downloaded, {len(moved.kept)} were there")
    return ExitCode.OK


def verify(workspace: Workspace, models: Sequence[str], *, deep: bool) -> ExitCode:
    """Compare models in the bucket with the lock; exit code 1 when one is not the same."""
    bucket = workspace.bucket()
    sound = True
    for model in workspace.chosen(models):
        findings = bucket.verify(model, workspace.locked(model), deep=deep)
        sound = sound and not findings
        for finding in findings:
            say(f"{bucket.url(model)}: {finding.message}")
        say(f"{model}: {'as locked' if not findings else f'{len(findings)} files are not as locked'}")
    return ExitCode.OK if sound else ExitCode.FAILED


def stage(workspace: Workspace, *, agreed: Callable[[str], bool]) -> ExitCode:
    """Do for each needed model whatever is missing, up to the bucket; safe to run again at any time."""
    for model in workspace.needed:
        _bring_to_disk(workspace, model, agreed)
        _bring_into_lock(workspace, model)
    return upload(workspace, ()) or verify(workspace, (), deep=False)


def _bring_to_disk(workspace: Workspace, model: str, agreed: Callable[[str], bool]) -> None:
    path = model_path(workspace.models, model)
    state = read_directory(path).state
    if state is LocalState.CHECKPOINT:
        convert_directory(path)
        return
    if state is LocalState.COMPLETE:
        return
    from lisa_weights import hub

    known = workspace.lock().models.get(model)
    listing = hub.look_up(model, revision=(known.revision if known else None) or hub.DEFAULT_REVISION)
    if not agreed(f"Fetch {model} from the Hugging Face Hub ({size(listing.total_bytes)})?"):
        raise LisaError(f"{model} was not fetched: put it into {MODELS}/{model}, or answer yes or give --yes.")
    fetch(workspace, model, listing.revision)


def _bring_into_lock(workspace: Workspace, model: str) -> None:
    known = workspace.lock().models.get(model)
    directory = read_directory(model_path(workspace.models, model))
    if known is None or differences(directory, known):
        _lock(workspace, model, kind=locks.SourceKind.LOCAL, revision=None)


def _lock(workspace: Workspace, model: str, *, kind: locks.SourceKind, revision: str | None) -> None:
    directory = read_directory(model_path(workspace.models, model))
    with step(f"locking {model}", directory.total_bytes) as progress:
        locked = lock_directory(directory, kind=kind, revision=revision, progress=progress)
    locks.save(workspace.project / locks.LOCK_FILE, workspace.lock().with_model(model, locked))
