"""`lisa weights gc`: what a Git repository's lock files keep in the bucket, and what is deleted."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.garbage import Garbage, GarbageOptions, find_garbage, remove_garbage
from lisa_weights.lock.committed_locks import read_committed_locks
from lisa_weights.lock.lock_file import LOCK_FILE, LockedModel, WeightsLock, load, render, save
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.upload import upload
from lisa_weights.workspace import Workspace
from weights import seaweedfs
from weights.adapter_files import ADAPTER, adapter
from weights.model_files import single, write

MODEL = "org/name"
LATER = datetime.now(UTC) + timedelta(days=8, hours=1)


def git(directory: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(directory), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def entry(tmp_path: Path, content: bytes, model: str = MODEL) -> tuple[LockedModel, Path]:
    directory = write(tmp_path / "source" / content.decode(), single(content * 100))
    return lock_directory(read_directory(directory)).with_prefix(model), directory


def commit(project: Path, model: LockedModel, name: str = MODEL) -> None:
    save(project / LOCK_FILE, load(project / LOCK_FILE).with_model(name, model))
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "lock")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "repository/project"
    directory.mkdir(parents=True)
    git(directory.parent, "init", "-q", "-b", "main")
    return directory


@pytest.fixture
def workspace(bucket: Bucket, project: Path) -> Workspace:
    return Workspace(
        project=project,
        environment="dev",
        bucket_name=bucket.name,
        needed=(MODEL,),
        endpoint_url=bucket.store.endpoint_url,
    )


def uploaded(bucket: Bucket, tmp_path: Path, content: bytes) -> LockedModel:
    made, directory = entry(tmp_path, content)
    upload(bucket, MODEL, made, directory)
    return made


def found(workspace: Workspace, *, today: datetime = LATER, **options: object) -> Garbage:
    return find_garbage(workspace, GarbageOptions(**options), today=today)  # type: ignore[arg-type]


def prefixes(garbage: Garbage) -> set[str]:
    return {one.prefix for one in garbage.unreached}


def test_only_what_no_commit_names_is_deleted(workspace: Workspace, bucket: Bucket, tmp_path: Path) -> None:
    project = workspace.project
    old, branch, tag, now, never, uncommitted = (uploaded(bucket, tmp_path, name.encode()) for name in "abcdef")
    commit(project, old)
    git(project, "checkout", "-q", "-b", "feature")
    commit(project, branch)
    git(project, "checkout", "-q", "main")
    git(project, "checkout", "-q", "--detach")
    commit(project, tag)
    git(project, "tag", "-a", "-m", "x", "v1")
    git(project, "checkout", "-q", "main")
    commit(project, now)
    save(project / LOCK_FILE, WeightsLock({MODEL: uncommitted}))
    garbage = found(workspace)
    assert prefixes(garbage) == {never.prefix}
    assert (garbage.kept, garbage.reached.locks) == (5, 5)
    (one,) = garbage.unreached
    assert (one.total_bytes, one.age_days) == (never.total_bytes, 8)
    tips = found(workspace, tips_only=True)
    assert prefixes(tips) == {never.prefix, old.prefix}
    assert [removed for _, removed in remove_garbage(workspace, garbage.unreached)] == [True]
    assert bucket.files(never.location(MODEL)) == ()
    for kept in (old, branch, tag, now, uncommitted):
        assert bucket.verify(MODEL, kept, deep=True) == ()
    assert prefixes(found(workspace)) == set()


def test_adapters_are_kept_while_a_lock_names_them(workspace: Workspace, bucket: Bucket, tmp_path: Path) -> None:
    workspace = replace(workspace, needed=(MODEL, ADAPTER))
    now, before = (
        lock_directory(read_directory(write(tmp_path / name, adapter(lora_alpha=alpha)))).with_prefix(ADAPTER)
        for name, alpha in (("now", 8), ("before", 16))
    )
    for entry, name in ((now, "now"), (before, "before")):
        upload(bucket, ADAPTER, entry, tmp_path / name)
    commit(workspace.project, now, ADAPTER)
    garbage = found(workspace)
    assert (prefixes(garbage), garbage.kept) == ({before.prefix}, 1)


def test_lock_of_another_worktree_that_is_not_committed_is_kept(
    workspace: Workspace, bucket: Bucket, tmp_path: Path
) -> None:
    first, second = (uploaded(bucket, tmp_path, name) for name in (b"a", b"b"))
    commit(workspace.project, first)
    git(workspace.project, "worktree", "add", "-q", str(tmp_path / "other"))
    save(tmp_path / "other/project" / LOCK_FILE, WeightsLock({MODEL: second}))
    assert prefixes(found(workspace)) == set()


def test_staged_change_of_the_index_is_kept(workspace: Workspace, bucket: Bucket, tmp_path: Path) -> None:
    first, second = (uploaded(bucket, tmp_path, name) for name in (b"a", b"b"))
    commit(workspace.project, first)
    save(workspace.project / LOCK_FILE, WeightsLock({MODEL: second}))
    git(workspace.project, "add", "-A")
    save(workspace.project / LOCK_FILE, WeightsLock({MODEL: first}))
    assert prefixes(found(workspace, tips_only=True)) == set()


def test_lock_that_only_a_merge_has_is_kept(workspace: Workspace, bucket: Bucket, tmp_path: Path) -> None:
    project = workspace.project
    base, left, right, merged, last = (uploaded(bucket, tmp_path, name.encode()) for name in "abcde")
    commit(project, base)
    git(project, "checkout", "-q", "-b", "side")
    commit(project, left)
    git(project, "checkout", "-q", "main")
    commit(project, right)
    git(project, "merge", "-q", "-s", "ours", "--no-commit", "side")
    commit(project, merged)
    commit(project, last)
    assert prefixes(found(workspace)) == set()


def test_another_project_of_the_repository_keeps_its_weights(
    workspace: Workspace, bucket: Bucket, tmp_path: Path
) -> None:
    first, second = (uploaded(bucket, tmp_path, name) for name in (b"a", b"b"))
    other = workspace.project.with_name("it's another")
    other.mkdir()
    commit(other, second)
    commit(workspace.project, first)
    assert prefixes(found(workspace)) == prefixes(found(workspace, tips_only=True)) == set()


def test_young_objects_are_kept(workspace: Workspace, bucket: Bucket, tmp_path: Path) -> None:
    commit(workspace.project, uploaded(bucket, tmp_path, b"a"))
    never = uploaded(bucket, tmp_path, b"b")
    garbage = found(workspace, today=datetime.now(UTC) + timedelta(days=6, hours=23))
    assert prefixes(garbage) == set()
    assert [one.prefix for one in garbage.young] == [never.prefix]
    assert prefixes(found(workspace, today=datetime.now(UTC), min_age_days=0)) == {never.prefix}


def test_objects_that_change_after_they_were_shown_are_kept(
    workspace: Workspace, bucket: Bucket, tmp_path: Path, store: seaweedfs.Store
) -> None:
    commit(workspace.project, uploaded(bucket, tmp_path, b"a"))
    never = uploaded(bucket, tmp_path, b"b")
    garbage = found(workspace)
    (tmp_path / "x").write_bytes(b"new")
    store.do("cp", str(tmp_path / "x"), bucket.url(never.location(MODEL), "new.json"))
    assert [removed for _, removed in remove_garbage(workspace, garbage.unreached)] == [False]
    assert len(bucket.files(never.location(MODEL))) == 3


def test_models_of_other_projects_are_not_touched(
    workspace: Workspace, bucket: Bucket, tmp_path: Path, store: seaweedfs.Store
) -> None:
    commit(workspace.project, uploaded(bucket, tmp_path, b"a"))
    (tmp_path / "x").write_bytes(b"x")
    others = ("org/name-chat", "org/name/deeper/model", "else/where", f"org/name-2/{'0' * 64}")
    for other in others:
        store.do("cp", str(tmp_path / "x"), f"s3://{bucket.name}/{other}/config.json")
    assert prefixes(found(workspace, old_layout=True)) == set()


def old_objects(workspace: Workspace, store: seaweedfs.Store) -> None:
    write(workspace.project.parents[1] / "old", single() | {"1_Pooling/config.json": b"{}"})
    store.do("cp", f"{workspace.project.parents[1] / 'old'}/", f"s3://{workspace.bucket_name}/{MODEL}/")


def test_objects_of_the_older_layout_need_an_option(
    workspace: Workspace, bucket: Bucket, tmp_path: Path, store: seaweedfs.Store
) -> None:
    old_objects(workspace, store)
    current = uploaded(bucket, tmp_path, b"a")
    commit(workspace.project, current)
    assert prefixes(found(workspace)) == set()
    garbage = found(workspace, old_layout=True)
    assert prefixes(garbage) == {MODEL}
    assert [removed for _, removed in remove_garbage(workspace, garbage.unreached)] == [True]
    assert bucket.files(MODEL) == ()
    assert bucket.verify(MODEL, current, deep=True) == ()


def test_objects_of_the_older_layout_are_kept_while_a_lock_names_them(
    workspace: Workspace, bucket: Bucket, tmp_path: Path, store: seaweedfs.Store
) -> None:
    old_objects(workspace, store)
    made = uploaded(bucket, tmp_path, b"a")
    commit(workspace.project, replace(made, prefix=None))
    commit(workspace.project, made)
    assert prefixes(found(workspace, old_layout=True)) == set()
    assert prefixes(found(workspace, old_layout=True, tips_only=True)) == {MODEL}


def test_objects_of_the_older_layout_are_kept_for_models_that_are_not_staged(
    workspace: Workspace, store: seaweedfs.Store, tmp_path: Path
) -> None:
    old_objects(workspace, store)
    commit(workspace.project, entry(tmp_path, b"a", "org/other")[0], "org/other")
    assert prefixes(found(workspace, old_layout=True)) == set()


def test_lock_that_is_not_valid_keeps_what_it_names(
    workspace: Workspace, bucket: Bucket, tmp_path: Path, store: seaweedfs.Store
) -> None:
    old_objects(workspace, store)
    first, second = (uploaded(bucket, tmp_path, name) for name in (b"a", b"b"))
    content = render(WeightsLock({MODEL: first}))
    (workspace.project / LOCK_FILE).write_bytes(b"<<<<<<< ours\n" + content)
    git(workspace.project, "add", "-A")
    git(workspace.project, "commit", "-q", "-m", "conflict")
    (workspace.project / LOCK_FILE).unlink()
    commit(workspace.project, second)
    assert prefixes(found(workspace, old_layout=True)) == set()


def test_without_git_it_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(WeightsError, match="run the command in a clone of the Git repository"):
        read_committed_locks(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match="install Git"):
        read_committed_locks(tmp_path)


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        (("--depth", "1", "--no-single-branch"), "git fetch --unshallow"),
        (("--single-branch",), r"git remote set-branches origin '\*'"),
        (("--filter=blob:none", "--no-checkout"), "git fetch --refetch"),
    ],
)
def test_clone_that_lacks_lock_files_is_rejected(
    project: Path, tmp_path: Path, options: tuple[str, ...], fix: str
) -> None:
    for content in (b"a", b"b"):
        commit(project, entry(tmp_path, content)[0])
    git(project, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", *options, f"file://{project.parent}", "clone")
    with pytest.raises(WeightsError, match=fix):
        read_committed_locks(tmp_path / "clone")


def test_complete_clone_has_the_branches_of_its_remote(project: Path, tmp_path: Path) -> None:
    first, second = (entry(tmp_path, content)[0] for content in (b"a", b"b"))
    commit(project, first)
    git(project, "checkout", "-q", "-b", "side")
    commit(project, second)
    git(project, "checkout", "-q", "main")
    git(tmp_path, "clone", "-q", str(project.parent), "clone")
    for tips_only in (False, True):
        reached = read_committed_locks(tmp_path / "clone/project", tips_only=tips_only)
        assert reached.prefixes == {first.prefix, second.prefix}
        assert (reached.models, reached.without_prefix, reached.unreadable) == ({MODEL}, set(), 0)
