"""`lisa compile` with LoRA adapters and with models whose files are not those of the locked commit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.compiler.conftest import MINIMAL, configuration

from weights.adapter_files import ADAPTER, BASE, adapter, base
from weights.model_files import single, write

from .conftest import Lisa

pytestmark = pytest.mark.usefixtures("no_stacks")
COMMIT = "c" * 40


def write_configuration(folder: Path, **changes: Any) -> None:
    (first,) = MINIMAL["ecsModels"]
    image = {"image": {"baseImage": "vllm/vllm-openai:v0.32.0"}}
    hosted = {**first, "modelName": BASE, "inferenceContainer": "vllm", "containerConfig": image}
    hosted |= {"adapters": [{"name": "support", "weights": ADAPTER}], **changes}
    amis = {"amiId": "ami-0123456789abcdef0", "gpuAmiId": "ami-0123456789abcdef1"}
    content = {"env": "dev", "dev": configuration(amiConfig=amis, ecsModels=[hosted])}
    (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_configuration(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place(project: Path, text: str) -> str:
    lines = (project / "config.yaml").read_text().splitlines()
    return f"config.yaml:{next(number for number, line in enumerate(lines, 1) if text in line)}:"


def lock() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("weights.lock.json").read_bytes())["models"]
    return found


def test_adapter_and_base_are_locked_compared_and_checked_without_their_files(lisa: Lisa, project: Path) -> None:
    write(Path("models", BASE), base())
    write(Path("models", ADAPTER), adapter())
    result = lisa("compile", "--strict")
    assert result.code == 0, result.err
    assert lock()[ADAPTER]["adapter"] == {"rank": 4, "baseModel": BASE, "fits": [lock()[BASE]["prefix"]]}
    assert "rank 4; fits the base model" in Path("generated/dev/SUMMARY.md").read_text()
    Path("models").rename("elsewhere")
    assert lisa("compile", "--strict", "--check").code == 0


def test_adapter_that_is_nowhere_is_a_warning_at_its_key(lisa: Lisa, project: Path) -> None:
    write(Path("models", BASE), base())
    result = lisa("compile")
    assert result.code == 0
    assert place(project, ADAPTER) in result.err
    assert "warning LISA402" in result.err
    assert f"The weights of {ADAPTER} are not staged" in result.err
    assert "key: ecsModels[0].adapters[0].weights" in result.err


def test_strict_weights_include_adapters(lisa: Lisa, project: Path) -> None:
    text = (project / "config.yaml").read_text() + "  weights: {strict: true}\n"
    (project / "config.yaml").write_text(text)
    write(Path("models", BASE), base())
    result = lisa("compile")
    assert result.code == 1
    assert f"error LISA408 [weights-required] The weights of {ADAPTER} are not staged" in " ".join(result.err.split())


def test_adapter_that_was_never_compared_is_a_warning(lisa: Lisa, project: Path) -> None:
    write(Path("models", BASE), base())
    assert lisa("compile").code == 0
    Path("models").rename("elsewhere")
    write(Path("models", ADAPTER), adapter())
    result = lisa("compile")
    assert result.code == 0
    assert "warning LISA416 [adapter-uncompared]" in result.err
    assert f"Whether the adapter {ADAPTER} fits {BASE} is unknown" in result.err
    assert "Run `lisa weights download --env dev`, then `lisa compile --env dev`" in " ".join(result.err.split())
    assert "**not compared with the base model**" in Path("generated/dev/SUMMARY.md").read_text()


def test_adapter_of_another_architecture_is_an_error(lisa: Lisa, project: Path) -> None:
    write(Path("models", BASE), base(layers=1))
    write(Path("models", ADAPTER), adapter())
    result = lisa("compile")
    assert result.code == 1
    assert "error LISA417 [adapter-misfit]" in result.err
    assert f"models/{ADAPTER} cannot be used: it does not fit {BASE}" in result.err
    assert place(project, ADAPTER) in result.err


@pytest.mark.parametrize(
    ("stated", "warned"),
    [
        (BASE, False),
        ("/data/models/Base-Model/", False),
        ("other-org/base-model", False),
        (None, False),
        ("acme/other-model", True),
    ],
)
def test_other_base_model_is_a_warning(lisa: Lisa, project: Path, stated: str | None, warned: bool) -> None:
    write(Path("models", BASE), base())
    write(Path("models", ADAPTER), adapter(base_model_name_or_path=stated))
    result = lisa("compile")
    assert result.code == 0
    assert ("warning LISA414 [adapter-base]" in result.err) is warned
    if warned:
        assert f"states the base model {stated}, and is listed under {BASE}" in result.err


def test_model_among_the_adapters_and_adapter_among_the_models(lisa: Lisa, project: Path) -> None:
    write(Path("models", BASE), adapter())
    write(Path("models", ADAPTER), base())
    result = lisa("compile")
    assert result.code == 1
    assert result.err.count("error LISA415 [adapter-kind]") == 2
    assert f"{BASE} is a LoRA adapter, of {BASE}, not a model." in result.err
    assert f"{ADAPTER} is a model, not a LoRA adapter." in result.err


def locked_from_the_hub(project: Path) -> bytes:
    """Lock a local model as a commit of the Hub, as `lisa weights fetch` does."""
    content = json.loads(Path("weights.lock.json").read_bytes())
    content["models"][BASE]["source"] = {"kind": "hub", "revision": COMMIT}
    Path("weights.lock.json").write_text(json.dumps(content, indent=2) + "\n")
    return Path("weights.lock.json").read_bytes()


def test_changed_files_of_a_locked_commit_are_refused(lisa: Lisa, project: Path) -> None:
    write_configuration(project, adapters=[])
    write(Path("models", BASE), single())
    assert lisa("compile").code == 0
    before = locked_from_the_hub(project)
    assert lisa("compile").code == 0
    assert Path("weights.lock.json").read_bytes() == before
    write(Path("models", BASE), {"config.json": b'{"a": 1}'})
    result = lisa("compile")
    assert result.code == 1
    assert "error LISA413 [weights-changed]" in result.err
    assert f"other content than commit {COMMIT}, which weights.lock.json has: config.json has SHA-256" in result.err
    fix = f"Restore it with `lisa weights fetch {BASE} --revision {COMMIT}`, or lock the content as a local model with"
    assert f"{fix} `lisa compile --env dev --relock`" in " ".join(result.err.split())
    assert Path("weights.lock.json").read_bytes() == before
    assert lisa("compile", "--relock", "--check").code == 2
    assert lisa("compile", "--relock").code == 0
    assert lock()[BASE]["source"] == {"kind": "local", "revision": None}
    assert lisa("compile", "--check").code == 0


def test_files_that_the_locked_commit_did_not_have_are_refused(lisa: Lisa, project: Path) -> None:
    write_configuration(project, adapters=[])
    write(Path("models", BASE), single())
    assert lisa("compile").code == 0
    before = locked_from_the_hub(project)
    write(Path("models", BASE), {"modeling_own.py": b"import os"})
    result = lisa("compile")
    assert result.code == 1
    assert "modeling_own.py is not in the lock file" in result.err
    assert Path("weights.lock.json").read_bytes() == before
