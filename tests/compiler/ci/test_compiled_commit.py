"""A commit of compiled output, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from lisa_compiler.ci.compiled_commit import CommitError, commit_output, current_branch, push_commit, read_changes

from .conftest import Repository

MESSAGE = "build: compile generated/"


def change(repository: Repository) -> str:
    """Commit a source without its output, as Renovate does."""
    repository.write(config_yaml="one: 2\n")
    return repository.commit("chore(deps): update something")


def test_output_is_committed_alone(repository: Repository) -> None:
    before = change(repository)
    made = commit_output(repository.folder, repository.compile, MESSAGE)
    assert made == repository.head
    assert repository.git("rev-parse", "HEAD^").stdout.strip() == before
    assert repository.is_compiled
    changed = repository.git("diff", "--name-only", "HEAD^").stdout.split()
    assert changed
    assert all(name.startswith("generated/") for name in changed)
    assert repository.git("log", "-1", "--format=%s|%an").stdout.strip() == f"{MESSAGE}|lisa"


def test_files_that_are_gone_and_new_ones_are_part_of_it(repository: Repository) -> None:
    (repository.folder / "generated/dev/old.json").write_text("{}")
    repository.commit("stale")

    def compile_all() -> None:
        repository.compile()
        (repository.folder / "generated/dev/old.json").unlink()
        (repository.folder / "generated/dev/new ü.json").write_text("{}")

    assert commit_output(repository.folder, compile_all, MESSAGE)
    assert repository.status == []
    assert sorted(read_names(repository)) == ["generated/dev/new ü.json", "generated/dev/old.json"]


def read_names(repository: Repository) -> list[str]:
    listed = repository.git("diff", "--name-only", "--no-renames", "-z", "HEAD^").stdout
    return [name for name in listed.split("\0") if name]


def test_nothing_is_committed_without_a_difference(repository: Repository) -> None:
    before = repository.head
    assert commit_output(repository.folder, repository.compile, MESSAGE) is None
    assert repository.head == before
    assert repository.compiled == 2


@pytest.mark.parametrize("name", ["config.yaml", "environments-draft.yaml"])
def test_other_changes_are_refused_before_anything_is_compiled(repository: Repository, name: str) -> None:
    (repository.folder / name).write_text("one: 3\n")
    with pytest.raises(CommitError, match=rf"These files are not committed.*\n  {name}\nNothing was committed"):
        commit_output(repository.folder, repository.compile, MESSAGE)
    assert repository.compiled == 1


def test_staged_change_is_refused(repository: Repository) -> None:
    repository.write(config_yaml="one: 3\n")
    repository.git("add", "config.yaml")
    with pytest.raises(CommitError, match="are not committed"):
        commit_output(repository.folder, repository.compile, MESSAGE)


def test_half_of_an_earlier_compile_is_no_hindrance(repository: Repository) -> None:
    change(repository)
    (repository.folder / "generated/dev/manifest.json").write_text("half")
    assert commit_output(repository.folder, repository.compile, MESSAGE)
    assert repository.is_compiled


def test_what_the_compile_writes_elsewhere_is_not_committed(repository: Repository) -> None:
    before = change(repository)

    def compile_all() -> None:
        repository.compile()
        (repository.folder / "weights.lock.json").write_text("{}")

    with pytest.raises(CommitError, match=r"weights\.lock\.json"):
        commit_output(repository.folder, compile_all, MESSAGE)
    assert repository.head == before


def test_failed_compile_commits_nothing(repository: Repository) -> None:
    before = change(repository)

    def compile_all() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        commit_output(repository.folder, compile_all, MESSAGE)
    assert repository.head == before


def test_project_in_a_directory_of_the_repository(repository: Repository) -> None:
    inner = Repository(repository.folder / "infra")
    inner.folder.mkdir()
    inner.write(config_yaml="one: 1\n")
    inner.compile()
    inner.commit("below")
    inner.write(config_yaml="one: 2\n")
    inner.commit("source")
    (repository.folder / "generated/dev/manifest.json").write_text("of another project")
    assert read_changes(inner.folder).others == ("/generated/dev/manifest.json",)
    with pytest.raises(CommitError, match="/generated/dev/manifest"):
        commit_output(inner.folder, inner.compile, MESSAGE)
    repository.git("checkout", "--quiet", "--", "generated")
    assert commit_output(inner.folder, inner.compile, MESSAGE)
    assert read_names(inner) == [
        f"infra/generated/{name}"
        for name in ("dev/SUMMARY.md", "dev/manifest.json", "prod/SUMMARY.md", "prod/manifest.json")
    ]


def test_commit_is_pushed_without_force(repository: Repository, tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    repository.git("init", "--quiet", "--bare", str(remote))
    repository.git("remote", "add", "origin", str(remote))
    change(repository)
    repository.git("push", "--quiet", "origin", "HEAD:refs/heads/renovate/lisa")
    assert current_branch(repository.folder) == "main"
    commit_output(repository.folder, repository.compile, MESSAGE)
    push_commit(repository.folder, "origin", "renovate/lisa")
    pushed = repository.git("ls-remote", "origin", "refs/heads/renovate/lisa").stdout.split()[0]
    assert pushed == repository.head
    # Someone else pushes to the branch, and a commit on top of the older one is refused.
    repository.write(config_yaml="one: 9\n")
    other = repository.commit("other")
    repository.git("push", "--quiet", "origin", "HEAD:refs/heads/renovate/lisa")
    repository.git("reset", "--quiet", "--hard", "HEAD^")
    repository.write(config_yaml="one: 8\n")
    repository.commit("mine")
    with pytest.raises(CommitError, match="If the branch has new commits, run the pipeline again"):
        push_commit(repository.folder, "origin", "renovate/lisa")
    assert repository.git("ls-remote", "origin", "refs/heads/renovate/lisa").stdout.split()[0] == other
    for branch in ("+main", "--force", "a:b"):
        with pytest.raises(CommitError, match="is not a branch"):
            push_commit(repository.folder, "origin", branch)


def test_detached_head_has_no_branch(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--detach")
    assert current_branch(repository.folder) is None
