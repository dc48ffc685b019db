"""What the container's script accepts as the weights that were staged: bytes with the digests of weights.json."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from containers.context import MODEL, Container, container
from containers.staged_weights import FILES, FIRST, SECOND, SERVED, digest, started
from containers.test_weights import SHARDS, on_disk


def test_content_of_the_same_size_is_refused_after_one_more_copy(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", FILES)
    made.stage(FILES | {SECOND: b"B" * 700})
    status, errors = made.run()
    assert status == 1
    assert errors.count(f"{SECOND} arrived with SHA-256") == 1
    last = errors.strip().splitlines()[-1]
    found, listed = (digest(content) for content in (b"B" * 700, b"b" * 700))
    assert f"{SECOND} has SHA-256 {found} in s3://models/{MODEL} and SHA-256 {listed} in weights.json" in last
    assert made.copied.count(SECOND) == 2
    assert not (made.model / SECOND).exists()
    assert not made.out(SERVED, "arguments").exists()


def test_a_file_that_changed_on_its_way_is_copied_again(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", FILES)
    made.stage(FILES)
    made.damage(SECOND)
    status, errors = made.run()
    assert status == 0, errors
    assert f"{SECOND} arrived with SHA-256 {digest(bytes(700))}" in errors
    assert on_disk(made.model) == FILES
    assert made.copied.count(SECOND) == 2


def test_a_file_that_changes_twice_on_its_way_is_not_served(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", FILES)
    made.stage(FILES)
    made.damage(FIRST, 2)
    assert made.run()[0] == 1
    assert FIRST not in on_disk(made.model)
    assert made.run()[0] == 0


def test_the_proof_names_digest_identity_and_path_of_each_file(tmp_path: Path) -> None:
    made = started(tmp_path)
    header, *lines = (made.model / ".lisa-weights").read_text().splitlines()
    assert header.startswith("lisa-weights 2 ")
    proved = {}
    for line in lines:
        facts, _, path = line.partition("\t")
        content, size, inode, _, _ = facts.split(" ")
        proved[path] = (content, int(size), int(inode))
    expected = {
        name: (digest(content), len(content), (made.model / name).stat().st_ino) for name, content in FILES.items()
    }
    assert proved == expected


def test_a_restart_reads_no_file(tmp_path: Path) -> None:
    made = started(tmp_path)
    read = {name: (made.model / name).stat().st_atime_ns for name in FILES}
    made.fake("openssl", '#!/bin/sh\necho hashed >>"$FAKE_OUT/hashed"\nexec /usr/bin/openssl "$@"\n')
    assert made.run()[0] == 0
    # One digest, of nothing, shows that openssl works.
    assert (tmp_path / "out" / "hashed").read_text().splitlines() == ["hashed"]
    assert {name: (made.model / name).stat().st_atime_ns for name in FILES} == read
    assert made.out(SERVED, "arguments").exists()


@pytest.mark.parametrize("times", ["new", "kept"])
def test_a_file_that_changed_on_the_disk_is_noticed_and_copied_again(tmp_path: Path, times: str) -> None:
    made = started(tmp_path)
    file = made.model / SECOND
    before = file.stat()
    with file.open("r+b") as stream:
        stream.write(b"X")
    if times == "kept":
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    status, errors = made.run()
    assert status == 0, errors
    assert f"removed {SECOND}" in errors
    assert on_disk(made.model) == FILES
    assert made.copied.count(SECOND) == 2
    assert made.copied.count(FIRST) == 1


def test_a_file_that_was_replaced_by_the_same_bytes_is_read_and_not_copied(tmp_path: Path) -> None:
    made = started(tmp_path)
    (made.model / SECOND).unlink()
    (made.model / SECOND).write_bytes(FILES[SECOND])
    assert made.run()[0] == 0
    assert made.copied.count(SECOND) == 1


def test_a_truncated_file_is_copied_again(tmp_path: Path) -> None:
    made = started(tmp_path)
    os.truncate(made.model / FIRST, 999)
    assert made.run()[0] == 0
    assert on_disk(made.model) == FILES


def test_a_link_in_place_of_a_file_is_replaced(tmp_path: Path) -> None:
    made = started(tmp_path)
    other = tmp_path / "other"
    other.write_bytes(FILES[FIRST])
    (made.model / FIRST).unlink()
    (made.model / FIRST).symlink_to(other)
    assert made.run()[0] == 0
    assert not (made.model / FIRST).is_symlink()
    assert on_disk(made.model) == FILES


def damaged_with_proof(made: Container, edit: str) -> None:
    """Change a file, and its line in the proof as someone might who wants it served."""
    (made.model / SECOND).write_bytes(b"X" * 700)
    proof = made.model / ".lisa-weights"
    text = proof.read_text()
    found = (made.model / SECOND).stat()
    listed, other = digest(FILES[SECOND]), digest(b"X" * 700)
    if edit == "digest":
        text = text.replace(listed, other)
    elif edit == "identity without change time":
        lines = [line for line in text.splitlines() if not line.endswith(SECOND)]
        time_of = f"{found.st_mtime_ns / 1e9:.10f}"
        lines.append(f"{listed} 700 {found.st_ino} {time_of} 0.0\t{SECOND}")
        text = "\n".join(lines) + "\n"
    elif edit == "garbage":
        text = text.partition("\n")[0] + "\n]]\x01$(touch x)`x`\t[\n" * 3
    elif edit == "cut":
        text = text[: len(text) // 2]
    elif edit == "path":
        text = text.replace(f"\t{SECOND}", f"\t{FIRST}")
    proof.write_text(text)


@pytest.mark.parametrize("edit", ["digest", "identity without change time", "garbage", "cut", "path"])
def test_an_edited_proof_proves_nothing(tmp_path: Path, edit: str) -> None:
    made = started(tmp_path)
    damaged_with_proof(made, edit)
    status, errors = made.run()
    assert status == 0, errors
    assert on_disk(made.model) == FILES


def test_a_proof_of_an_earlier_boot_is_not_trusted(tmp_path: Path) -> None:
    made = started(tmp_path)
    proof = made.model / ".lisa-weights"
    header, _, lines = proof.read_text().partition("\n")
    proof.write_text(f"{header[:-4]}beef\n{lines}")
    made.fake("openssl", '#!/bin/sh\necho hashed >>"$FAKE_OUT/hashed"\nexec /usr/bin/openssl "$@"\n')
    assert made.run()[0] == 0
    assert len((tmp_path / "out" / "hashed").read_text().splitlines()) == 1 + len(FILES)
    assert sorted(made.copied) == sorted(FILES)


def test_weights_of_an_older_lisa_are_verified_and_not_copied(tmp_path: Path) -> None:
    made = started(tmp_path)
    (made.model / ".lisa-weights").write_text("s3://models/org/name 0f -\n")
    assert made.run()[0] == 0
    assert sorted(made.copied) == sorted(FILES)


def test_another_list_keeps_the_files_that_it_has_too(tmp_path: Path) -> None:
    made = started(tmp_path)
    tuned = FILES | {SECOND: b"c" * 700}
    (tmp_path / "again").mkdir()
    again = container(tmp_path / "again", "tgi", tuned)
    again.stage(tuned)
    again.environment["LOCAL_MODEL_PATH"] = str(made.model)
    status, errors = again.run()
    assert status == 0, errors
    assert on_disk(made.model) == tuned
    assert again.copied == [SECOND]


def test_names_with_spaces_quotes_and_brackets(tmp_path: Path) -> None:
    files = FILES | {"a b/it's.json": b"1", '["x"] $(touch y) `z`.txt': b"2", "-n": b"3", "@": b"4", "*": b"5"}
    made = container(tmp_path, "tgi", FILES)
    made.stage(files)
    lines = [f"{name}\t{len(content)}\t{digest(content)}" for name, content in files.items()]
    (tmp_path / "context" / "weights.tsv").write_text("\n".join([f"# staged {MODEL}", *lines]) + "\n")
    for _ in range(2):
        status, errors = made.run()
        assert status == 0, errors
        assert on_disk(made.model) == files
    assert len(made.copied) == len(files)


def test_the_prefix_in_the_list_is_where_the_weights_are_copied_from(tmp_path: Path) -> None:
    prefix = f"{MODEL}/{'0' * 64}"
    made = container(tmp_path, "tgi", FILES)
    for name, content in FILES.items():
        path = tmp_path / "s3" / "models" / prefix / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    table = tmp_path / "context" / "weights.tsv"
    table.write_text(f"# staged {prefix}\n" + table.read_text().partition("\n")[2])
    status, errors = made.run()
    assert status == 0, errors
    assert on_disk(made.model) == FILES


@pytest.mark.parametrize("line", ["# staged org/name strict", "# verified org/name", "staged", ""])
def test_an_unknown_first_line_is_refused(tmp_path: Path, line: str) -> None:
    made = container(tmp_path, "tgi", FILES)
    made.stage(FILES)
    table = tmp_path / "context" / "weights.tsv"
    table.write_text(f"{line}\n" + table.read_text().partition("\n")[2])
    status, errors = made.run()
    assert status == 1
    assert "compile again" in errors
    assert not made.out(SERVED, "arguments").exists()


def test_staged_weights_without_a_digest_are_refused(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", FILES)
    made.stage(FILES)
    (tmp_path / "context" / "weights.tsv").write_text(f"# staged {MODEL}\nconfig.json\t2\t-\n")
    status, errors = made.run()
    assert status == 1
    assert "no SHA-256 digest of 'config.json'" in errors


def test_strict_refuses_unstaged_weights(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi")
    made.stage(SHARDS)
    (tmp_path / "context" / "weights.tsv").write_text(f"# unstaged {MODEL} strict\n")
    status, errors = made.run()
    assert status == 1
    assert "weights.strict is true" in errors
    assert made.copied == []
    assert not made.out(SERVED, "arguments").exists()


def test_unstaged_weights_that_changed_in_the_bucket_are_copied_again(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi")
    made.stage(SHARDS)
    assert made.run()[0] == 0
    tuned = SHARDS | {SECOND: b"c" * 700}
    made.stage(tuned)
    assert made.run()[0] == 0
    assert on_disk(made.model) == tuned
    assert made.copied.count(SECOND) == 2
    assert made.copied.count(FIRST) == 1


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", FILES)
    made.stage(FILES)
    made.environment["LOCAL_MODEL_PATH"] = "/proc/model"
    status, errors = made.run()
    assert status == 1
    assert "cannot write to /proc/model as user" in errors
    assert not made.out(SERVED, "arguments").exists()
