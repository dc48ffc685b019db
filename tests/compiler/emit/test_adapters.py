"""LoRA adapters in LiteLLM's configuration, the chat application, the containers, the roles and SUMMARY.md."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.compiler.conftest import MINIMAL, Project, resources, templates
from tests.compiler.emit.cloudformation.test_inputs import inputs

from lisa_compiler.compile.emission import container_contexts
from lisa_compiler.emit.containers import emit_context
from lisa_compiler.emit.litellm import emit_litellm
from lisa_compiler.emit.summary import emit_summary
from lisa_compiler.emit.web import emit_web
from lisa_compiler.emit.weights import emit_weights
from lisa_compiler.fit.assessment import assess
from lisa_compiler.prices.table import load_prices
from lisa_weights.lock.lock_file import LockedFile, LockedModel, SourceKind, WeightsLock
from lisa_weights.lock.locked_adapter import LockedAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.plan import Deployment

    Planned = Callable[..., Deployment]

BASE = "org/small-model"


def hosted(*adapters: dict[str, str]) -> dict[str, Any]:
    (first,) = MINIMAL["ecsModels"]
    image = {"image": {"baseImage": "vllm/vllm-openai:v0.32.0"}}
    return {**first, "inferenceContainer": "vllm", "containerConfig": image, "adapters": list(adapters)}


@pytest.fixture
def deployment(planned: Planned) -> Deployment:
    return planned(ecsModels=[hosted({"name": "support", "weights": "acme/support-lora"}, {"name": "acme/legal"})])


def locked(name: str, adapter: LockedAdapter | None = None) -> LockedModel:
    file = "model.safetensors" if adapter is None else "adapter_model.safetensors"
    return LockedModel(
        kind=SourceKind.LOCAL,
        revision=None,
        files=(LockedFile(file, 2_000_000, "ab" * 32),),
        parameters=500_000,
        dtypes={"F32": 2},
        converter=0,
        adapter=adapter,
    ).with_prefix(name)


def lock(*, rank: int = 64, fits: bool = True) -> WeightsLock:
    base = locked(BASE)
    adapter = LockedAdapter(rank=rank, base_model=BASE, fits=(str(base.prefix),) if fits else ())
    return WeightsLock({BASE: base, "acme/support-lora": locked("acme/support-lora", adapter)})


def context(deployment: Deployment, lock: WeightsLock) -> dict[str, bytes]:
    (spec,) = (each for each in container_contexts(deployment, lock, b"") if each.weights is not None)
    return emit_context(spec, project=Path("/nowhere"))


def test_litellm_calls_the_server_of_the_base_by_the_name_of_the_adapter(deployment: Deployment) -> None:
    base, *adapters = yaml.safe_load(emit_litellm(deployment)["litellm/config.yaml"])["model_list"]
    assert [entry["model_name"] for entry in adapters] == ["support", "acme/legal"]
    for entry in adapters:
        assert entry["litellm_params"] == {**base["litellm_params"], "model": f"openai/{entry['model_name']}"}
        assert entry["model_info"] == base["model_info"]


def test_the_chat_application_and_the_deprecated_routes_list_adapters(deployment: Deployment) -> None:
    text = emit_web(deployment)["web/env.js"].decode()
    for name in ("small", "support", "acme/legal"):
        assert f'"model": "{name}"' in text
    assert [
        (one["modelName"], one["modelId"], one["provider"]) for one in inputs(deployment)["serve"].registered_models
    ] == [
        (BASE, "small", "ecs.textgen.vllm"),
        ("support", "support", "ecs.textgen.vllm"),
        ("acme/legal", "acme/legal", "ecs.textgen.vllm"),
    ]


def test_weights_json_has_adapters_only_where_there_are_some(deployment: Deployment, planned: Planned) -> None:
    found = json.loads(emit_weights(deployment, lock())["weights.json"])
    assert found["models"].keys() == {BASE}
    staged, unstaged = found["adapters"]["acme/support-lora"], found["adapters"]["acme/legal"]
    assert (staged["status"], staged["rank"], staged["baseModel"]) == ("staged", 64, BASE)
    assert staged["prefix"] == lock().models["acme/support-lora"].prefix
    assert (unstaged["status"], unstaged["files"]) == ("unstaged", [])
    assert "adapters" not in json.loads(emit_weights(planned(), WeightsLock())["weights.json"])


def test_container_has_a_list_of_each_adapter_and_starts_the_server_with_them(deployment: Deployment) -> None:
    files = context(deployment, lock())
    entry = lock().models["acme/support-lora"]
    expected = f"# staged {entry.prefix}\nadapter_model.safetensors\t2000000\t{'ab' * 32}\n"
    assert files["adapters/acme+support-lora.tsv"].decode() == expected
    assert files["adapters/acme+legal.tsv"] == b"# unstaged acme/legal\n"
    assert [one["name"] for one in json.loads(files["weights.json"])["adapters"]] == ["support", "acme/legal"]
    script = files["entrypoint.sh"].decode()
    assert "--enable-lora --max-loras 2 --max-lora-rank 64\n" in script
    assert "COPY adapters /opt/lisa/adapters\n" in files["Dockerfile"].decode()
    assert "!adapters\n" in files[".dockerignore"].decode()


@pytest.mark.parametrize(
    ("rank", "option"),
    [(16, ""), (17, " --max-lora-rank 32"), (65, " --max-lora-rank 128"), (512, " --max-lora-rank 512")],
)
def test_rank_is_raised_to_the_next_that_vllm_accepts(deployment: Deployment, rank: int, option: str) -> None:
    assert f"--max-loras 2{option}\n" in context(deployment, lock(rank=rank))["entrypoint.sh"].decode()


def test_many_adapters_share_eight_slots(planned: Planned) -> None:
    many = planned(ecsModels=[hosted(*({"name": f"adapter-{number}"} for number in range(20)))])
    assert "--max-loras 8 --max-cpu-loras 20\n" in context(many, WeightsLock())["entrypoint.sh"].decode()


def test_a_model_without_adapters_has_the_files_of_before(planned: Planned) -> None:
    files = context(planned(ecsModels=[hosted()]), WeightsLock())
    assert not any("adapter" in path for path in files)
    assert not any(b"lora" in files[path] or b"dapters" in files[path] for path in files if path != "fetch-weights.sh")


@pytest.mark.parametrize("script", ["entrypoint.sh", "fetch-weights.sh"])
def test_shellcheck_accepts_the_scripts(deployment: Deployment, tmp_path: Path, script: str) -> None:
    (tmp_path / script).write_bytes(context(deployment, lock())[script])
    program = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or "shellcheck"
    done = subprocess.run(
        [program, "--severity=style", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_plan_reads_the_weights_of_the_adapters(deployment: Deployment) -> None:
    (model,) = deployment.models
    assert model.weights_prefixes == (f"{BASE}/", "acme/support-lora/", "acme/legal/")


def summary(deployment: Deployment, entries: WeightsLock) -> str:
    assessment = assess(deployment.config, entries, load_prices(Path("nowhere")))
    return emit_summary(deployment, entries, {"Resources": {}}, assessment)["SUMMARY.md"].decode()


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        (lock(), "2.0 MB, rank 64; fits the base model"),
        (lock(fits=False), "2.0 MB, rank 64; **not compared with the base model**"),
        (WeightsLock(), "**not staged: content is not verified**"),
        (WeightsLock({"acme/support-lora": locked("acme/support-lora")}), "2.0 MB; **not an adapter**"),
    ],
)
def test_summary_lists_adapters(deployment: Deployment, entries: WeightsLock, text: str) -> None:
    found = summary(deployment, entries)
    assert "\n## Adapters\n\n| Adapter | Base model | Source | Weights |\n|---|---|---|---|\n" in found
    assert f"| support | small | acme/support-lora | {text} |\n" in found
    assert "can only read its prefix, and those of its adapters, of" in found


def test_summary_without_adapters_has_no_section(planned: Planned) -> None:
    found = summary(planned(), WeightsLock())
    assert "dapters" not in found


def test_role_of_the_model_reads_the_prefixes_of_its_adapters(tmp_path: Path) -> None:
    project = Project(tmp_path).write(ecsModels=[hosted({"name": "support", "weights": "acme/support-lora"})])
    (role,) = resources(templates(project.compile().files)["model-small"], "AWS::IAM::Role")
    (policy,) = (each for each in role["Properties"]["Policies"] if each["PolicyName"] == "weights")
    objects, listed = policy["PolicyDocument"]["Statement"]
    bucket = "arn:aws:s3:::test-models"
    assert objects["Resource"] == [f"{bucket}/{BASE}/*", f"{bucket}/acme/support-lora/*"]
    prefixes = [f"{BASE}/", f"{BASE}/*", "acme/support-lora/", "acme/support-lora/*"]
    assert listed["Condition"] == {"StringLike": {"s3:prefix": prefixes}}
