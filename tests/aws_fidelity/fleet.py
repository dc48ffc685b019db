"""The services behind the load balancer: what is compiled for them, and the programs of their images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from tests.compiler.conftest import TGI, configuration

import parts
from aws_fidelity.emitted_task import HOST, EmittedTask, RunningTask, emitted_task, running_task
from containers.context import FAKE_S5CMD
from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.plan.outputs import LITELLM_CONFIGURATION, ROUTES

WRITER = "org/writer"
EMBEDDER = "org/embedder"
MODEL_KEY = "key-of-a-model"
"""What Secrets Manager has for each model, in place of a generated key."""
SERVICES = ("rest-api", "vllm", "instructor")

_WORDS = {word: number for number, word in enumerate(("<s>", "</s>", "<unk>", *(f"w{n}" for n in range(253))))}
_LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": len(_WORDS),
    "hidden_size": 128,
    "intermediate_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "torch_dtype": "float32",
}
_TOKENIZER = {
    "version": "1.0",
    "added_tokens": [],
    "pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "vocab": _WORDS, "unk_token": "<unk>"},
}
_WEIGHTS: Mapping[str, Mapping[str, Any]] = {
    WRITER: {
        "config.json": _LLAMA,
        "tokenizer.json": _TOKENIZER,
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>"},
        "model.safetensors": "vLLM runs with --load-format dummy",
    },
    EMBEDDER: {"model.safetensors": "the stand-in reads none"},
}

# sentence-transformers is not installed with the tests: the server is what they are about.
_SENTENCE_TRANSFORMERS = """
import time

class Vectors(list):
    def tolist(self):
        return list(self)

class SentenceTransformer:
    def __init__(self, path, **options):
        self.tokenizer = lambda texts: {"input_ids": [[0]] * len(texts)}

    def set_pooling_include_prompt(self, *, include_prompt):
        pass

    def encode(self, texts, **options):
        time.sleep(8 if "slowly" in texts else 0)
        return Vectors([0.0, 1.0] for _ in texts)
"""


def compiled(folder: Path, *, model_port: int, **gateway: str) -> dict[str, bytes]:
    """Compile an environment with the three services.

    Args:
        folder: where the configuration is written.
        model_port: port of the external model that the gateway's LiteLLM calls.
        gateway: variables of the gateway's container.
    """
    vllm = _model("writer", WRITER, "vllm", "lib/serve/ecs-model/vllm", {"modelType": "textgen", "streaming": True})
    vllm["containerConfig"]["environment"] = {
        "SERVER_ARGS": "--dtype float32 --enforce-eager --max-model-len 2048 --load-format dummy",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    instructor = _model(
        "embedder", EMBEDDER, "instructor", "lib/serve/ecs-model/embedding/instructor", {"modelType": "embedding"}
    )
    instructor["containerConfig"]["environment"] = {"MAX_CONCURRENT_REQUESTS": "4096"}
    rest = configuration()["restApiConfig"]
    rest["internetFacing"] = False
    rest["containerConfig"]["environment"] = gateway
    remote = {
        "model_name": "remote",
        "litellm_params": {"model": "openai/m", "api_base": f"http://{HOST}:{model_port}/v1", "api_key": "ignored"},
        "lisa_params": {"model_type": "textgen", "streaming": True},
    }
    document = configuration(
        authConfig=None,
        modelKeys=True,
        deployChat=False,
        deployUi=False,
        restApiConfig=rest,
        ecsModels=[vllm, instructor],
        litellmConfig={"model_list": [remote]},
    )
    (folder / "config.yaml").write_text(yaml.safe_dump({"env": "dev", "dev": document}))
    compiled = compile_environment(folder, None)
    contexts = {name: files for name, files in compiled.products.files.items() if name.startswith("containers/")}
    return dict(compiled.files) | {path: content for files in contexts.values() for path, content in files.items()}


def _model(identifier: str, name: str, container: str, path: str, more: Mapping[str, Any]) -> dict[str, Any]:
    image = {"baseImage": f"{container}:1", "path": path}
    kept = {key: value for key, value in TGI.items() if key != "streaming"}
    return {
        **kept,
        "modelId": identifier,
        "modelName": name,
        "inferenceContainer": container,
        "containerConfig": {"image": image},
        **more,
    }


@dataclass(frozen=True, slots=True)
class Service:
    """A service that can be run in any number of copies.

    Attributes:
        task: what was compiled.
        python: interpreter with the packages of its image.
    """

    task: EmittedTask
    python: Path
    folder: Path
    environment: Mapping[str, str]

    def start(
        self, copy: str, *, environment: Mapping[str, str] | None = None, prefix: tuple[str, ...] = ()
    ) -> AbstractContextManager[RunningTask]:
        """Run a copy; `prefix` is a command that runs it."""
        folder = self.folder / copy
        folder.mkdir()
        return running_task(
            self.task,
            folder / "log",
            programs=(self.folder / "bin", self.python.parent),
            environment={
                "LOCAL_MODEL_PATH": str(folder / "model"),
                **self.environment,
                **({"LISA_MODEL_KEY": MODEL_KEY} if "LISA_MODEL_KEY" in self.task.secrets else {}),
                "FAKE_LOG": str(folder / "s5cmd"),
                **(environment or {}),
            },
            prefix=prefix,
            visible=[self.folder.parent],
        )


def fleet(folder: Path, files: Mapping[str, bytes]) -> dict[str, Service]:
    """Lay out every service whose programs are installed."""
    bucket = folder / "s3" / "test-models"
    for model, contents in _WEIGHTS.items():
        for name, content in contents.items():
            path = bucket / model / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content))
    packages = folder / "packages"
    packages.mkdir()
    (packages / "sentence_transformers.py").write_text(_SENTENCE_TRANSFORMERS)
    task = partial(emitted_task, files, folder / "contexts")
    gateway = parts.ROOT / ".venv" / "gateway" / "bin" / "python"
    found = {}
    if gateway.exists():
        service = _service(folder, task(component="serve", image="rest-api"), "rest-api", gateway)
        found["rest-api"] = replace(service, environment={**service.environment, **_configuration(folder, files)})
    if parts.pytorch().is_installed:
        found["vllm"] = _service(
            folder, task(component="model-writer", image="writer"), "writer", parts.PYTORCH / "bin" / "python"
        )
    found["instructor"] = _service(
        folder, task(component="model-embedder", image="embedder"), "embedder", own_python(), packages
    )
    return found


def _configuration(folder: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """The gateway's configuration on a machine without AWS."""
    for name in (ROUTES, LITELLM_CONFIGURATION):
        path = folder / "compiled" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(files[name])
    return {"GATEWAY_CONFIGURATION_DIRECTORY": str(folder / "compiled")}


def _service(folder: Path, task: EmittedTask, image: str, python: Path, packages: Path | None = None) -> Service:
    home = folder / image
    programs = home / "bin"
    programs.mkdir(parents=True)
    # What a console script's first line names is another checkout's interpreter in a copy of this one.
    for name, text in {
        "s5cmd": FAKE_S5CMD.format(python=own_python()),
        "uvicorn": f'#!/bin/sh\nexec {python} -P -m uvicorn "$@"\n',
        "litellm": f'#!/bin/sh\nexec {python} -P {python.with_name("litellm")} "$@"\n',
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environment = {"FAKE_S3": str(folder / "s3"), "FAKE_LOG": str(home / "s5cmd"), "FAKE_LIMIT": str(home / "limit")}
    if packages is not None:
        environment["PYTHONPATH"] = f"{task.environment['PYTHONPATH']}:{packages}"
    return Service(task, python, home, environment)


def own_python() -> Path:
    """The interpreter of the tests."""
    return parts.ROOT / ".venv" / "bin" / "python"
