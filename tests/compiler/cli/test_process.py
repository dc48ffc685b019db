"""The command as a process: exit codes, what it imports, signals, pipes and odd surroundings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lisa_compiler
import lisa_schema

from .conftest import Lisa, Pipeline

PATH = os.pathsep.join(str(Path(next(iter(module.__path__))).parent) for module in (lisa_compiler, lisa_schema))
HEAVY = {"aws_cdk", "jsii", "cdk_nag", "constructs", "boto3", "botocore"}


def run(*arguments: str, cwd: Path, code: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["-c", code] if code else ["-m", "lisa_compiler"]
    return subprocess.run(
        [sys.executable, *command, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": PATH, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def imported_by(*arguments: str, cwd: Path) -> set[str]:
    """Packages that a command imports."""
    return {name.partition(".")[0] for name in modules_of(*arguments, cwd=cwd)}


def modules_of(*arguments: str, cwd: Path) -> set[str]:
    """Modules that a command imports."""
    code = (
        "import sys, atexit; atexit.register(lambda: print(*sys.modules, file=open('modules', 'w')))\n"
        "from lisa_compiler.cli import main; main()"
    )
    result = run(*arguments, cwd=cwd, code=code)
    assert result.returncode == 0, result.stderr
    return set((cwd / "modules").read_text().split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["compile", "--help"],
        ["deploy", "--help"],
        ["validate"],
        ["config"],
        ["stacks"],
        ["schema"],
        ["version"],
    ],
)
def test_looking_imports_neither_the_cdk_nor_aws(project: Path, arguments: list[str]) -> None:
    assert imported_by(*arguments, cwd=project) & HEAVY == set()


@pytest.mark.parametrize("arguments", [[], ["--env", "dev"], ["--all"], ["-edev", "--project=."]])
def test_unchanged_compile_imports_neither_pipeline_nor_models(
    project: Path, pipeline: Pipeline, lisa: Lisa, arguments: list[str]
) -> None:
    lisa("compile", *(arguments or ["--all"]))
    imported = modules_of("compile", *arguments, cwd=project)
    # pydantic itself is Typer's; the models are 150 ms of ours.
    assert {name.partition(".")[0] for name in imported} & {*HEAVY, "yaml", "jinja2", "jsonschema", "rich"} == set()
    own = {"lisa_schema.models", "lisa_weights", "lisa_compiler.compile.pipeline", "lisa_compiler.plan"}
    assert imported & own == set()


@pytest.mark.parametrize(("command", "module"), [("validate", "deploy"), ("stacks", "dev"), ("compile", "policy")])
def test_command_imports_no_module_of_other_commands(
    project: Path, pipeline: Pipeline, lisa: Lisa, command: str, module: str
) -> None:
    lisa("compile")
    assert f"lisa_compiler.cli.{module}" not in modules_of(command, cwd=project)


def test_a_mistake_in_the_command_line_is_2(project: Path) -> None:
    for arguments in (["--bad"], ["compile", "--format", "xml"], ["validate", "--project", "nowhere"], ["nonsense"]):
        result = run(*arguments, cwd=project)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr


def test_no_command_prints_the_help(project: Path) -> None:
    result = run(cwd=project)
    assert "compile" in result.stdout + result.stderr


def test_a_bug_is_one_paragraph_and_70(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    pipeline.failure = RuntimeError("wires\ncrossed")
    result = lisa("compile")
    assert result.code == 70
    assert result.err.startswith("internal error: RuntimeError: wires crossed\nThis is a bug in lisa ")
    assert "Traceback" not in result.err
    assert "Traceback" in lisa("--debug", "compile").err


def test_an_interrupt_is_130_and_quiet(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    pipeline.failure = KeyboardInterrupt()
    result = lisa("compile")
    assert (result.code, result.out, result.err) == (130, "", "")


def test_an_interrupt_by_signal(project: Path) -> None:
    code = (
        "import sys, types, time\n"
        "def wait(*_, **__): print('ready', flush=True); time.sleep(30)\n"
        "sys.modules['lisa_compiler.compile.pipeline'] = types.SimpleNamespace(compile_planned=wait)\n"
        "from lisa_compiler.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "compile"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": PATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, b"")


def test_a_reader_that_leaves_is_no_failure(project: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lisa_compiler", "schema"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": PATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(timeout=20) == 141


def test_a_terminal_without_unicode(project: Path) -> None:
    (project / "config.yaml").write_text((project / "config.yaml").read_text().replace("region:", "régïon:"), "utf-8")
    result = run("validate", cwd=project, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert result.returncode == 1
    assert "r\\xe9g\\xefon" in result.stderr


def test_environments_complete(project: Path) -> None:
    completing = {"_LISA_COMPLETE": "complete_bash", "COMP_WORDS": "lisa compile --env pr", "COMP_CWORD": "3"}
    code = "from lisa_compiler.cli import main; main()"
    assert run(cwd=project, code=code, **completing).stdout.split() == ["prod"]
    (project / "config.yaml").unlink()
    broken = run(cwd=project, code=code, **completing)
    assert (broken.stdout.strip(), broken.stderr) == ("", "")


def test_help_shows_examples_and_groups() -> None:
    text = run("compile", "--help", cwd=Path.cwd(), COLUMNS="120").stdout
    for expected in ("lisa compile --all --check", "ecsModels[mistral].deploy=false", "Configuration overrides"):
        assert expected in text
