"""`serverArgs` on its way: from config.yaml through the task definition to the process that the entrypoint starts."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.compiler.conftest import TGI, resources, templates
from tests.containers.context import container
from tests.containers.test_server_arguments import HOSTILE, PRINTER, WEIGHTS


def task_of(compiled: Any) -> dict[str, Any]:
    (task,) = resources(templates(compiled.files)["model-small"], "AWS::ECS::TaskDefinition")
    definition = task["Properties"]["ContainerDefinitions"][0]
    assert isinstance(definition, dict)
    return definition


def test_a_task_without_arguments_has_no_command(compiled: Callable[..., Any]) -> None:
    assert "Command" not in task_of(compiled())


def test_arguments_reach_the_process_that_the_compiled_entrypoint_starts(
    compiled: Callable[..., Any], tmp_path: Path
) -> None:
    arguments = ["--otlp-service-name", *HOSTILE]
    model = {**copy.deepcopy(dict(TGI)), "serverArgs": arguments}
    found = compiled(ecsModels=[model])
    command = task_of(found)["Command"]
    assert command == arguments
    folder = tmp_path / "container"
    folder.mkdir()
    made = container(folder, "tgi", WEIGHTS)
    made.stage(WEIGHTS)
    made.fake("text-generation-launcher", PRINTER)
    # The entrypoint that was compiled, in place of the one that the test renders.
    (folder / "context" / "entrypoint.sh").write_bytes(found.files["containers/small/entrypoint.sh"])
    words = ["bash", str(folder / "context" / "entrypoint.sh"), *command]
    subprocess.run(words, env=made.environment, check=True, capture_output=True, cwd=folder, timeout=60)
    started = json.loads((folder / "out" / "argv.json").read_text(encoding="utf-8"))
    assert started[-len(arguments) :] == arguments
    assert not (folder / "hacked").exists()


def test_the_summary_shows_arguments_as_a_shell_reads_them(compiled: Callable[..., Any]) -> None:
    arguments = ["--seed", "1", "--hf-overrides", '{"a": "it\'s"}']
    text = compiled(ecsModels=[{**copy.deepcopy(dict(TGI)), "serverArgs": arguments}]).files["SUMMARY.md"].decode()
    assert "| small | `serverArgs` | `--seed 1 --hf-overrides '{\"a\": \"it'\\''s\"}'` |" in text
