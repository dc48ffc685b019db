"""LiteLLM with the compiled configuration, in which the models on this machine take the place of the hosted ones."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import yaml

from lisa_compiler.dev.gateway import container_environment
from lisa_compiler.dev.packages import python_with
from lisa_compiler.dev.processes import Program, free_port, responds
from lisa_compiler.emit.litellm import PATH
from lisa_compiler.resources import runtime_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lisa_compiler.compile.pipeline import Compiled
    from lisa_compiler.dev.models import Endpoint

_START_SECONDS = 180


def plan(
    folder: Path, compiled: Compiled, *, endpoints: Mapping[str, Endpoint], keys: Mapping[str, str]
) -> tuple[str, Program]:
    """LiteLLM's address, and its program.

    Args:
        folder: where its configuration is written.
        compiled: what the environment compiles to.
        endpoints: who answers instead of a hosted model, by its type.
        keys: the gateway's keys for LiteLLM, by the names of their variables.

    Raises:
        MissingPackageError: LiteLLM is not installed.
    """
    python = python_with("LiteLLM", "litellm", "litellm_proxy_extras")
    types = {name: str(model.config.model_type) for model in compiled.deployment.models for name in model.served_names}
    config = redirected(yaml.safe_load(compiled.files[PATH]), types, endpoints)
    path = folder / "litellm.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = Program(
        name="litellm",
        command=[python, "-m", "litellm.proxy.proxy_cli", "--config", path, "--host", "127.0.0.1", "--port", str(port)],
        environment={
            **container_environment(compiled.deployment),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            **keys,
            # LiteLLM does not start without one; it is not used.
            "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(24)}",
            "PYTHONPATH": str(runtime_dir() / "gateway"),
            "PYTHONUNBUFFERED": "1",
        },
        is_ready=responds(f"{url}/health/liveliness"),
        seconds=_START_SECONDS,
        folder=folder,
    )
    return url, program


def redirected(
    config: Mapping[str, Any], types: Mapping[str, str], endpoints: Mapping[str, Endpoint]
) -> dict[str, Any]:
    """LiteLLM's configuration with the hosted models led to other servers; models of others stay as they are.

    Args:
        config: the compiled configuration.
        types: type of each hosted model, by the name that clients ask for.
        endpoints: the server for a type.
    """
    entries = []
    for entry in config["model_list"]:
        if (kind := types.get(entry["model_name"])) is None:
            entries.append(entry)
            continue
        endpoint = endpoints[kind]
        changed = {"api_base": endpoint.url, "api_key": endpoint.key}
        if endpoint.model is not None:
            changed["model"] = f"openai/{endpoint.model}"
        entries.append({**entry, "litellm_params": {**entry["litellm_params"], **changed}})
    general = {**config.get("general_settings", {}), "master_key": "os.environ/LITELLM_MASTER_KEY"}
    return {**config, "model_list": entries, "general_settings": general}
