"""What the Lambda layers are built from: pinned requirements, sources, and the script that builds them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lisa_compiler.resources import runtime_dir, sdk_dir, source_files, templates_dir

if TYPE_CHECKING:
    from lisa_compiler.product.artifact import LayerRecipe

LAYER_NAMES = ("authorizer", "common", "fastapi", "rag", "sdk")
BUILDER = "layers/build_layer.py"
"""Path of the script that builds a layer, beside the layers' directories."""


def layer_files(name: str, recipe: LayerRecipe) -> dict[str, bytes]:
    """Content by path: the script, and `layers/<name>/…`.

    Args:
        name: one of LAYER_NAMES.
        recipe: version of Python and package index.
    """
    files = {BUILDER: (templates_dir() / "layers" / "build_layer.py").read_bytes()}
    files |= {f"layers/{name}/{path}": content for path, content in _layer(name, recipe).items()}
    return dict(sorted(files.items()))


def _layer(name: str, recipe: LayerRecipe) -> dict[str, bytes]:
    pinned = runtime_dir() / "lambdas" / "layers" / name / f"requirements-py{recipe.python}.txt"
    description = {
        "python": recipe.python,
        "sources": ["lisapy"] if name == "sdk" else [],
        "indexUrl": recipe.index_url,
        "trustedHost": recipe.trusted_host,
    }
    files = {
        "layer.json": (json.dumps(description, indent=2) + "\n").encode(),
        "requirements.txt": pinned.read_bytes(),
    }
    if name == "sdk":
        files |= {f"lisapy/{path}": content for path, content in source_files(sdk_dir() / "lisapy").items()}
    return files
