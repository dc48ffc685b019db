"""`lisa weights …` on a project with one hosted model."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from lisa_compiler.cli.app import app
from lisa_compiler.cli.terminal import ExitCode
from lisa_weights.lock import lock_file as locks

MODEL = "org/small-model"


def weights(project: Path, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["weights", command, "--project", str(project), *arguments])


def prefix(project: Path) -> str:
    return locks.load(project / locks.LOCK_FILE).models[MODEL].location(MODEL)


def done(result: Result) -> None:
    assert result.exit_code == ExitCode.OK, result.output


def state(result: Result) -> dict[str, str]:
    assert result.exit_code == ExitCode.OK, result.output
    (row,) = json.loads(result.stdout)
    return {key: row[key] for key in ("local", "lock", "bucket")}
