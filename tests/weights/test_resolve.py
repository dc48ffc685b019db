"""Resolving weights: what is locked, what is said, and what is read only once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from lisa_weights.lock.lock_file import LockedModel, SourceKind, WeightsLock
from lisa_weights.resolve import IssueKind, Resolution, resolve
from weights.model_files import checkpoint, sharded, single, write

MODEL = "org/name"
LONG_AGO = 1_600_000_000


class Steps:
    """Notes which steps were begun."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.done = 0

    @contextmanager
    def __call__(self, title: str, _total: int) -> Iterator[object]:
        self.titles.append(title)

        def progress(_file: str, count: int) -> None:
            self.done += count

        yield progress


@pytest.fixture
def steps() -> Steps:
    return Steps()


def settle(directory: Path) -> None:
    """Make files look as if they had not been written just now."""
    for path in directory.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))


def resolved(models: Path, lock: WeightsLock | None = None, **options: object) -> Resolution:
    return resolve([MODEL], models, lock or WeightsLock(), **options)  # type: ignore[arg-type]


def problems(resolution: Resolution) -> list[tuple[IssueKind, tuple[str, ...]]]:
    return [(issue.kind, issue.reasons) for issue in resolution.issues]


def test_model_that_nobody_has_is_unstaged(tmp_path: Path) -> None:
    found = resolved(tmp_path / "models")
    assert problems(found) == [(IssueKind.UNSTAGED, ())]
    assert found.seen == {MODEL: "absent"}
    assert not (tmp_path / "models").exists()


def test_new_local_model_is_locked(tmp_path: Path) -> None:
    files = single()
    write(tmp_path / MODEL, files)
    found = resolved(tmp_path)
    assert (found.locked, found.issues) == ((MODEL,), ())
    locked = found.lock.models[MODEL]
    assert locked.kind is SourceKind.LOCAL
    assert {file.path: file.sha256 for file in locked.files} == {
        name: sha256(content).hexdigest() for name, content in files.items()
    }


def test_locked_model_that_is_not_local_is_what_the_lock_says(tmp_path: Path) -> None:
    write(tmp_path / MODEL, single())
    lock = resolved(tmp_path).lock
    found = resolved(tmp_path / "elsewhere", lock)
    assert (found.lock, found.locked, found.issues) == (lock, (), ())


def test_same_content_keeps_where_it_came_from(tmp_path: Path) -> None:
    write(tmp_path / MODEL, single())
    local = resolved(tmp_path).lock.models[MODEL]
    hub = LockedModel(
        kind=SourceKind.HUB,
        revision="c" * 40,
        files=local.files,
        parameters=local.parameters,
        dtypes=local.dtypes,
        converter=0,
        shape=local.shape,
    )
    found = resolved(tmp_path, WeightsLock({MODEL: hub}))
    assert found.locked == ()
    assert found.lock.models[MODEL] == hub


def test_changed_content_of_the_same_size_is_locked_anew(tmp_path: Path) -> None:
    write(tmp_path / MODEL, single(b"a" * 500))
    settle(tmp_path)
    before = resolved(tmp_path).lock
    write(tmp_path / MODEL, single(b"b" * 500))
    found = resolved(tmp_path, before)
    assert found.locked == (MODEL,)
    assert found.lock.models[MODEL].files != before.models[MODEL].files


def test_unchanged_files_are_read_once(tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lisa_weights.lock.digest_cache._SETTLED_NS", -(10**12))
    write(tmp_path / MODEL, sharded())
    lock = resolved(tmp_path, step=steps).lock
    assert steps.titles == [f"reading {MODEL}"]
    again = resolved(tmp_path, lock, step=steps)
    assert (again.locked, again.lock, steps.titles) == ((), lock, [f"reading {MODEL}"])


def test_file_that_was_just_written_is_read_again(tmp_path: Path, steps: Steps) -> None:
    write(tmp_path / MODEL, single())
    lock = resolved(tmp_path, step=steps).lock
    resolved(tmp_path, lock, step=steps)
    assert steps.titles == [f"reading {MODEL}"] * 2


def test_without_the_cache_everything_is_read(tmp_path: Path) -> None:
    write(tmp_path / MODEL, single())
    lock = resolved(tmp_path).lock
    for content in ("", "[]", "{", '{"format": 1}', '{"format": 1, "digests": {"a": 1}, "conversions": {}}'):
        (tmp_path / ".lisa-weights.json").write_text(content)
        assert resolved(tmp_path, lock).lock == lock


def test_checkpoint_is_converted_and_locked(tmp_path: Path, steps: Steps) -> None:
    write(tmp_path / MODEL, {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd" * 100)})
    found = resolved(tmp_path, step=steps)
    assert steps.titles[0] == f"converting {MODEL}"
    assert steps.done > 400
    assert {file.path for file in found.lock.models[MODEL].files} == {"config.json", "model.safetensors"}
    assert (tmp_path / MODEL / "model.safetensors").read_bytes().endswith(b"abcd" * 100)


def test_other_checkpoint_is_converted_anew(tmp_path: Path) -> None:
    directory = write(tmp_path / MODEL, {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"old!" * 100)})
    lock = resolved(tmp_path).lock
    write(directory, {"pytorch_model.bin": checkpoint(b"new!" * 100)})
    compared = resolved(tmp_path, lock, change=False)
    assert problems(compared) == [(IssueKind.OUTDATED, ("its PyTorch checkpoint changed after it was converted",))]
    found = resolved(tmp_path, lock)
    assert found.locked == (MODEL,)
    assert (directory / "model.safetensors").read_bytes().endswith(b"new!" * 100)


def test_safetensors_that_came_with_a_checkpoint_stay(tmp_path: Path) -> None:
    files = single(b"given" * 100)
    directory = write(tmp_path / MODEL, {**files, "pytorch_model.bin": checkpoint(b"abcd" * 100)})
    lock = resolved(tmp_path).lock
    write(directory, {"pytorch_model.bin": checkpoint(b"else" * 100)})
    assert resolved(tmp_path, lock).locked == ()
    assert (directory / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_converted_files_that_somebody_changed_stay(tmp_path: Path) -> None:
    directory = write(tmp_path / MODEL, {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd" * 100)})
    lock = resolved(tmp_path).lock
    own = single(b"mine" * 100)["model.safetensors"]
    write(directory, {"model.safetensors": own, "pytorch_model.bin": checkpoint(b"else" * 100)})
    assert resolved(tmp_path, lock).locked == (MODEL,)
    assert (directory / "model.safetensors").read_bytes() == own


def test_refused_checkpoint_is_an_issue_and_leaves_the_others(tmp_path: Path) -> None:
    write(tmp_path / MODEL, {"config.json": b"{}", "pytorch_model.bin": b"no checkpoint"})
    write(tmp_path / "org/good", single())
    found = resolve([MODEL, "org/good"], tmp_path, WeightsLock())
    (issue,) = found.issues
    assert (issue.model, issue.kind) == (MODEL, IssueKind.REFUSED)
    assert "pytorch_model.bin" in issue.reasons[0]
    assert found.locked == ("org/good",)


def test_half_a_model_is_passed_over(tmp_path: Path) -> None:
    files = sharded()
    del files["model-00002-of-00002.safetensors"]
    write(tmp_path / MODEL, files)
    found = resolved(tmp_path)
    assert [kind for kind, _ in problems(found)] == [IssueKind.INCOMPLETE]
    assert found.locked == ()


@pytest.mark.parametrize("change", [True, False])
def test_link_out_of_the_directory_is_refused(tmp_path: Path, change: bool) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret")
    directory = write(tmp_path / "models" / MODEL, single())
    (directory / "tokenizer.json").symlink_to(outside)
    found = resolved(tmp_path / "models", change=change)
    assert [kind for kind, _ in problems(found)] == [IssueKind.REFUSED]


class TestComparing:
    """`--check` writes nothing."""

    def test_model_that_is_not_locked(self, tmp_path: Path) -> None:
        write(tmp_path / MODEL, single())
        found = resolved(tmp_path, change=False)
        assert problems(found) == [(IssueKind.OUTDATED, ("it is not in the lock file",))]
        assert found.lock == WeightsLock()
        assert [path.name for path in tmp_path.iterdir()] == ["org"]

    def test_checkpoint_that_is_not_converted(self, tmp_path: Path) -> None:
        directory = write(tmp_path / MODEL, {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")})
        found = resolved(tmp_path, change=False)
        assert problems(found) == [(IssueKind.OUTDATED, ("its PyTorch checkpoint is not converted",))]
        assert not (directory / "model.safetensors").exists()

    def test_file_of_another_size(self, tmp_path: Path) -> None:
        write(tmp_path / MODEL, single())
        lock = resolved(tmp_path).lock
        write(tmp_path / MODEL, {"config.json": b"{ }"})
        found = resolved(tmp_path, lock, change=False)
        assert problems(found) == [(IssueKind.OUTDATED, ("config.json has 3 bytes, but 2 in the lock file",))]

    def test_digest_that_is_known_from_before(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lisa_weights.lock.digest_cache._SETTLED_NS", -(10**12))
        write(tmp_path / MODEL, single(b"a" * 500))
        old = resolved(tmp_path).lock
        write(tmp_path / MODEL, single(b"b" * 500))
        assert resolved(tmp_path).locked == (MODEL,)
        found = resolved(tmp_path, old, change=False)
        assert problems(found) == [(IssueKind.OUTDATED, ("model.safetensors does not match the lock file",))]

    def test_model_as_it_is_locked(self, tmp_path: Path) -> None:
        write(tmp_path / MODEL, single())
        lock = resolved(tmp_path).lock
        assert resolved(tmp_path, lock, change=False).issues == ()


def test_fingerprint_changes_with_every_file(tmp_path: Path) -> None:
    directory = write(tmp_path / MODEL, single())
    seen = [resolved(tmp_path, change=False).seen[MODEL]]
    for change in ({"config.json": b"[]"}, {"new.json": b""}, {"1_Pooling/config.json": b""}):
        write(directory, change)
        seen.append(resolved(tmp_path, change=False).seen[MODEL])
    assert len(set(seen)) == len(seen)
    write(directory, {".cache/whatever": b""})
    assert resolved(tmp_path, change=False).seen[MODEL] == seen[-1]
