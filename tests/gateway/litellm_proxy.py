"""The real LiteLLM, with a configuration that was compiled."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from compiler.conftest import MINIMAL, TGI, configuration
from gateway.processes import LITELLM_PYTHON, ROOT, running, wait_until_answers
from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.dev.processes import free_port

KEY = "sk-0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"
ADMIN_KEY = "sk-administrators-3c4b5a69788796a5b4c3d2e1f0"
MASTER_KEY = "sk-master-88796a5b4c3d2e1f00f1e2d3c"
# What the container has from its role; no caller may have it sent anywhere.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "role-session"}
_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:lisa/proxy-key-AbCdEf"
KEYS = {"LITELLM_KEY": KEY, "LITELLM_ADMIN_KEY": ADMIN_KEY}


def compiled(folder: Path, models: Mapping[str, str], external: Sequence[tuple[str, str]] = ()) -> Path:
    """LiteLLM's configuration as `lisa compile` makes it.

    Args:
        folder: where it is written.
        models: addresses of the hosted models by name, of which those with `embed` or `instruct` in it embed texts.
        external: names and addresses of models that are not hosted; a name may have several.
    """
    hosted = [hosted_model(name) for name in models]
    # An address of this machine is not valid: in the container it would be the container itself.
    bases = {
        f"https://external-{number}.example.com/v1": f"{address}/v1" for number, (_, address) in enumerate(external)
    }
    entries = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_base": base, "api_key": "ignored"},
            "lisa_params": {"model_type": "textgen", "streaming": True},
        }
        for (name, _), base in zip(external, bases, strict=True)
    ]
    rest_api = copy.deepcopy(dict(MINIMAL["restApiConfig"]))
    rest_api["containerConfig"]["environment"] = {"PROXY_KEY": _SECRET}
    changed = configuration(
        ecsModels=hosted,
        restApiConfig=rest_api,
        litellmConfig={"model_list": entries, "general_settings": {"master_key": "os.environ/PROXY_KEY"}},
    )
    (folder / "config.yaml").write_text(yaml.safe_dump({"env": "dev", "dev": changed}))
    content = yaml.safe_load(compile_environment(folder, None).files["litellm/config.yaml"])
    for entry in content["model_list"]:
        if address := models.get(entry["model_name"]):
            entry["litellm_params"]["api_base"] = f"{address}/v1"
        elif base := bases.get(entry["litellm_params"].get("api_base", "")):
            entry["litellm_params"]["api_base"] = base
    path = folder / "litellm.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def hosted_model(name: str) -> dict[str, Any]:
    if "embed" not in name and "instruct" not in name:
        return {**copy.deepcopy(dict(TGI)), "modelId": name, "modelName": f"org/{name}"}
    image = {"baseImage": "tei:1", "path": "lib/serve/ecs-model/embedding/tei"}
    changes = {"modelType": "embedding", "inferenceContainer": "tei", "containerConfig": {"image": image}}
    kept = {key: value for key, value in copy.deepcopy(dict(TGI)).items() if key != "streaming"}
    return {**kept, "modelId": name, "modelName": f"org/{name}", **changes}


@contextmanager
def litellm(folder: Path, config: Path) -> Iterator[str]:
    """Run LiteLLM as the container does."""
    port, log = free_port(), folder / "litellm.log"
    command = [LITELLM_PYTHON.with_name("litellm"), "--config", config, "--host", "127.0.0.1", "--port", str(port)]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PROXY_KEY": MASTER_KEY, **KEYS, **CREDENTIALS}
    environment["PYTHONPATH"] = str(ROOT / "runtime" / "gateway")
    with running(command, log=log, environment=environment) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_answers(f"{url}/health/liveliness", process, log, seconds=240)
        yield url
