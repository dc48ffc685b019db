"""The use cases behind `lisa weights`, on a real S3: what they do, return and report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LOCK_FILE, SourceKind, load
from lisa_weights.model_directory import LocalState
from lisa_weights.outcomes import Event, ModelInspected, ModelLocked, ModelVerified
from lisa_weights.stage import convert_model, download, fetch, lock_models, stage, upload, verify
from lisa_weights.status import Condition
from lisa_weights.store import hub
from lisa_weights.store.bucket import Bucket, MismatchKind
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
    )


@pytest.fixture
def hub_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The Hub's files of any model, without a network; `fetch` writes them as huggingface_hub would."""
    files: dict[str, bytes] = single()

    def look_up(model: str, *, revision: str = hub.DEFAULT_REVISION) -> hub.Listing:
        sizes = tuple((name, len(content)) for name, content in sorted(files.items()))
        commit = COMMIT if revision == hub.DEFAULT_REVISION else revision
        return hub.Listing(model=model, revision=commit, files=sizes, needs_conversion="pytorch_model.bin" in files)

    def fetched(listing: hub.Listing, directory: Path) -> None:
        write(directory, files)

    monkeypatch.setattr(hub, "look_up", look_up)
    monkeypatch.setattr(hub, "fetch", fetched)
    return files


def no_approval(listing: hub.Listing) -> bool:
    raise AssertionError(f"{listing.model} needs no approval")


def local(workspace: Workspace, model: str, files: dict[str, bytes]) -> Path:
    return write(workspace.models / model, files)


def test_stage_brings_local_and_hub_models_into_the_bucket(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    local(workspace, MODEL, sharded())
    events: list[Event] = []
    asked: list[hub.Listing] = []
    done = stage(workspace, approve=lambda listing: not asked.append(listing), report=events.append)
    assert [listing.model for listing in asked] == [OTHER]
    assert done.is_valid
    assert [one.model for one in done.locked] == [OTHER, MODEL]
    assert [one.model for one in done.uploaded] == [one.model for one in done.verified] == [MODEL, OTHER]
    assert {file.path for file in done.uploaded[0].transfer.moved} == set(sharded())
    assert tuple(events) == (*done.locked, *done.uploaded, *done.verified)
    lock = load(workspace.project / LOCK_FILE)
    assert (lock.models[MODEL].kind, lock.models[MODEL].revision) == (SourceKind.LOCAL, None)
    assert (lock.models[OTHER].kind, lock.models[OTHER].revision) == (SourceKind.HUB, COMMIT)


def test_stage_again_moves_nothing_and_keeps_the_commit(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    local(workspace, MODEL, sharded())
    stage(workspace, approve=lambda _: True)
    again = stage(workspace, approve=no_approval)
    assert again.is_valid
    assert again.locked == ()
    assert [one.transfer.moved for one in again.uploaded] == [(), ()]
    assert load(workspace.project / LOCK_FILE).models[OTHER].revision == COMMIT


def test_stage_skips_the_disk_for_what_the_bucket_has(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    local(workspace, MODEL, sharded())
    stage(workspace, approve=lambda _: True)
    workspace.models.rename(workspace.project / "elsewhere")
    done = stage(workspace, approve=no_approval)
    assert (done.is_valid, done.locked, done.uploaded) == (True, (), ())
    assert not workspace.models.exists()


def test_stage_fetches_the_locked_commit_again(
    workspace: Workspace, hub_files: dict[str, bytes], store: seaweedfs.Store
) -> None:
    workspace = replace(workspace, needed=(OTHER,))
    fetch(workspace, OTHER, revision="d" * 40)
    (workspace.models / OTHER / "model.safetensors").unlink()
    done = stage(workspace, approve=lambda listing: listing.revision == "d" * 40)
    assert done.is_valid
    assert workspace.locked(OTHER).revision == "d" * 40


def test_stage_without_approval_fetches_nothing(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    with pytest.raises(WeightsError, match=f"{MODEL} was not downloaded. Add it to models/{MODEL}, or approve"):
        stage(workspace, approve=lambda _: False)
    assert not workspace.models.exists()


def test_stage_does_not_replace_an_incomplete_local_model(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    workspace = replace(workspace, needed=(MODEL,))
    directory = local(workspace, MODEL, sharded())
    lock_models(workspace, [MODEL])
    (directory / SHARDS[1]).unlink()
    with pytest.raises(WeightsError, match=r"is incomplete here\. Add it to models/"):
        stage(workspace, approve=no_approval)


def test_fetch_converts_and_locks_the_commit(workspace: Workspace, hub_files: dict[str, bytes]) -> None:
    hub_files.pop("model.safetensors")
    hub_files["pytorch_model.bin"] = checkpoint(b"abcd")
    (locked,) = fetch(workspace, MODEL)
    assert (locked.model, locked.locked.kind, locked.locked.revision) == (MODEL, SourceKind.HUB, COMMIT)
    assert workspace.directory(MODEL).state is LocalState.COMPLETE
    assert {file.path for file in workspace.locked(MODEL).files} == {"config.json", "model.safetensors"}


def test_lock_models_locks_the_others_and_raises_for_one_that_cannot_be(workspace: Workspace) -> None:
    local(workspace, MODEL, {"config.json": b"{}"})
    local(workspace, OTHER, single())
    events: list[Event] = []
    with pytest.raises(WeightsError, match=f"models/{MODEL} cannot be locked: .*model.safetensors"):
        lock_models(workspace, [MODEL, OTHER, "org/absent"], report=events.append)
    assert [type(event) for event in events] == [ModelLocked]
    assert list(load(workspace.project / LOCK_FILE).models) == [OTHER]


def test_lock_models_names_a_model_that_does_not_exist(workspace: Workspace) -> None:
    with pytest.raises(WeightsError, match=f"models/{MODEL} cannot be locked: it does not exist."):
        lock_models(workspace, [MODEL])


@pytest.mark.parametrize("use_case", [upload, download, verify])
def test_models_that_are_not_locked_are_rejected(workspace: Workspace, use_case: object) -> None:
    with pytest.raises(WeightsError, match=f"{MODEL} is not in weights.lock.json: run `lisa weights stage --env dev`"):
        use_case(workspace)  # type: ignore[operator]


def test_upload_and_download_name_what_they_move(workspace: Workspace) -> None:
    directory = local(workspace, OTHER, single())
    lock_models(workspace, [OTHER])
    events: list[Event] = []
    (uploaded,) = upload(workspace, [OTHER], report=events.append)
    assert {file.path for file in uploaded.transfer.moved} == set(single())
    (directory / "config.json").unlink()
    (downloaded,) = download(workspace, [OTHER], report=events.append)
    assert [file.path for file in downloaded.transfer.moved] == ["config.json"]
    assert [file.path for file in downloaded.transfer.kept] == ["model.safetensors"]
    assert events == [uploaded, downloaded]
    assert (directory / "config.json").read_bytes() == single()["config.json"]


def test_verify_lists_what_differs_and_goes_on(workspace: Workspace, store: seaweedfs.Store) -> None:
    for model, files in ((MODEL, sharded()), (OTHER, single())):
        local(workspace, model, files)
        lock_models(workspace, [model])
        upload(workspace, [model])
    store.do("rm", f"s3://{BUCKET}/{MODEL}/{SHARDS[1]}")
    first, second = verify(workspace)
    assert [(one.path, one.kind) for one in first.mismatches] == [(SHARDS[1], MismatchKind.MISSING)]
    assert (first.is_valid, second.is_valid) == (False, True)
    assert first.url == f"s3://{BUCKET}/{MODEL}/"
    assert first.inspected is None


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
    stage(workspace, approve=no_approval)
    forget_converter(workspace)
    workspace.models.rename(workspace.project / "elsewhere")
    assert verify(workspace)[0].inspected == ModelInspected(OTHER, Condition.SOUND, ())
    assert workspace.locked(OTHER).converter is None
    events: list[Event] = []
    done = stage(workspace, approve=no_approval, report=events.append)
    assert done.inspected == (ModelInspected(OTHER, Condition.SOUND, ()),)
    assert [type(event) for event in events] == [ModelInspected, ModelVerified]
    assert workspace.locked(OTHER).converter == 0


def test_stage_of_a_model_of_an_older_lisa_that_is_not_sound_is_not_valid(
    workspace: Workspace, store: seaweedfs.Store
) -> None:
    workspace = replace(workspace, needed=(OTHER,))
    local(workspace, OTHER, single())
    stage(workspace, approve=no_approval)
    forget_converter(workspace)
    (workspace.project / "config.json").write_text("{}")
    store.do("cp", str(workspace.project / "config.json"), f"s3://{BUCKET}/{OTHER}/2_Dense/config.json")
    workspace.models.rename(workspace.project / "elsewhere")
    done = stage(workspace, approve=no_approval)
    assert not done.is_valid
    (problem,) = done.inspected[0].problems
    assert problem.endswith("2_Dense has no safetensors, and serving needs its weights")
    assert workspace.locked(OTHER).converter is None


def test_convert_model_records_its_converter_for_the_lock_file(workspace: Workspace) -> None:
    directory = local(workspace, MODEL, {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")})
    converted = convert_model(directory, "converting")
    assert converted.written
    (locked,) = lock_models(workspace, [MODEL])
    assert locked.locked.converter == 2
    assert not convert_model(directory, "converting").written


def test_convert_model_elsewhere_records_nothing(tmp_path: Path) -> None:
    directory = write(tmp_path / "here/org/name", {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")})
    assert convert_model(directory, "converting").written
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["org"]


def test_long_steps_are_shown_with_their_bytes(workspace: Workspace) -> None:
    shown: list[tuple[str, int]] = []

    @contextmanager
    def step(title: str, total: int) -> Iterator[Callable[[str, int], None]]:
        shown.append((title, total))
        yield lambda _path, _bytes: None

    local(workspace, OTHER, single())
    lock_models(workspace, [OTHER], step=step)
    upload(workspace, [OTHER], step=step)
    size = sum(map(len, single().values()))
    assert shown == [
        (f"reading {OTHER}", size),
        (f"uploading {OTHER} to s3://{BUCKET}/{OTHER}/", size),
    ]
