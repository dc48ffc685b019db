"""Merges of compiled output by Git itself: the driver, the hook, conflicts of sources."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from lisa_compiler.ci.merge import MergeError, finish, install, is_driven

from .conftest import Repository

LISA = f"{shlex.quote(sys.executable)} -m lisa_compiler"


@pytest.fixture
def driven(repository: Repository) -> Repository:
    """A clone with the driver, and without the hook."""
    sources = os.pathsep.join(filter(None, sys.path))
    driver = f"PYTHONPATH={shlex.quote(sources)} {LISA} merge-driver %O %A %B %P"
    repository.git("config", "merge.lisa.driver", driver)
    return repository


def branches(repository: Repository, ours: str, theirs: str) -> None:
    """Two branches whose sources and output both change; ours is checked out."""
    repository.git("checkout", "--quiet", "-b", "theirs")
    repository.write(config_yaml=theirs)
    repository.compile()
    repository.commit("theirs")
    repository.git("checkout", "--quiet", "main")
    repository.write(config_yaml=ours)
    repository.compile()
    repository.commit("ours")


OURS, THEIRS = "one: 2\n" + "\n" * 9 + "two: 1\n", "one: 1\n" + "\n" * 9 + "two: 2\n"
MERGED = "one: 2\n" + "\n" * 9 + "two: 2\n"


def test_without_the_driver_output_conflicts(repository: Repository) -> None:
    branches(repository, OURS, THEIRS)
    merged = repository.git("merge", "--quiet", "theirs", check=False)
    assert "CONFLICT (content): Merge conflict in generated/dev/manifest.json" in merged.stdout


def test_merge_is_clean_and_compiled_in_its_own_commit(driven: Repository) -> None:
    branches(driven, OURS, THEIRS)
    merged = driven.git("merge", "--quiet", "theirs")
    assert merged.stderr.count("generated/ is compiled after the merge") == 1
    assert (driven.folder / "config.yaml").read_text() == MERGED
    assert not driven.is_compiled, "neither side is the output of the merged sources"
    commits = driven.git("rev-list", "--count", "HEAD").stdout
    finished = finish(driven.folder, driven.compile)
    assert finished is not None
    assert finished.committed
    assert driven.is_compiled
    assert driven.git("rev-list", "--count", "HEAD").stdout == commits
    assert len(driven.git("rev-list", "--parents", "-1", "HEAD").stdout.split()) == 3
    assert finish(driven.folder, driven.compile) is None, "the mark is gone"


def test_conflict_of_sources_is_told_and_finished_by_hand(driven: Repository) -> None:
    branches(driven, "one: 2\n", "one: 3\n")
    merged = driven.git("merge", "--quiet", "theirs", check=False)
    assert merged.returncode == 1
    assert "CONFLICT (content): Merge conflict in config.yaml" in merged.stdout
    assert "CONFLICT (content): Merge conflict in generated/" not in merged.stdout
    compiled = driven.compiled
    with pytest.raises(MergeError, match=r"These files have conflicts:\n  config\.yaml\nResolve them"):
        finish(driven.folder, driven.compile)
    assert driven.compiled == compiled
    driven.write(config_yaml="one: 4\n")
    driven.git("add", "config.yaml")
    finished = finish(driven.folder, driven.compile)
    assert finished is not None
    assert not finished.committed
    driven.git("commit", "--quiet", "--no-edit")
    assert driven.is_compiled


def test_file_that_one_side_removed_is_settled_too(driven: Repository) -> None:
    (driven.folder / "generated/dev/model.json").write_text("one\n")
    driven.commit("model")
    driven.git("checkout", "--quiet", "-b", "theirs")
    driven.write(config_yaml=THEIRS)
    driven.compile()
    (driven.folder / "generated/dev/model.json").write_text("two\n")
    driven.commit("theirs")
    driven.git("checkout", "--quiet", "main")
    driven.write(config_yaml=OURS)
    driven.compile()
    (driven.folder / "generated/dev/model.json").unlink()
    driven.commit("ours")
    merged = driven.git("merge", "--quiet", "theirs", check=False)
    assert "CONFLICT (modify/delete): generated/dev/model.json" in merged.stdout

    def compile_all() -> None:
        driven.compile()
        (driven.folder / "generated/dev/model.json").unlink(missing_ok=True)

    finished = finish(driven.folder, compile_all)
    assert finished is not None
    assert not finished.committed
    driven.git("commit", "--quiet", "--no-edit")
    assert driven.is_compiled


def test_failed_compile_leaves_the_mark(driven: Repository) -> None:
    branches(driven, OURS, THEIRS)
    driven.git("merge", "--quiet", "theirs")
    before = driven.head

    def compile_all() -> None:
        raise MergeError("does not compile")

    with pytest.raises(MergeError, match="does not compile"):
        finish(driven.folder, compile_all)
    assert driven.head == before
    assert finish(driven.folder, driven.compile) is not None
    assert driven.is_compiled


def test_files_of_someone_else_do_not_get_into_the_merge(driven: Repository) -> None:
    branches(driven, OURS, THEIRS)
    driven.git("merge", "--quiet", "theirs")
    (driven.folder / "notes.txt").write_text("mine")
    driven.write(config_yaml="one: 5\n")
    with pytest.raises(MergeError, match=r"config\.yaml differ from the merge's commit"):
        finish(driven.folder, driven.compile)
    driven.git("checkout", "--quiet", "--", "config.yaml")
    finish(driven.folder, driven.compile)
    assert driven.status == ["?? notes.txt"]


def test_rebase_is_not_amended(driven: Repository) -> None:
    branches(driven, OURS, THEIRS)
    driven.git("rebase", "--quiet", "theirs")
    before = driven.head
    with pytest.raises(MergeError, match="HEAD is not a merge"):
        finish(driven.folder, driven.compile)
    assert driven.head == before


def test_aborted_merge_leaves_nothing_for_the_next_one(driven: Repository) -> None:
    branches(driven, "one: 2\n", "one: 3\n")
    driven.git("merge", "--quiet", "theirs", check=False)
    driven.git("merge", "--abort")
    compiled, head = driven.compiled, driven.head
    assert finish(driven.folder, driven.compile) is None
    driven.git("merge", "--quiet", "theirs", check=False)
    driven.git("merge", "--abort")
    # Fast-forward: HEAD is not where the aborted merge began, and no merge either.
    driven.git("reset", "--quiet", "--hard", "theirs")
    with pytest.raises(MergeError, match="HEAD is not a merge"):
        finish(driven.folder, driven.compile)
    assert finish(driven.folder, driven.compile) is None
    assert driven.compiled == compiled
    assert driven.head != head


def test_installation_configures_driver_and_hook(repository: Repository) -> None:
    hook = install(repository.folder)
    assert os.access(hook, os.X_OK)
    assert "merge-driver --finish" in hook.read_text()
    assert repository.git("config", "merge.lisa.driver").stdout.strip().endswith("merge-driver %O %A %B %P")
    assert install(repository.folder) == hook, "twice is no error"
    assert is_driven(repository.folder)
    (repository.folder / ".gitattributes").write_text("")
    assert not is_driven(repository.folder)


def test_hook_of_someone_else_is_kept(repository: Repository) -> None:
    hook = repository.folder / ".git/hooks/post-merge"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho mine\n")
    with pytest.raises(MergeError, match=r"post-merge exists\. Add this line to it: .*lisa.* merge-driver --finish"):
        install(repository.folder)
    assert hook.read_text() == "#!/bin/sh\necho mine\n"


@pytest.mark.parametrize("place", ["", "infra"])
def test_hook_finishes_a_merge(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """With a `lisa` on PATH whose compile is the stand-in: Git calls the driver, then the hook."""
    program = tmp_path / "bin/lisa"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        f"import sys\nsys.path[:0] = {[path for path in sys.path if path] + [str(Path(__file__).parents[3])]!r}\n"
        "from pathlib import Path\n"
        "from tests.compiler.ci.conftest import Repository\n"
        "from lisa_compiler.cli import merge_driver\n"
        "merge_driver._compile = lambda project: Repository(Path.cwd() / project).compile()\n"
        "from lisa_compiler.cli import main\nmain()\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    if place:
        for name in ("config.yaml", "generated"):
            (repository.folder / place).mkdir(exist_ok=True)
            (repository.folder / name).rename(repository.folder / place / name)
        (repository.folder / ".gitattributes").write_text("infra/generated/** -text merge=lisa\n")
        repository.commit("below")
        repository = Repository(repository.folder / place)
    install(repository.folder)
    branches(repository, OURS, THEIRS)
    merged = repository.git("merge", "--quiet", "theirs")
    assert "files added to the merge" in merged.stderr
    assert repository.is_compiled
    assert (repository.folder / "config.yaml").read_text() == MERGED
