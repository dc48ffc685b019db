"""The AWS calls of the programs on instances are those that templates/instance/aws_calls.yaml declares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from tests.compiler.conftest import TGI, configuration

from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.emit.cloudformation.constructs.lifecycle import SERVING
from lisa_compiler.resources import templates_dir
from permissions.declared_calls import programs

from .instance_lifecycle import Instance

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled

SERVICES = {
    "CompleteLifecycleAction": "autoscaling",
    "DescribeTargetHealth": "elasticloadbalancing",
    "SignalResource": "cloudformation",
    "UpdateContainerInstancesState": "ecs",
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    import yaml

    folder = tmp_path_factory.mktemp("project")
    (folder / "config.yaml").write_text(yaml.safe_dump({"env": "dev", "dev": configuration(ecsModels=[dict(TGI)])}))
    return compile_environment(folder, None)


def test_programs_call_what_is_declared(compiled: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = Instance(compiled, tmp_path, "models", SERVING)
    instance.services.lifecycle = ["InService"] * 5 + ["Terminated"]
    instance.run(monkeypatch)
    called = {f"{SERVICES[action]}:{action}" for action, _ in instance.services.calls}
    (program,) = (one for one in programs() if one.name == "instance")
    assert called | {bundle_call(tmp_path, monkeypatch)} == {one.call for one in program.calls if one.is_recorded}


def bundle_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What trust-bundle.py calls: a signed request for an object is IAM's s3:GetObject."""
    import runpy

    program = templates_dir() / "instance" / "trust-bundle.py"
    monkeypatch.syspath_prepend(program.parent)
    monkeypatch.setenv("DIRECTORY", str(folder))
    requests = Mock(call=Mock(side_effect=InterruptedError))
    monkeypatch.setitem(__import__("sys").modules, "aws_requests", requests)
    fetch = runpy.run_path(str(program))["_fetch"]
    monkeypatch.setitem(fetch.__globals__, "ATTEMPTS", 1)
    with pytest.raises(SystemExit):
        fetch("https://bucket.s3.us-east-1.amazonaws.com/key.zip", "us-east-1", "0" * 64)
    ((method, _),) = (one.args for one in requests.call.call_args_list)
    return {"GET": f"{requests.call.call_args.kwargs['service']}:GetObject"}[method]
