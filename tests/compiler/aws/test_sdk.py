"""boto3 is an extra: without it, the commands that need AWS say how to install it, and the others work."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from lisa_compiler.aws.errors import DeployError

ROOT = Path(__file__).parents[3]
WITHOUT_BOTO3 = """
import sys
sys.modules["boto3"] = sys.modules["botocore"] = None
from lisa_compiler.cli import main
main()
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT_BOTO3, *arguments, "--project", str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_without_boto3_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "lisa_compiler.aws.sdk", raising=False)
    with pytest.raises(DeployError, match=r"Install it with `pip install 'lisa-gitops\[aws\]'`"):
        importlib.import_module("lisa_compiler.aws.sdk")


@pytest.mark.parametrize(
    "arguments",
    [
        ("vpc", "describe", "--env", "dev"),
        ("proposals", "list", "--env", "dev"),
        ("artifacts", "list", "--env", "dev"),
        ("plan", "--env", "dev"),
        ("doctor", "--env", "dev"),
        ("verify", "--env", "dev"),
    ],
    ids=" ".join,
)
def test_commands_that_need_aws_name_the_extra(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stderr.count("lisa-gitops[aws]")) == (1, 1), result.stderr


@pytest.mark.parametrize("module", ["deploy.preflight", "artifacts.artifact_store"])
def test_modules_of_commands_that_can_work_offline_need_no_boto3(module: str) -> None:
    code = f"import sys; sys.modules['boto3'] = sys.modules['botocore'] = None; import lisa_compiler.{module}"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("artifacts", "list", "--env", "dev", "--offline"), ("stacks", "--env", "dev")],
    ids=" ".join,
)
def test_commands_without_aws_need_no_boto3(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode == 0, result.stderr
