"""What a deployment deploys, by real repositories of Git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.ledger.source import Source, read_source, require_committed, require_successor


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, text: str) -> str:
    (folder / "config.yaml").write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of a repository, with committed output."""
    folder = tmp_path / "repository" / "models"
    (folder / "generated/dev").mkdir(parents=True)
    (folder / "generated/dev/manifest.json").write_text("{}")
    git(folder.parent, "init", "--quiet")
    commit(folder, "first")
    return folder


def read(project: Path) -> Source:
    return read_source(project, project / "generated/dev")


def test_a_committed_project(project: Path) -> None:
    source = read(project)
    assert source.commit == git(project, "rev-parse", "HEAD")
    assert source.uncommitted == ()
    require_committed(source, "dev")
    assert source.describe() == f"commit {source.commit[:12]}"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("config.yaml", "changed"),
        ("generated/dev/manifest.json", "{ }"),
        ("generated/dev/new.json", "{}"),
    ],
)
def test_what_is_not_committed_is_refused(project: Path, path: str, content: str) -> None:
    (project / path).write_text(content)
    source = read(project)
    assert source.uncommitted == (path,)
    with pytest.raises(DeployError, match=f"not committed:\n  {path}\nOnly reviewed output"):
        require_committed(source, "dev")


def test_a_staged_change_is_not_committed(project: Path) -> None:
    (project / "config.yaml").write_text("staged")
    git(project, "add", "config.yaml")
    assert read(project).uncommitted == ("config.yaml",)


def test_a_removed_file_is_not_committed(project: Path) -> None:
    (project / "config.yaml").unlink()
    assert read(project).uncommitted == ("config.yaml",)


def test_drafts_beside_the_output_do_not_matter(project: Path) -> None:
    (project / "notes.txt").write_text("mine")
    (project.parent / "README.md").write_text("not of this project")
    assert read(project).uncommitted == ()


def test_output_that_git_ignores_is_not_committed(project: Path) -> None:
    git(project, "rm", "-r", "--quiet", "--cached", "generated")
    (project / ".gitignore").write_text("generated/\n")
    commit(project, "ignored")
    assert read(project).uncommitted == ("generated/dev/manifest.json",)


def test_a_repository_without_commits(tmp_path: Path) -> None:
    (tmp_path / "generated/dev").mkdir(parents=True)
    (tmp_path / "generated/dev/manifest.json").write_text("{}")
    git(tmp_path, "init", "--quiet")
    source = read(tmp_path)
    assert source.commit is None
    assert source.uncommitted == ("generated/dev/manifest.json",)


def test_outside_of_a_repository_the_digest_tells_it(tmp_path: Path) -> None:
    (tmp_path / "generated/dev").mkdir(parents=True)
    (tmp_path / "generated/dev/manifest.json").write_text("{}")
    source = read(tmp_path)
    assert (source.commit, source.uncommitted) == (None, ())
    assert source.describe() == "output 44136fa355b3 (not in a Git repository)"
    require_successor(tmp_path, source, "0" * 40, "dev")


def test_a_list_of_many_files_is_short(project: Path) -> None:
    for number in range(8):
        (project / f"generated/dev/{number}.json").write_text("{}")
    with pytest.raises(DeployError, match="and 3 more"):
        require_committed(read(project), "dev")


def test_a_missing_output(project: Path) -> None:
    with pytest.raises(DeployError, match="Run `lisa compile`"):
        read_source(project, project / "generated/prod")


def test_a_later_commit_may_be_deployed(project: Path) -> None:
    first = git(project, "rev-parse", "HEAD")
    require_successor(project, read(project), first, "dev")
    commit(project, "second")
    require_successor(project, read(project), first, "dev")


def test_an_older_commit_is_refused(project: Path) -> None:
    first = git(project, "rev-parse", "HEAD")
    commit(project, "second")
    third = commit(project, "third")
    git(project, "checkout", "--quiet", first)
    with pytest.raises(
        DeployError, match=r"is older than commit .{12}, which dev has: it would undo 2 commits"
    ) as caught:
        require_successor(project, read(project), third, "dev")
    assert "lisa rollback --env dev" in str(caught.value)
    assert "--rollback" in str(caught.value)


def test_a_branch_without_the_deployed_commit_is_refused(project: Path) -> None:
    git(project, "checkout", "--quiet", "-b", "feature")
    commit(project, "feature")
    git(project, "checkout", "--quiet", "main")
    deployed = commit(project, "main")
    git(project, "checkout", "--quiet", "feature")
    with pytest.raises(DeployError, match=r"does not contain commit .{12}, which dev has: it would undo 1 commit\."):
        require_successor(project, read(project), deployed, "dev")


def test_a_commit_that_is_not_here_is_unknown(project: Path) -> None:
    with pytest.raises(DeployError, match="which this clone does not have"):
        require_successor(project, read(project), "a" * 40, "dev")
