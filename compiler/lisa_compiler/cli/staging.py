"""What the commands of `lisa weights` do: bring the weights of models from the Hub or a disk into the models bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.cli.diagnosing import show
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.requests import Request, shown_path
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.cli.transfers import size, step
from lisa_compiler.compile.weights import MODELS
from lisa_schema.errors import ConfigurationError, LisaError
from lisa_weights.errors import WeightsError
from lisa_weights.lock import lock_file as locks
from lisa_weights.model_directory import LocalState, model_path, read_directory

if TYPE_CHECKING:
    from lisa_weights.convert import Converted
    from lisa_weights.lock.fingerprint import Stamp
    from lisa_weights.lock.lock_file import LockedModel, WeightsLock
    from lisa_weights.resolve import Finding
    from lisa_weights.status import StatusRow
    from lisa_weights.store.bucket import Bucket
    from lisa_weights.store.hub import Listing


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where weights are, for one environment of a project.

    Attributes:
        project: folder of config.yaml, of the lock and of models/.
        environment: name of the environment.
        bucket_name: its models bucket.
        needed: names of the models that it hosts, each once, in the order of the configuration.
        endpoint_url: address that s5cmd is given, of an S3-compatible store or of S3; None where it finds S3 itself.
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
        from lisa_weights.store import s5cmd
        from lisa_weights.store.bucket import Bucket

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
    from lisa_compiler.project.load import load
    from lisa_schema.regions import region
    from lisa_schema.validate import validate

    try:
        loaded = load(request.project, next(iter(request.environments), None), request.overrides())
        config = validate(loaded.document).config
    except ConfigurationError as error:
        show(error.diagnostics, Format.TEXT, request)
        return ExitCode.FAILED
    needed = tuple(dict.fromkeys(model.model_name for model in config.deployed_models))
    home = region(config.region)
    endpoint = endpoint_url or (home.s5cmd_endpoint if home else None)
    return work(Workspace(request.project, loaded.environment, config.s3_bucket_models, needed, endpoint))


def status(workspace: Workspace, *, ask_bucket: bool, as_json: bool) -> ExitCode:
    """Print where each model stands."""
    from lisa_weights.status import status as rows_of

    bucket = workspace.bucket() if ask_bucket else None
    rows = rows_of(workspace.needed, workspace.models, workspace.lock(), bucket)
    if as_json:
        put(json.dumps([asdict(row) for row in rows], indent=2, default=str) + "\n")
        return ExitCode.OK
    cells = [
        (
            row.model,
            "yes" if row.needed else "no",
            row.local,
            row.lock,
            row.bucket,
            size(row.total_bytes),
            _next_command(row),
        )
        for row in rows
    ]
    put(table(("MODEL", "NEEDED", "LOCAL", "LOCKED", "IN S3", "SIZE", "NEXT"), cells))
    for row in rows:
        for problem in row.problems:
            say(f"{row.model}: {problem}")
    return ExitCode.OK


def _next_command(row: StatusRow) -> str:
    from lisa_weights.status import Step

    if row.next_step is Step.NONE:
        return "-"
    objects = {Step.CONVERT: f" {MODELS}/{row.model}", Step.STAGE: ""}
    return f"lisa weights {row.next_step}{objects.get(row.next_step, f' {row.model}')}"


def fetch(workspace: Workspace, model: str, revision: str | None) -> ExitCode:
    """Fetch a model from the Hub into models/, convert it when it needs to be, and lock the commit."""
    from lisa_weights.store import hub

    _fetch(workspace, hub.look_up(model, revision=revision or hub.DEFAULT_REVISION))
    return ExitCode.OK


def convert_directory(path: Path, *, max_shard_bytes: int, verify: bool, checksums: bool) -> ExitCode:
    """Convert a model's directory to safetensors, the checkpoint staying as it is."""
    from lisa_weights.resolve import checkpoint_stamps
    from lisa_weights.steps import convert_in_step

    directory = read_directory(path)
    before = checkpoint_stamps(directory)
    converted = convert_in_step(
        directory,
        f"converting {shown_path(path)}",
        step,
        max_shard_size=max_shard_bytes,
        verify=verify,
        checksums=checksums,
    )
    if not converted.written:
        say(f"{shown_path(path)} is already in valid safetensors format")
        return ExitCode.OK
    _remember_conversion(path, before, converted)
    total = sum(file.size for file in converted.files)
    say(f"{shown_path(path)}: {len(converted.tensors)} tensors in {len(converted.files)} files ({size(total)})")
    for name in converted.skipped:
        say(f"omitted (not a tensor): {name}")
    return ExitCode.OK


def _remember_conversion(path: Path, before: Mapping[str, Stamp], converted: Converted) -> None:
    """Note the conversion of a model in a project's models/, so that the lock gets the converter's version."""
    from lisa_weights.lock.memory import Memory

    model = path.resolve()
    models = model.parent.parent
    if models.name == MODELS and before:
        memory = Memory.load(models)
        digests = {file.name: file.sha256 for file in converted.files}
        memory.keep_conversion(f"{model.parent.name}/{model.name}", before, digests)
        memory.save()


def upload(workspace: Workspace, models: Sequence[str]) -> ExitCode:
    """Bring locked models from the disk into the bucket; what is there already stays."""
    bucket = workspace.bucket()
    for model in workspace.chosen(models):
        locked = workspace.locked(model)
        with step(f"uploading {model} to {bucket.url(model)}", locked.total_bytes) as progress:
            moved = bucket.upload(model, locked, model_path(workspace.models, model), progress=progress)
        say(f"{model}: {len(moved.moved)} files uploaded, {len(moved.kept)} already in the bucket")
    return ExitCode.OK


def download(workspace: Workspace, models: Sequence[str]) -> ExitCode:
    """Bring locked models out of the bucket into models/; what is there already stays."""
    from lisa_weights.store.download import download as receive
    from lisa_weights.store.growth import growing

    bucket = workspace.bucket()
    for model in workspace.chosen(models):
        locked = workspace.locked(model)
        path = model_path(workspace.models, model)
        title = f"downloading {model} from {bucket.url(model)}"
        with step(title, locked.total_bytes) as progress, growing(path, progress):
            moved = receive(bucket, model, locked, path)
        say(f"{model}: {len(moved.moved)} files downloaded, {len(moved.kept)} already present")
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
        result = f"{len(findings)} files differ from the lock file" if findings else "matches the lock file"
        say(f"{model}: {result}")
        if workspace.locked(model).converter is None:
            sound = _is_sound_in_bucket(bucket, model) and sound
    return ExitCode.OK if sound else ExitCode.FAILED


def _is_sound_in_bucket(bucket: Bucket, model: str) -> bool:
    """Whether a model that an older LISA locked stores all tensors that it records; one that does not is reported."""
    from lisa_weights.status import Condition, stored_condition

    condition, problems = stored_condition(model, bucket)
    for problem in problems:
        say(problem)
    if condition is Condition.DAMAGED:
        say(
            f"{model} is damaged by an older conversion: put its PyTorch checkpoint into {MODELS}/{model} and run"
            f" `lisa weights convert {MODELS}/{model}`, or run `lisa weights fetch {model}`; then `lisa weights stage`."
        )
    return condition is Condition.SOUND


def stage(workspace: Workspace, *, agreed: Callable[[str], bool]) -> ExitCode:
    """Do for each needed model whatever is missing, up to the bucket; safe to run again at any time."""
    bucket = workspace.bucket()
    missing = [model for model in workspace.needed if not _is_in_bucket_alone(workspace, bucket, model)]
    _check_unchecked(workspace, bucket, missing)
    for model in missing:
        _bring_to_disk(workspace, model, agreed)
    if missing:
        _lock_local(workspace, missing)
        upload(workspace, missing)
    return verify(workspace, (), deep=False)


def _check_unchecked(workspace: Workspace, bucket: Bucket, missing: Sequence[str]) -> None:
    """Note in the lock that a model which only the bucket has, and an older LISA locked, stores all its tensors."""
    for model in workspace.needed:
        lock = workspace.lock()
        locked = lock.models.get(model)
        if model in missing or locked is None or locked.converter is not None:
            continue
        if _is_sound_in_bucket(bucket, model):
            locks.save(workspace.project / locks.LOCK_FILE, lock.with_model(model, replace(locked, converter=0)))
            say(f"{model}: checked, no tensor is missing → {locks.LOCK_FILE}")


def _is_in_bucket_alone(workspace: Workspace, bucket: Bucket, model: str) -> bool:
    """Whether a model needs nothing: it is not on this disk, and the bucket has it as the lock says."""
    locked = workspace.lock().models.get(model)
    if locked is None or _local_state(workspace, model) is not LocalState.ABSENT:
        return False
    return not bucket.verify(model, locked)


def _local_state(workspace: Workspace, model: str) -> LocalState:
    return read_directory(model_path(workspace.models, model)).state


def _bring_to_disk(workspace: Workspace, model: str, agreed: Callable[[str], bool]) -> None:
    if _local_state(workspace, model) in {LocalState.CHECKPOINT, LocalState.COMPLETE}:
        return
    from lisa_weights.store import hub

    known = workspace.lock().models.get(model)
    if known is not None and known.kind is locks.SourceKind.LOCAL:
        raise WeightsError(
            f"{model} was locked from a local directory that is incomplete here. Add it to {MODELS}/{model}, "
            f"or download it from the Hub with `lisa weights fetch {model}`."
        )
    listing = hub.look_up(model, revision=(known.revision if known else None) or hub.DEFAULT_REVISION)
    if not agreed(f"Fetch {model} from the Hugging Face Hub ({size(listing.total_bytes)})?"):
        raise LisaError(
            f"{model} was not downloaded. Add it to {MODELS}/{model}, or approve the download or pass --yes."
        )
    _fetch(workspace, listing)


def _fetch(workspace: Workspace, listing: Listing) -> None:
    from lisa_weights.store import hub
    from lisa_weights.store.growth import growing

    path = model_path(workspace.models, listing.model)
    title = f"fetching {listing.model} at {listing.revision[:12]}"
    with step(title, listing.total_bytes) as progress, growing(path, progress):
        hub.fetch(listing, path)
    _lock_local(workspace, [listing.model], revision=listing.revision)


def _lock_local(workspace: Workspace, models: Sequence[str], *, revision: str | None = None) -> None:
    """Convert and lock local models; those that came from the Hub with their revision."""
    from lisa_weights.resolve import resolve

    resolution = resolve(models, workspace.models, workspace.lock(), step=step)
    lock = workspace.lock()
    for model in models:
        locked = resolution.lock.models.get(model)
        if locked is None:
            continue
        if revision is not None:
            locked = replace(locked, kind=locks.SourceKind.HUB, revision=revision)
        if lock.models.get(model) != locked:
            lock = lock.with_model(model, locked)
            locks.save(workspace.project / locks.LOCK_FILE, lock)
            say(f"{model}: locked, {len(locked.files)} files, {size(locked.total_bytes)} → {locks.LOCK_FILE}")
    if resolution.findings:
        raise WeightsError(" ".join(_sentence(finding) for finding in resolution.findings))


def _sentence(finding: Finding) -> str:
    reasons = "; ".join(finding.reasons).rstrip(".") or "it does not exist"
    return f"{MODELS}/{finding.model} cannot be locked: {reasons}."
