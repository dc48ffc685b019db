"""Old checkpoints through the product to the program that serves them: the answers are those of the checkpoints.

`lisa weights stage` converts, locks and uploads all checkpoints to a real S3, `lisa compile` emits an environment that
hosts them, and the scripts of its containers bring each to a disk and start its server. A row is a line in
loader_rows.py and a model in pytorch/architectures.py. In ordinary runs the containers of three rows, which stand for
the layouts of tensors, start the real `vllm serve`; the other rows share two processes. `make check-loaders` starts it
for every row of vLLM.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.compiler.conftest import TGI, configuration
from typer.testing import CliRunner

import parts
from lisa_compiler.cli.app import app
from weights import generated_containers, seaweedfs
from weights.generated_containers import GeneratedContainer
from weights.loader_rows import PROMPT, ROWS, Loader, Row

BUCKET = "models-of-loaders"
SECONDS = 1800
TOKENS = 8
TOLERANCE = 1e-3
"""Of log probabilities and embeddings; tokens are whole numbers."""

Answers = Mapping[str, list[float] | str]


def with_pytorch(action: str, directory: Path, names: list[str]) -> Answers:
    program = parts.ROOT / "tests/weights/pytorch/loaders.py"
    done = subprocess.run(
        [parts.PYTORCH / "bin/python", "-P", str(program), action, str(directory), *names],
        env=parts.pytorch_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: Answers = json.loads(done.stdout.splitlines()[-1])
    return found


def hosted(name: str, row: Row) -> dict[str, Any]:
    """The model of a row in the configuration."""
    variables = {"DTYPE": "float32", "MAX_TOTAL_TOKENS": "64", "SERVER_ARGS": "--enforce-eager"}
    container: dict[str, Any] = {"image": {"baseImage": f"{row.container}:1"}}
    if row.container == "vllm":
        container["environment"] = variables
    kind = {"modelType": "embedding"} if row.embeds else {"modelType": "textgen", "streaming": True}
    common = {key: TGI[key] for key in ("instanceType", "autoScalingConfig", "loadBalancerConfig")}
    names = {"modelName": f"small/{name}", "modelId": name, "inferenceContainer": row.container}
    return {**common, **names, **kind, "containerConfig": container}


def lisa(*arguments: str) -> None:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answers]:
    """The checkpoints, and what transformers answers from their `.bin` files."""
    if not parts.pytorch().is_installed:
        pytest.skip("PyTorch, transformers and vLLM are not installed: `make weights-parts`")
    directory = tmp_path_factory.mktemp("checkpoints")
    return directory, with_pytorch("build", directory, list(ROWS))


@pytest.fixture(scope="module")
def containers(
    tmp_path_factory: pytest.TempPathFactory, store: seaweedfs.Store, expected: tuple[Path, Answers]
) -> Mapping[str, GeneratedContainer]:
    """The containers of an environment that hosts the checkpoints, which are only in its bucket."""
    root = tmp_path_factory.mktemp("project")
    store.do("mb", f"s3://{BUCKET}")
    models = [hosted(name, row) for name, row in ROWS.items()]
    text = yaml.safe_dump({"env": "dev", "dev": configuration(s3BucketModels=BUCKET, ecsModels=models)})
    (root / "config.yaml").write_text(text, encoding="utf-8")
    shutil.copytree(expected[0], root / "models" / "small")
    with pytest.MonkeyPatch.context() as patch:
        for key, value in seaweedfs.OWNER.items():
            patch.setenv(key, value)
        lisa("weights", "stage", "--yes", "--project", str(root), "--endpoint-url", store.endpoint_url)
        shutil.rmtree(root / "models")
        lisa("compile", "--project", str(root))
    made = tmp_path_factory.mktemp("instances")
    generated = root / "generated/dev"
    return {name: generated_containers.read(generated, name.replace("-", ""), made / name, store) for name in ROWS}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, containers: Mapping[str, GeneratedContainer]) -> Answers:
    """What the loaders answer that read the disks of the containers whose server is not started."""
    disks = tmp_path_factory.mktemp("disks")
    found: dict[str, list[float] | str] = {}
    for loader in (Loader.ENGINE, Loader.TRANSFORMERS):
        names = [name for name, row in ROWS.items() if row.loader is loader]
        for name in names:
            arguments = containers[name].record(ROWS[name].container)
            assert str(containers[name].model) in arguments
            assert not list(containers[name].model.rglob("*.bin"))
            (disks / name).symlink_to(containers[name].model)
        found |= with_pytorch(loader, disks, names) if names else {}
    return found


def assert_equal(found: list[float] | str, expected: list[float] | str) -> None:
    assert isinstance(expected, list), expected
    assert isinstance(found, list), found
    assert len(found) == len(expected)
    assert found == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.loader is not Loader.SERVER])
def test_loader_answers_from_the_disk_of_the_container_as_the_checkpoint(
    name: str, expected: tuple[Path, Answers], read: Answers
) -> None:
    assert_equal(read[name], expected[1][name])


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.loader is Loader.SERVER])
def test_container_of_vllm_answers_as_the_checkpoint(
    name: str, expected: tuple[Path, Answers], containers: Mapping[str, GeneratedContainer]
) -> None:
    model = {"model": f"small/{name}"}
    with containers[name].serving() as url:
        if ROWS[name].embeds:
            body = generated_containers.post(f"{url}/v1/embeddings", model | {"input": PROMPT})
            found = body["data"][0]["embedding"]
        else:
            sampling = {"temperature": 0, "max_tokens": TOKENS, "ignore_eos": True}
            options = {"return_token_ids": True, "logprobs": 0}
            body = generated_containers.post(
                f"{url}/v1/completions", {**model, **sampling, **options, "prompt": PROMPT}
            )
            choice = body["choices"][0]
            found = [*choice["token_ids"], *choice["logprobs"]["token_logprobs"]]
    assert_equal(found, expected[1][name])
