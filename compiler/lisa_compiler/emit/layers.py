"""Emits what the Lambda layers are built from: pinned requirements, sources, and the script that builds them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from lisa_compiler.resources import runtime_dir, sdk_dir, source_files, templates_dir

LAYER_NAMES = ("authorizer", "common", "fastapi", "rag", "sdk")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSpec:
    """A layer that is built.

    Attributes:
        name: one of LAYER_NAMES.
        python: Python version of the functions, as `3.12`.
        index_url: package index; empty for pip's own.
        trusted_host: host that pip trusts without a valid certificate; empty for none.
    """

    name: str
    python: str
    index_url: str = ""
    trusted_host: str = ""


def emit_layers(layers: Iterable[LayerSpec]) -> dict[str, bytes]:
    """Content by path relative to the environment's output: `layers/<name>/…` and, if any, `layers/build_layer.py`."""
    files: dict[str, bytes] = {}
    for layer in layers:
        files["layers/build_layer.py"] = (templates_dir() / "layers" / "build_layer.py").read_bytes()
        files |= {f"layers/{layer.name}/{path}": content for path, content in _layer(layer).items()}
    return dict(sorted(files.items()))


def _layer(layer: LayerSpec) -> dict[str, bytes]:
    pinned = runtime_dir() / "lambdas" / "layers" / layer.name / f"requirements-py{layer.python}.txt"
    description = {
        "python": layer.python,
        "sources": ["lisapy"] if layer.name == "sdk" else [],
        "indexUrl": layer.index_url,
        "trustedHost": layer.trusted_host,
    }
    files = {
        "layer.json": (json.dumps(description, indent=2) + "\n").encode(),
        "requirements.txt": pinned.read_bytes(),
    }
    if layer.name == "sdk":
        files |= {f"lisapy/{path}": content for path, content in source_files(sdk_dir() / "lisapy").items()}
    return files
