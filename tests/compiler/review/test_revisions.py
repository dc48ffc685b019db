"""Revisions in real repositories: which commit is compared with, and what is read of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lisa_compiler.project.git import GitError
from lisa_compiler.review.revisions import RevisionError, WorkingTree, base_of


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }.items():
        monkeypatch.setenv(name, value)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, content: str, path: str = "generated/prod/file") -> str:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(content, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", content)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def test_a_branch_is_compared_with_where_it_left_the_default_branch(repository: Path) -> None:
    left = commit(repository, "one")
    git(repository, "switch", "--quiet", "--create", "topic")
    commit(repository, "two")
    git(repository, "switch", "--quiet", "main")
    commit(repository, "three")
    git(repository, "switch", "--quiet", "topic")
    base = base_of(repository, None)
    assert (base.digest, base.reference) == (left, "main")
    assert base.read(["generated/prod/file"]) == {"generated/prod/file": b"one"}


def test_a_clone_is_compared_with_the_default_branch_of_its_origin(repository: Path, tmp_path: Path) -> None:
    first = commit(repository, "one")
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    commit(tmp_path / "clone", "two")
    base = base_of(tmp_path / "clone", None)
    assert (base.digest, base.reference) == (first, "origin/HEAD")


def test_a_repository_without_a_known_branch_is_compared_with_its_head(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "--orphan", "trunk")
    head = commit(repository, "one")
    base = base_of(repository, None)
    assert (base.digest, base.reference) == (head, "HEAD")


def test_a_named_commit(repository: Path) -> None:
    first = commit(repository, "one")
    commit(repository, "two")
    assert base_of(repository, "HEAD~1").digest == first


def test_the_project_may_be_a_folder_of_the_repository(repository: Path) -> None:
    commit(repository, "one", "deployments/lisa/generated/prod/file")
    project = repository / "deployments" / "lisa"
    assert base_of(project, "HEAD").read(["generated/prod/file"]) == {"generated/prod/file": b"one"}


def test_files_that_are_not_there_are_left_out(repository: Path) -> None:
    commit(repository, "one")
    wanted = ["generated/none", "generated/prod/file", "generated/prod"]
    assert list(base_of(repository, "HEAD").read(wanted)) == ["generated/prod/file"]
    assert list(WorkingTree(repository).read(wanted)) == ["generated/prod/file"]


def test_any_bytes_are_read(repository: Path) -> None:
    content = b"blob 3\n\x00missing\n\n"
    (repository / "file").write_bytes(content)
    commit(repository, "one", "other")
    assert base_of(repository, "HEAD").read(["file", "other"]) == {"file": content, "other": b"one"}


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not a git repository"):
        base_of(tmp_path, None)


def test_a_repository_without_commits(repository: Path) -> None:
    with pytest.raises(RevisionError, match=r"The repository has no commits\. Run `git add --all` and `git commit`"):
        base_of(repository, None)


@pytest.mark.parametrize("reference", ["nowhere", "--all", "HEAD~9"])
def test_an_unknown_reference(repository: Path, reference: str) -> None:
    commit(repository, "one")
    with pytest.raises(RevisionError, match=f"`{reference}` is not a known commit"):
        base_of(repository, reference)


def test_a_shallow_clone_without_the_commit_where_the_branches_part(repository: Path, tmp_path: Path) -> None:
    commit(repository, "one")
    git(repository, "switch", "--quiet", "--create", "topic")
    commit(repository, "two")
    git(repository, "switch", "--quiet", "main")
    commit(repository, "three")
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-single-branch", repository.as_uri(), "shallow")
    shallow = tmp_path / "shallow"
    git(shallow, "switch", "--quiet", "topic")
    with pytest.raises(RevisionError, match="fetch-depth: 0"):
        base_of(shallow, "origin/main")


def test_a_machine_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(repository, "one")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitError, match="Git is not on PATH"):
        base_of(repository, None)
