"""A locked commit that is fetched again: refused with other content, unless --relock accepts it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from lisa_weights import output_tensors
from lisa_weights.acquisition import fetch, import_weights, lock_local
from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LOCK_FILE, SourceKind
from lisa_weights.model_directory import LocalState
from lisa_weights.stage import stage
from lisa_weights.steps import no_progress
from lisa_weights.store import hub
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.hub_digests import DigestKind, HubDigest
from lisa_weights.workspace import Workspace
from weights.carried import COMMIT as CACHED_COMMIT
from weights.carried import cache
from weights.model_files import checkpoint, single, write

MODEL = "org/name"
COMMIT = "c" * 40


class FakeHub:
    """The Hub's files of a model, without a network; `fetch` writes them as huggingface_hub would."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = single() | {"config.json": b'{"a": 1}'}
        self.commit = COMMIT
        self.fetched = 0
        self.reports_sha256 = False

    def look_up(self, model: str, *, revision: str = hub.DEFAULT_REVISION) -> hub.Listing:
        return hub.Listing(
            model=model,
            revision=self.commit if revision == hub.DEFAULT_REVISION else revision,
            files=tuple((name, len(content)) for name, content in sorted(self.files.items())),
            needs_conversion="pytorch_model.bin" in self.files,
            digests={
                name: HubDigest(DigestKind.SHA256, sha256(content))
                for name, content in self.files.items()
                if self.reports_sha256
            },
        )

    def fetch(self, _listing: hub.Listing, directory: Path) -> None:
        self.fetched += 1
        write(directory, self.files)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    found = FakeHub()
    monkeypatch.setattr(hub, "look_up", found.look_up)
    monkeypatch.setattr(hub, "fetch", found.fetch)
    return found


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(project=tmp_path, environment="dev", bucket_name="models", needed=(MODEL,), endpoint_url=None)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fetched(workspace: Workspace, *, relock: bool = False) -> int:
    """Fetch the model; return how often the lock file was written."""
    return len(list(fetch(workspace, MODEL, None, no_progress, relock=relock)))


def test_the_same_content_is_fetched_again_and_locked_once(workspace: Workspace, source: FakeHub) -> None:
    assert fetched(workspace) == 1
    (workspace.path(MODEL) / "model.safetensors").unlink()
    assert fetched(workspace) == 0


@pytest.mark.parametrize("relock", [False, True])
def test_other_content_of_the_same_size(workspace: Workspace, source: FakeHub, relock: bool) -> None:
    fetched(workspace)
    before = (workspace.project / LOCK_FILE).read_bytes()
    old, new = source.files["config.json"], b'{"a": 2}'
    assert len(old) == len(new)
    source.files["config.json"] = new
    if relock:
        assert fetched(workspace, relock=True) == 1
        assert {file.path: file.sha256 for file in workspace.locked(MODEL).files}["config.json"] == sha256(new)
        return
    with pytest.raises(WeightsError) as caught:
        fetched(workspace)
    assert f"config.json has SHA-256 {sha256(new)} instead of {sha256(old)}" in str(caught.value)
    assert f"Commit {COMMIT} of {MODEL}" in str(caught.value)
    assert "--relock" in str(caught.value)
    assert (workspace.project / LOCK_FILE).read_bytes() == before
    assert not (workspace.path(MODEL) / "config.json").exists()
    assert (workspace.path(MODEL) / "model.safetensors").exists()


def test_what_the_hub_reports_is_refused_before_it_is_fetched(workspace: Workspace, source: FakeHub) -> None:
    source.reports_sha256 = True
    fetched(workspace)
    weights = source.files["model.safetensors"]
    source.files["model.safetensors"] = weights[:-1] + bytes([weights[-1] ^ 1])
    source.fetched = 0
    with pytest.raises(WeightsError, match=r"model\.safetensors has SHA-256 .* instead of .*--relock"):
        fetched(workspace)
    assert source.fetched == 0
    assert (workspace.path(MODEL) / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize("change", ["added", "missing"])
def test_another_set_of_files(workspace: Workspace, source: FakeHub, change: str) -> None:
    source.files["tokenizer.json"] = b"{}"
    if change == "added":
        fetched(workspace)
        source.files["modeling_name.py"] = b"import os"
        text, name = "modeling_name.py is not in the lock file", "modeling_name.py"
    else:
        fetched(workspace)
        del source.files["tokenizer.json"]
        (workspace.path(MODEL) / "tokenizer.json").unlink()
        text, name = "tokenizer.json is missing", "tokenizer.json"
    with pytest.raises(WeightsError, match=text):
        fetched(workspace)
    assert not (workspace.path(MODEL) / name).exists()
    assert fetched(workspace, relock=True) == 1


def test_another_commit_is_locked(workspace: Workspace, source: FakeHub) -> None:
    fetched(workspace)
    source.commit = "d" * 40
    source.files["config.json"] = b'{"a": 2}'
    assert fetched(workspace) == 1
    assert workspace.locked(MODEL).revision == "d" * 40


def test_another_checkpoint_is_removed_with_what_was_converted_from_it(workspace: Workspace, source: FakeHub) -> None:
    source.files = {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")}
    fetched(workspace)
    before = (workspace.project / LOCK_FILE).read_bytes()
    source.files["pytorch_model.bin"] = checkpoint(b"abce")
    with pytest.raises(WeightsError, match=r"model\.safetensors has SHA-256"):
        fetched(workspace)
    assert (workspace.project / LOCK_FILE).read_bytes() == before
    # No later command finds something to lock.
    assert workspace.local_state(MODEL) is LocalState.INCOMPLETE
    assert not (workspace.path(MODEL) / "pytorch_model.bin").exists()


def test_another_converter_may_write_other_safetensors(workspace: Workspace, source: FakeHub) -> None:
    source.files = {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")}
    fetched(workspace)
    lock = workspace.lock()
    entry = lock.models[MODEL]
    older = [
        replace(file, sha256=sha256(b"older")) if file.path == "model.safetensors" else file for file in entry.files
    ]
    older_converter = output_tensors.CONVERTER_VERSION - 1
    entry = replace(entry, files=tuple(older), converter=older_converter).with_prefix(MODEL)
    workspace.save(lock.with_model(MODEL, entry))
    assert fetched(workspace) == 1
    assert workspace.locked(MODEL).converter == output_tensors.CONVERTER_VERSION


@pytest.mark.parametrize("relock", [False, True])
def test_stage_refuses_it_too(bucket: Bucket, workspace: Workspace, source: FakeHub, relock: bool) -> None:
    workspace = replace(workspace, bucket_name=bucket.name, endpoint_url=bucket.store.endpoint_url)
    fetched(workspace)
    for file in list(workspace.path(MODEL).iterdir()):
        file.unlink()
    source.files["config.json"] = b'{"a": 2}'
    events = stage(workspace, no_progress, approve=lambda *_: True, relock=relock)
    if relock:
        assert list(events)
    else:
        with pytest.raises(WeightsError, match=r"config\.json has SHA-256"):
            list(events)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("config.json", b'{"a": 1}', b"{ not JSON"),
        ("tokenizer_config.json", b"{}", b"["),
        ("model.safetensors", single()["model.safetensors"], b"not tensors"),
        ("config.json", b'{"a": 1}', b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
    ],
)
def test_changed_file_that_no_server_could_use_is_refused_with_both_digests(
    workspace: Workspace, source: FakeHub, name: str, old: bytes, new: bytes
) -> None:
    source.files[name] = old
    fetched(workspace)
    before = (workspace.project / LOCK_FILE).read_bytes()
    source.files[name] = new
    with pytest.raises(WeightsError) as caught:
        fetched(workspace)
    assert f"{name} has SHA-256 {sha256(new)} instead of {sha256(old)}" in str(caught.value)
    assert not (workspace.path(MODEL) / name).exists()
    assert (workspace.project / LOCK_FILE).read_bytes() == before


def test_changed_checkpoint_that_cannot_be_converted_is_removed(workspace: Workspace, source: FakeHub) -> None:
    source.files = {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")}
    fetched(workspace)
    before = (workspace.project / LOCK_FILE).read_bytes()
    source.files["pytorch_model.bin"] = b"not a checkpoint"
    (workspace.path(MODEL) / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"has other content than .*pytorch_model\.bin cannot be converted \("):
        fetched(workspace)
    assert not (workspace.path(MODEL) / "pytorch_model.bin").exists()
    assert (workspace.project / LOCK_FILE).read_bytes() == before


def test_refused_content_does_not_get_the_commit_of_the_hub(workspace: Workspace, source: FakeHub) -> None:
    write(workspace.path(MODEL), single())
    list(lock_local(workspace, [MODEL], no_progress))
    before = (workspace.project / LOCK_FILE).read_bytes()
    source.files["config.json"] = b"{ not JSON"
    with pytest.raises(WeightsError, match=r"config\.json is not JSON"):
        fetched(workspace)
    assert (workspace.project / LOCK_FILE).read_bytes() == before


def test_changed_files_on_the_disk_are_locked_only_with_relock(workspace: Workspace, source: FakeHub) -> None:
    fetched(workspace)
    before = (workspace.project / LOCK_FILE).read_bytes()
    write(workspace.path(MODEL), {"config.json": b'{"a": 3}'})
    with pytest.raises(WeightsError) as caught:
        list(lock_local(workspace, [MODEL], no_progress))
    assert f"models/{MODEL} has other content than commit {COMMIT}" in str(caught.value)
    assert f"`lisa weights fetch {MODEL} --revision {COMMIT}`" in str(caught.value)
    assert (workspace.project / LOCK_FILE).read_bytes() == before
    (locked,) = lock_local(workspace, [MODEL], no_progress, relock=True)
    assert (locked.locked.kind, locked.locked.revision) == (SourceKind.LOCAL, None)


@pytest.mark.parametrize("is_same", [True, False])
def test_cache_with_a_locked_commit_has_the_locked_content(workspace: Workspace, tmp_path: Path, is_same: bool) -> None:
    name = "org/cached-model"
    first = cache(tmp_path / "hub", single())
    list(import_weights(workspace, first, None, no_progress, replace_existing=False))
    before = (workspace.project / LOCK_FILE).read_bytes()
    assert workspace.locked(name).revision == CACHED_COMMIT
    second = cache(tmp_path / "other", single() if is_same else single() | {"config.json": b'{"a": 1}'})
    again = import_weights(workspace, second, None, no_progress, replace_existing=True)
    if is_same:
        list(again)
    else:
        with pytest.raises(WeightsError, match=r"other content than commit .*config\.json has SHA-256"):
            list(again)
    assert (workspace.project / LOCK_FILE).read_bytes() == before
    edited = write(tmp_path / "edited", single() | {"config.json": b'{"a": 2}'})
    list(import_weights(workspace, edited, name, no_progress, replace_existing=True))
    assert workspace.locked(name).kind is SourceKind.LOCAL
