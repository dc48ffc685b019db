"""The whole pipeline: what a change changes, and that nothing but the sources matters."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import TGI, Project

from lisa_compiler.compile.pipeline import compile_environment
from lisa_schema.errors import ConfigurationError

REPOSITORY = Path(__file__).parents[3]
SOURCES = ("compiler", "environments", "runtime", "schema", "sdk", "templates", "weights", "artifacts")


def model(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(dict(TGI)), **changes}


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def test_instance_type_of_one_model_changes_that_model_alone(project: Project) -> None:
    other = model(modelId="other", modelName="org/other")
    before = project.write(ecsModels=[model(), other]).compile().files
    after = project.write(ecsModels=[model(instanceType="g5.2xlarge"), other]).compile().files
    assert changed(dict(before), dict(after)) == {
        "SUMMARY.md",
        "cloudformation/manifest.json",
        "cloudformation/model-small.assets.json",
        "cloudformation/model-small.template.json",
        "fit.json",
    }
    lines = zip(before["SUMMARY.md"].splitlines(), after["SUMMARY.md"].splitlines(), strict=True)
    assert [b"small" in line for line, new in lines if line != new] == [True, True, False]


def test_removing_a_model_leaves_the_other_models_alone(project: Project) -> None:
    other = model(modelId="other", modelName="org/other")
    before = project.write(ecsModels=[model(), other]).compile().files
    after = project.write(ecsModels=[other]).compile().files
    assert not {path for path in changed(dict(before), dict(after)) if "other" in path}


def test_file_that_is_not_there_is_named_with_its_place(project: Project) -> None:
    container = {"image": {"type": "tarball", "path": "images/small.tar"}}
    with pytest.raises(ConfigurationError) as caught:
        project.write(ecsModels=[model(containerConfig=container)]).compile()
    diagnostic = caught.value.diagnostics[0]
    assert diagnostic.code == "LISA401"
    assert diagnostic.key_path == "ecsModels[0].containerConfig.image.path"
    assert diagnostic.origin is not None
    assert diagnostic.origin.line > 0


def compile_elsewhere(folder: Path, home: Path, **environment: str) -> dict[str, bytes]:
    """Compile a copy of the repository, at another path and in another environment, in a process of its own."""
    for name in SOURCES:
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    shutil.copy(REPOSITORY / "config.yaml", folder)
    home.mkdir()
    command = (
        f'umask {environment.pop("UMASK", "022")}; exec "$0" -m lisa_compiler compile --all --no-cache --project "$1"'
    )
    working = folder.parent if environment.pop("ELSEWHERE", "") else folder
    subprocess.run(
        ["bash", "-c", command, sys.executable, str(folder)],
        cwd=working,
        check=True,
        capture_output=True,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": os.pathsep.join(str(folder / name) for name in ("schema", "compiler", "weights")),
            **environment,
        },
    )
    generated = folder / "generated"
    return {
        path.relative_to(generated).as_posix(): path.read_bytes() + oct(path.stat().st_mode).encode()
        for path in sorted(generated.rglob("*"))
        if path.is_file() and ".lisa" not in path.parts
    }


def test_nothing_but_the_sources_matters(tmp_path: Path) -> None:
    here = compile_elsewhere(
        tmp_path / "a",
        tmp_path / "home-a",
        TZ="UTC",
        LANG="C",
        PYTHONHASHSEED="1",
    )
    there = compile_elsewhere(
        tmp_path / "another place with spaces" / "deeper",
        tmp_path / "home-b",
        TZ="Asia/Kathmandu",
        LANG="tr_TR.UTF-8",
        LC_ALL="tr_TR.UTF-8",
        PYTHONHASHSEED="4242",
        UMASK="077",
        ELSEWHERE="1",
        AWS_REGION="eu-west-1",
        AWS_PROFILE="somebody",
        CDK_DEFAULT_ACCOUNT="999999999999",
        CDK_CONTEXT_JSON='{"aws:cdk:enable-path-metadata": true}',
        USER="somebody",
    )
    assert here.keys() == there.keys()
    assert [path for path in here if here[path] != there[path]] == []


@pytest.mark.parametrize("environment", ["airgap", "dev", "prod"])
def test_generated_is_what_the_sources_compile_to(environment: str) -> None:
    committed = REPOSITORY / "generated" / environment
    files = compile_environment(REPOSITORY, environment).files
    stale = [path for path, content in files.items() if (committed / path).read_bytes() != content]
    assert stale == [], "run `lisa compile --all` and commit generated/"


def test_all_files_that_are_not_there_come_at_once(project: Project) -> None:
    container = {"image": {"type": "tarball", "path": "images/small.tar"}}
    layers = {"commonLayerPath": "layers/common.zip", "ragLayerPath": "layers/rag.zip"}
    with pytest.raises(ConfigurationError) as caught:
        project.write(
            ecsModels=[model(containerConfig=container)], lambdaLayerAssets=layers, webAppAssetsPath="dist"
        ).compile()
    assert [diagnostic.key_path for diagnostic in caught.value.diagnostics] == [
        "ecsModels[0].containerConfig.image.path",
        "lambdaLayerAssets.commonLayerPath",
        "lambdaLayerAssets.ragLayerPath",
        "webAppAssetsPath",
    ]
