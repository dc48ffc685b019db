"""The use cases behind `lisa weights`, on a real S3: what they do, and the events that they yield."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lisa_compiler.aws.checksums import open_checksum_objects
from lisa_weights.acquisition import convert_directory, fetch
from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LOCK_FILE, SourceKind, load
from lisa_weights.model_directory import LocalState
from lisa_weights.output_tensors import CONVERTER_VERSION
from lisa_weights.resolve import resolve
from lisa_weights.stage import missing_models, stage
from lisa_weights.stage_events import (
    Event,
    ModelChecked,
    ModelDownloaded,
    ModelLocked,
    ModelUploaded,
    ModelVerified,
    StoredModelChecked,
)
from lisa_weights.status import Condition
from lisa_weights.steps import no_progress
from lisa_weights.store import hub
from lisa_weights.store.bucket import Bucket
from lisa_weights.transfer import download, upload, verify
from lisa_weights.workspace import Workspace
from weights import seaweedfs
from weights.model_files import SHARDS, checkpoint, sharded, single, write

MODEL, OTHER = "org/name", "org/other"
BUCKET = "models"
COMMIT = "c" * 40


@pytest.fixture
def workspace(bucket: Bucket, tmp_path: Path) -> Workspace:
    return Workspace(
        project=tmp_path,
        environment="dev",
        bucket_name=bucket.name,
        needed=(MODEL, OTHER),
        endpoint_url=bucket.store.endpoint_url,
        checksums=lambda: open_checksum_objects("us-east-1", bucket.store.endpoint_url),
    )


@pytest.fixture
def hub_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The Hub's files of any model, without a network; `fetch` writes them as huggingface_hub would."""
    files: dict[str, bytes] = single()

    def look_up(model: str, *, revision: str = hub.DEFAULT_REVISION) -> hub.Listing:
        sizes = tuple((name, len(content)) for name, content in sorted(files.items()))
        commit = COMMIT if revision == hub.DEFAULT_REVISION else revision
        return hub.Listing(model=model, revision=commit, files=sizes, needs_conversion="pytorch_model.bin" in files)

    def fetched(_listing: hub.Listing, directory: Path) -> None:
        write(directory, files)

    monkeypatch.setattr(hub, "look_up", look_up)
    monkeypatch.setattr(hub, "fetch", fetched)
    return files


def no_approval(model: str, _size: int) -> bool:
    raise AssertionError(f"{model} needs no approval")


def staged(workspace: Workspace, approve: Callable[[str, int], bool] = no_approval) -> list[Event]:
    return list(stage(workspace, no_progress, approve=approve))


def local(workspace: Workspace, model: str, files: dict[str, bytes]) -> Path:
    return write(workspace.models / model, files)


def lock(workspace: Workspace, *models: str) -> None:
    workspace.save(resolve(models, workspace.models, workspace.lock()).lock)


def test_stage_brings_local_and_hub_models_into_the_bucket(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    local(workspace, MODEL, sharded())
    asked: list[tuple[str, int]] = []
    assert missing_models(workspace) == [MODEL, OTHER]
    events = staged(workspace, lambda model, size: not asked.append((model, size)))  # type: ignore[func-returns-value]
    assert asked == [(OTHER, sum(map(len, hub_files.values())))]
    entries = load(workspace.project / LOCK_FILE).models
    url = f"s3://{BUCKET}"
    assert events == [
        ModelLocked(OTHER, entries[OTHER]),
        ModelLocked(MODEL, entries[MODEL]),
        ModelUploaded(MODEL, uploaded=len(sharded()), present=0),
        ModelUploaded(OTHER, uploaded=2, present=0),
        ModelVerified(MODEL, f"{url}/{entries[MODEL].prefix}/", ()),
        ModelVerified(OTHER, f"{url}/{entries[OTHER].prefix}/", ()),
    ]
    assert (entries[MODEL].kind, entries[MODEL].revision) == (SourceKind.LOCAL, None)
    assert (entries[OTHER].kind, entries[OTHER].revision) == (SourceKind.HUB, COMMIT)
    assert missing_models(workspace) == []


def test_stage_again_moves_nothing_and_keeps_the_commit(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    local(workspace, MODEL, sharded())
    staged(workspace, lambda *_: True)
    events = staged(workspace)
    assert [type(event) for event in events] == [ModelUploaded] * 2 + [ModelVerified] * 2
    assert [event.uploaded for event in events if isinstance(event, ModelUploaded)] == [0, 0]
    assert load(workspace.project / LOCK_FILE).models[OTHER].revision == COMMIT


def test_stage_skips_the_disk_for_what_the_bucket_has(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    local(workspace, MODEL, sharded())
    staged(workspace, lambda *_: True)
    workspace.models.rename(workspace.project / "elsewhere")
    events = staged(workspace)
    assert [type(event) for event in events] == [ModelVerified] * 2
    assert all(event.is_valid for event in events if isinstance(event, ModelVerified))
    assert not workspace.models.exists()


def test_stage_fetches_the_locked_commit_again(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    workspace = replace(workspace, needed=(OTHER,))
    list(fetch(workspace, OTHER, "d" * 40, no_progress))
    (workspace.models / OTHER / "model.safetensors").unlink()
    staged(workspace, lambda *_: True)
    assert workspace.locked(OTHER).revision == "d" * 40
    assert missing_models(workspace) == []


def test_stage_without_approval_fetches_nothing(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    with pytest.raises(WeightsError, match=f"{MODEL} was not downloaded. Add it to models/{MODEL}, or approve"):
        staged(workspace, lambda *_: False)
    assert not workspace.models.exists()


def test_stage_does_not_replace_an_incomplete_local_model(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    workspace = replace(workspace, needed=(MODEL,))
    directory = local(workspace, MODEL, sharded())
    lock(workspace, MODEL)
    (directory / SHARDS[1]).unlink()
    with pytest.raises(WeightsError, match=r"is incomplete here\. Add it to models/"):
        staged(workspace)


def test_stage_locks_the_others_before_it_fails(workspace: Workspace) -> None:
    local(workspace, MODEL, {"config.json": b"{}", "pytorch_model.bin": b"no checkpoint"})
    local(workspace, OTHER, single())
    events: list[Event] = []
    with pytest.raises(WeightsError, match=f"models/{MODEL} cannot be locked: .*pytorch_model.bin"):
        events.extend(stage(workspace, no_progress, approve=no_approval))
    assert [type(event) for event in events] == [ModelLocked]
    assert list(load(workspace.project / LOCK_FILE).models) == [OTHER]


def test_fetch_converts_and_locks_the_commit(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    hub_files.pop("model.safetensors")
    hub_files["pytorch_model.bin"] = checkpoint(b"abcd")
    (locked,) = fetch(workspace, MODEL, None, no_progress)
    assert (locked.model, locked.locked.kind, locked.locked.revision) == (MODEL, SourceKind.HUB, COMMIT)
    assert workspace.local_state(MODEL) is LocalState.COMPLETE
    assert {file.path for file in workspace.locked(MODEL).files} == {"config.json", "model.safetensors"}


@pytest.mark.parametrize(
    "use_case",
    [
        lambda workspace: upload(workspace, (), no_progress),
        lambda workspace: download(workspace, (), no_progress),
        lambda workspace: verify(workspace, (), deep=False),
    ],
    ids=["upload", "download", "verify"],
)
def test_models_that_are_not_locked_are_rejected(
    workspace: Workspace, use_case: Callable[[Workspace], Iterator[Event]]
) -> None:
    with pytest.raises(WeightsError, match=f"{MODEL} is not in weights.lock.json: run `lisa weights stage --env dev`"):
        list(use_case(workspace))


def test_upload_and_download_count_what_they_move(workspace: Workspace) -> None:
    directory = local(workspace, OTHER, single())
    lock(workspace, OTHER)
    assert list(upload(workspace, [OTHER], no_progress)) == [ModelUploaded(OTHER, uploaded=2, present=0)]
    (directory / "config.json").unlink()
    assert list(download(workspace, [OTHER], no_progress)) == [ModelDownloaded(OTHER, downloaded=1, present=1)]
    assert (directory / "config.json").read_bytes() == single()["config.json"]


def test_verify_lists_what_differs_and_goes_on(workspace: Workspace, store: seaweedfs.Store) -> None:
    for model, files in ((MODEL, sharded()), (OTHER, single())):
        local(workspace, model, files)
    lock(workspace, MODEL, OTHER)
    list(upload(workspace, (), no_progress))
    prefix = workspace.locked(MODEL).prefix
    store.do("rm", f"s3://{BUCKET}/{prefix}/{SHARDS[1]}")
    first, second = verify(workspace, (), deep=False)
    assert first == ModelVerified(MODEL, f"s3://{BUCKET}/{prefix}/", (f"{SHARDS[1]} is missing",))
    assert (first.is_valid, second.is_valid) == (False, True)
    assert missing_models(workspace) == [MODEL]


def forget_converter(workspace: Workspace) -> None:
    """Make the lock file one of an older LISA."""
    path = workspace.project / LOCK_FILE
    content = json.loads(path.read_bytes())
    for model in content["models"].values():
        del model["converter"]
    path.write_text(json.dumps(content))


def test_stage_records_that_a_model_of_an_older_lisa_is_sound(workspace: Workspace) -> None:
    workspace = replace(workspace, needed=(OTHER,))
    local(workspace, OTHER, single())
    staged(workspace)
    forget_converter(workspace)
    workspace.models.rename(workspace.project / "elsewhere")
    _, checked = verify(workspace, (), deep=False)
    assert checked == StoredModelChecked(OTHER, Condition.SOUND, ())
    assert workspace.locked(OTHER).converter is None
    url = f"s3://{BUCKET}/{workspace.locked(OTHER).prefix}/"
    assert staged(workspace) == [ModelChecked(OTHER), ModelVerified(OTHER, url, ())]
    assert workspace.locked(OTHER).converter == 0


def test_stage_reports_a_model_of_an_older_lisa_that_is_not_sound(workspace: Workspace, store: seaweedfs.Store) -> None:
    workspace = replace(workspace, needed=(OTHER,))
    local(workspace, OTHER, single())
    staged(workspace)
    forget_converter(workspace)
    (workspace.project / "config.json").write_text("{}")
    store.do(
        "cp",
        str(workspace.project / "config.json"),
        f"s3://{BUCKET}/{workspace.locked(OTHER).prefix}/2_Dense/config.json",
    )
    workspace.models.rename(workspace.project / "elsewhere")
    checked = staged(workspace)[0]
    assert isinstance(checked, StoredModelChecked)
    assert not checked.is_valid
    (problem,) = checked.problems
    assert problem.endswith("2_Dense has no safetensors, which are required for serving")
    assert workspace.locked(OTHER).converter is None


def convert(directory: Path) -> bool:
    return convert_directory(
        directory, "converting", no_progress, max_shard_bytes=1000, verify=True, checksums=False
    ).written


def test_convert_records_its_converter_for_the_lock_file(workspace: Workspace) -> None:
    directory = local(workspace, MODEL, {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")})
    assert convert(directory)
    lock(workspace, MODEL)
    assert workspace.locked(MODEL).converter == CONVERTER_VERSION
    assert not convert(directory)


def test_convert_elsewhere_records_nothing(tmp_path: Path) -> None:
    directory = write(tmp_path / "here/org/name", {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")})
    assert convert(directory)
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["org"]


def test_long_steps_are_shown_with_their_bytes(workspace: Workspace) -> None:
    shown: list[tuple[str, int]] = []

    @contextmanager
    def step(title: str, total: int) -> Iterator[Callable[[str, int], None]]:
        shown.append((title, total))
        yield lambda _path, _bytes: None

    workspace = replace(workspace, needed=(OTHER,))
    local(workspace, OTHER, single())
    list(stage(workspace, step, approve=no_approval))
    size = sum(map(len, single().values()))
    url = f"s3://{BUCKET}/{workspace.locked(OTHER).prefix}/"
    assert shown == [(f"reading {OTHER}", size), (f"uploading {OTHER} to {url}", size)]
