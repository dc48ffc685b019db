"""The cache of synthesized stacks: what hits, what misses, and that the output is the same with and without it."""

from __future__ import annotations

import copy
import os
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import MINIMAL, TGI, Project

from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.compile.stack_cache import DIRECTORY_VARIABLE, StackCache, stack_cache
from lisa_compiler.emit.cloudformation import assembly
from lisa_compiler.emit.cloudformation.protocol import Job, StackOutput, Synthesized
from lisa_compiler.emit.cloudformation.runtime import workers

Changes = dict[str, Any]

DIGEST = "0" * 64
FRAME = {"version": "1", "artifacts": {}}


def output(component: str = "core", text: str = "{}") -> StackOutput:
    files = {f"{component}.template.json": text.encode()}
    return StackOutput(component=component, artifact=component, files=files, artifacts={component: {"type": "x"}})


@pytest.fixture
def cache(tmp_path: Path) -> StackCache:
    return StackCache(tmp_path / "cache", "f" * 64)


class Recorder:
    """Counts the stacks that are really synthesized."""

    def __init__(self) -> None:
        self.components: list[str] = []

    def synthesize(self, jobs: list[Job]) -> list[Synthesized]:
        self.components += [stack.component for job in jobs for stack in job.stacks]
        return workers().synthesize(jobs)


@pytest.fixture
def synthesized(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    recorder = Recorder()
    monkeypatch.setattr(assembly, "workers", lambda: recorder)
    return recorder.components


def test_saved_outputs_are_loaded(cache: StackCache) -> None:
    assert cache.load([DIGEST]) == ({}, None)
    cache.save({DIGEST: output()}, FRAME)
    assert cache.load([DIGEST, "1" * 64]) == ({DIGEST: output()}, FRAME)


def test_another_version_of_lisa_has_other_entries(cache: StackCache) -> None:
    cache.save({DIGEST: output()}, FRAME)
    assert replace(cache, program="e" * 64).load([DIGEST]) == ({}, None)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda _: b"", lambda data: data[:40] + b"x" + data[41:]])
def test_damaged_entry_is_removed(cache: StackCache, damage: Callable[[bytes], bytes]) -> None:
    cache.save({DIGEST: output()}, FRAME)
    (path,) = cache.directory.glob(f"*/{DIGEST}.stack")
    path.write_bytes(damage(path.read_bytes()))
    assert cache.load([DIGEST]) == ({}, FRAME)
    assert not path.exists()


def test_entry_under_the_name_of_another_is_not_used(cache: StackCache) -> None:
    cache.save({DIGEST: output()}, FRAME)
    (path,) = cache.directory.glob(f"*/{DIGEST}.stack")
    path.rename(path.with_name(f"{'1' * 64}.stack"))
    assert cache.load(["1" * 64]) == ({}, FRAME)


def test_entries_that_were_used_longest_ago_are_removed(cache: StackCache) -> None:
    noise = random.Random(1)
    size = 10_000
    small = replace(cache, limit_bytes=10 * size)
    for number in range(40):
        text = "".join(noise.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=2 * size))
        small.save({f"{number:064}": output(text=text)}, FRAME)
        os.utime(next(small.directory.glob(f"*/{number:064}.stack")), ns=(number * 10**9, number * 10**9))
    kept = sorted(int(path.stem) for path in small.directory.glob("*/*.stack") if path.stem != "frame")
    assert kept == list(range(kept[0], 40))
    assert sum(path.stat().st_size for path in small.directory.glob("*/*")) <= small.limit_bytes


def test_writers_at_the_same_time_leave_whole_entries(cache: StackCache) -> None:
    outputs = {f"{number:064}": output(text=str(number) * 1000) for number in range(30)}
    threads = [threading.Thread(target=cache.save, args=(outputs, FRAME)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.load(list(outputs)) == (outputs, FRAME)
    assert [path for path in cache.directory.glob("*/*") if path.suffix != ".stack"] == []


def test_directory_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    StackCache(tmp_path / "file", "f" * 64).save({DIGEST: output()}, FRAME)


def test_verification_uses_only_a_directory_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
    found = stack_cache(tmp_path)
    assert found is not None
    assert found.directory == tmp_path / ".lisa" / "stacks"
    assert stack_cache(tmp_path, verifying=True) is None
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "kept"))
    named = stack_cache(tmp_path, verifying=True)
    assert named is not None
    assert named == stack_cache(tmp_path)
    assert named.directory == tmp_path / "kept"


def test_nothing_is_synthesized_when_all_stacks_are_known(
    project: Project, cache: StackCache, synthesized: list[str]
) -> None:
    first = compile_environment(project.folder, None, stacks=cache)
    assert len(synthesized) == len(first.deployment.stacks)
    synthesized.clear()
    assert compile_environment(project.folder, None, stacks=cache).files == first.files
    assert synthesized == []


def test_changed_model_is_synthesized_alone(project: Project, cache: StackCache, synthesized: list[str]) -> None:
    other = {**copy.deepcopy(dict(TGI)), "modelId": "other", "modelName": "org/other"}
    project.write(ecsModels=[dict(TGI), other])
    compile_environment(project.folder, None, stacks=cache)
    synthesized.clear()
    project.write(ecsModels=[{**TGI, "instanceType": "g5.2xlarge"}, other])
    compile_environment(project.folder, None, stacks=cache)
    assert synthesized == ["model-small"]


def test_gateway_is_synthesized_without_the_models(project: Project, cache: StackCache, synthesized: list[str]) -> None:
    compile_environment(project.folder, None, stacks=cache)
    synthesized.clear()
    rest_api = {**copy.deepcopy(dict(MINIMAL["restApiConfig"])), "instanceType": "m5.xlarge"}
    project.write(restApiConfig=rest_api)
    compile_environment(project.folder, None, stacks=cache)
    assert "serve" in synthesized
    assert "model-small" not in synthesized


def _rest_api(**changes: Any) -> Changes:
    return {"restApiConfig": {**copy.deepcopy(dict(MINIMAL["restApiConfig"])), **changes}}


def _model(number: int, **changes: Any) -> Changes:
    return {**copy.deepcopy(dict(TGI)), "modelId": f"m{number}", "modelName": f"org/m{number}", **changes}


def _environment(value: str) -> Changes:
    return {**TGI["containerConfig"], "environment": {"MAX_INPUT_LENGTH": value}}


SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:own-AbCdEf"
DATABASE = {"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "lisa"}}
EDITS: tuple[Callable[[random.Random], Changes], ...] = (
    lambda pick: {"ecsModels": [_model(number) for number in range(pick.randint(0, 3))]},
    lambda pick: {"ecsModels": [_model(1, instanceType=pick.choice(["g5.2xlarge", "g6.xlarge"])), _model(2)]},
    lambda pick: {"ecsModels": [_model(1, containerConfig=_environment(str(pick.randint(1, 4))))]},
    lambda _: {"ecsModels": [_model(1, containerConfig=_environment(SECRET)), _model(2)]},
    lambda _: {"ecsModels": [_model(1, loadBalancerConfig={**TGI["loadBalancerConfig"], "domainName": "m.test"})]},
    lambda pick: _rest_api(instanceType=pick.choice(["m5.xlarge", "m5.2xlarge"])),
    lambda pick: _rest_api(internetFacing=pick.choice([True, False])),
    lambda pick: {"logLevel": pick.choice(["DEBUG", "ERROR"])},
    lambda pick: {"removalPolicy": pick.choice(["retain", "destroy"])},
    lambda pick: {"deploymentStage": pick.choice(["dev", "beta"])},
    lambda pick: {"deploymentPrefix": pick.choice(["/one/lisa", "/two/lisa"])},
    lambda pick: {"tags": [{"key": "team", "value": pick.choice(["a", "b"])}]},
    lambda pick: {"authConfig": {"authority": "https://idp.example.com", "clientId": pick.choice(["lisa", "other"])}},
    lambda pick: {"deployRag": True, "ragRepositories": [DATABASE] * pick.randint(0, 1)},
    lambda _: {"deployChat": False, "deployUi": False},
    lambda pick: {"lambdaConfig": {"pythonRuntime": pick.choice(["PYTHON_3_12", "PYTHON_3_13"])}},
    lambda pick: {"permissionsBoundaryAspect": {"permissionsBoundaryPolicyName": pick.choice(["edge", "rim"])}},
    lambda pick: {"accountNumbersEcr": [pick.choice(["111111111111", "222222222222"])]},
    lambda pick: {"stackSynthesizer": pick.choice(["CliCredentialsStackSynthesizer", "LegacyStackSynthesizer"])},
    lambda pick: {"s3BucketModels": pick.choice(["models-one", "models-two"])},
    lambda pick: {"region": pick.choice(["eu-west-1", "us-gov-west-1"])},
    lambda pick: {
        "litellmConfig": {
            "model_list": [
                {"model_name": "claude", "litellm_params": {"model": f"bedrock/anthropic.claude-{pick.randint(2, 3)}"}}
            ]
        }
    },
)


@pytest.mark.parametrize("seed", range(3))
def test_output_is_the_same_with_and_without_the_cache(project: Project, cache: StackCache, seed: int) -> None:
    """Keys are changed at random, one after the other, and some of them back; the cache is kept all the time."""
    pick = random.Random(seed)
    changes: Changes = {}
    for _ in range(6):
        edit = pick.choice(EDITS)(pick)
        changes = edit if pick.random() < 0.2 else {**changes, **edit}
        project.write(**changes)
        cached = compile_environment(project.folder, None, stacks=cache).files
        uncached = compile_environment(project.folder, None).files
        assert [path for path in cached.keys() | uncached.keys() if cached.get(path) != uncached.get(path)] == [], edit
