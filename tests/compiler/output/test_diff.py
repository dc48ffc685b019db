"""What differs between the output and its sources, as git would show it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lisa_compiler.output.diff import FileChangeType, compare, summary, unified_diff
from lisa_compiler.output.write import write_environment

OLD = {"manifest.json": b"{}\n", "a.txt": b"one\ntwo\nthree\n", "gone.txt": b"x\n", "same": b"s", "logo.png": b"\0old"}
NEW = {
    "manifest.json": b"{ }\n",
    "a.txt": b"one\n2\nthree\n",
    "new.sh": b"#!/bin/sh\n",
    "same": b"s",
    "logo.png": b"\0new",
}


def diff(directory: Path, files: dict[str, bytes], limit: int = 400) -> list[str]:
    return list(unified_diff("generated/dev", compare(directory, files), limit=limit))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_environment(tmp_path / "generated", "dev", OLD)
    return tmp_path / "generated/dev"


def test_the_same_is_no_difference(directory: Path) -> None:
    assert compare(directory, OLD) == ()
    assert summary(()) == "no changes"


def test_new_changed_and_removed_with_the_manifest_last(directory: Path) -> None:
    changes = compare(directory, NEW)
    assert [(change.path, change.change) for change in changes] == [
        ("a.txt", FileChangeType.CHANGED),
        ("gone.txt", FileChangeType.REMOVED),
        ("logo.png", FileChangeType.CHANGED),
        ("new.sh", FileChangeType.NEW),
        ("manifest.json", FileChangeType.CHANGED),
    ]
    assert summary(changes) == "1 new, 3 changed, 1 removed"


def test_a_directory_that_does_not_exist_is_all_new(tmp_path: Path) -> None:
    assert summary(compare(tmp_path / "nothing", OLD)) == "5 new"


def test_unified_diff(directory: Path) -> None:
    assert diff(directory, NEW) == [
        "diff --git a/generated/dev/a.txt b/generated/dev/a.txt",
        "--- a/generated/dev/a.txt",
        "+++ b/generated/dev/a.txt",
        "@@ -1,3 +1,3 @@",
        " one",
        "-two",
        "+2",
        " three",
        "diff --git a/generated/dev/gone.txt b/generated/dev/gone.txt",
        "deleted file mode 100644",
        "--- a/generated/dev/gone.txt",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-x",
        "diff --git a/generated/dev/logo.png b/generated/dev/logo.png",
        "Binary files a/generated/dev/logo.png and b/generated/dev/logo.png differ",
        "diff --git a/generated/dev/new.sh b/generated/dev/new.sh",
        "new file mode 100755",
        "--- /dev/null",
        "+++ b/generated/dev/new.sh",
        "@@ -0,0 +1 @@",
        "+#!/bin/sh",
        "diff --git a/generated/dev/manifest.json b/generated/dev/manifest.json",
        "--- a/generated/dev/manifest.json",
        "+++ b/generated/dev/manifest.json",
        "@@ -1 +1 @@",
        "-{}",
        "+{ }",
    ]


def test_a_mode_alone(directory: Path) -> None:
    (directory / "a.txt").chmod(0o755)
    assert diff(directory, OLD) == [
        "diff --git a/generated/dev/a.txt b/generated/dev/a.txt",
        "old mode 100755",
        "new mode 100644",
    ]


def test_a_link_in_the_place_of_a_file(directory: Path) -> None:
    (directory / "a.txt").unlink()
    (directory / "a.txt").symlink_to("same")
    assert "not a regular file" in diff(directory, OLD)


def test_a_long_diff_is_cut_and_points_to_git(directory: Path) -> None:
    files = {**OLD, "long.txt": b"".join(b"%d\n" % number for number in range(1000))}
    lines = diff(directory, files, limit=50)
    assert len(lines) == 51
    assert lines[-1] == "… 955 more lines: compile and look at `git diff generated/dev`"


def test_a_huge_rewrite_is_only_counted(directory: Path) -> None:
    (directory / "a.txt").write_text("\n".join(f"a{number}" for number in range(100_000)))
    lines = diff(directory, {**OLD, "a.txt": "\n".join(f"b{number}" for number in range(90_000)).encode()})
    assert lines[-1] == "@@ 100000 lines become 90000 lines @@"


lines = st.lists(st.sampled_from(["a", "b", "c", "", "\r"]), max_size=12).map("\n".join)


@settings(max_examples=40, deadline=None)
@given(old=lines, new=lines)
def test_git_applies_the_diff(tmp_path_factory: pytest.TempPathFactory, old: str, new: str) -> None:
    root = tmp_path_factory.mktemp("apply")
    write_environment(root / "generated", "dev", {"manifest.json": b"", "f": old.encode()})
    found = diff(root / "generated/dev", {"manifest.json": b"", "f": new.encode()})
    if found:
        patch = "".join(f"{line}\n" for line in found).encode()
        subprocess.run(["git", "apply", "--unidiff-zero", "-"], cwd=root, input=patch, check=True, capture_output=True)
    assert (root / "generated/dev/f").read_bytes() == new.encode()


def test_what_the_cdk_cli_leaves_is_not_output(tmp_path: Path) -> None:
    assembly = tmp_path / "cloudformation"
    (assembly / ".cache").mkdir(parents=True)
    (assembly / ".cache" / "abc.zip").write_bytes(b"zip")
    (assembly / "read.1.1.lock").write_bytes(b"")
    (assembly / "manifest.json").write_bytes(b"{}")
    assert compare(tmp_path, {"cloudformation/manifest.json": b"{}"}) == ()
