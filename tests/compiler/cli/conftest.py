"""A small project, and a pipeline that is quick: the real load and validate, and a few files instead of stacks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from lisa_compiler.cli.app import app
from lisa_compiler.compile import inputs
from lisa_compiler.compile.planning import PlannedEnvironment

CONFIG = """\
env: dev
base:
  deploymentName: test
  accountNumber: "012345678901"
  region: us-east-1
  s3BucketModels: test-models
  deployChat: false
  deployUi: false
  authConfig:
    authority: https://idp.example.com
    clientId: lisa
    legacyTokens: false
  restApiConfig:
    instanceType: m5.large
    internetFacing: false
    containerConfig:
      image:
        baseImage: python:3.12-slim
        path: lib/serve/rest-api
    autoScalingConfig:
      metricConfig:
        AlbMetricName: RequestCountPerTarget
        targetValue: 1000
    loadBalancerConfig:
      sslCertIamArn: arn:aws:iam::012345678901:server-certificate/test
      healthCheckConfig:
        path: /health
dev:
  deploymentStage: dev
  removalPolicy: destroy
prod:
  deploymentName: live
  deploymentStage: prod
  removalPolicy: retain
"""


@dataclass
class Pipeline:
    """Replaces lisa_compiler.compile.pipeline; `compiled` has the environments that it was called for."""

    compiled: list[str] = field(default_factory=list)
    extra: dict[str, bytes] = field(default_factory=dict)
    failure: BaseException | None = None

    def compile_planned(
        self,
        planned: PlannedEnvironment,
        *,
        local_weights: Any = None,  # noqa: ARG002  # the signature of the real one
        lock: Any = None,
        progress: Callable[[str], None] | None = None,
        step: Any = None,  # noqa: ARG002
        stacks: Any = None,  # noqa: ARG002
    ) -> SimpleNamespace:
        if progress:
            progress("planning")
        if self.failure:
            raise self.failure
        environment, config = planned.environment, planned.environment.config
        self.compiled.append(environment.name)
        files = {
            "SUMMARY.md": f"{config.deployment_name} in {config.region}\n".encode(),
            "cloudformation/iam.template.json": b"{}\n",
            "containers/entrypoint.sh": b"#!/bin/sh\n",
            **self.extra,
        }
        return SimpleNamespace(
            environment=environment.name,
            files=files,
            products=SimpleNamespace(artifacts={}),
            config=config,
            diagnostics=environment.diagnostics,
            deployment=SimpleNamespace(stacks=("iam", "core")),
            lock=lock,
            locked=(),
            local_models={},
        )


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


Lisa = Callable[..., Result]


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    inputs.program_digest.cache_clear()  # the sources may be edited while the tests run
    fake = Pipeline()
    module = ModuleType("lisa_compiler.compile.pipeline")
    module.compile_planned = fake.compile_planned  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lisa_compiler.compile.pipeline", module)
    return fake


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def lisa() -> Lisa:
    runner = CliRunner()

    def run(*arguments: str) -> Result:
        result = runner.invoke(app, list(arguments), prog_name="lisa")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Result(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def no_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the templates out, which take seconds and have no part in this."""
    import lisa_compiler.emit.cloudformation.assembly as emitter

    templates = {"cloudformation/serve.template.json": b'{"Resources": {}}'}
    monkeypatch.setattr(emitter, "emit_cloudformation", lambda *_: templates)
