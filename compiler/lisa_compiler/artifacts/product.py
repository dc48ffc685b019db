"""Product code of a compiled environment, as its manifest names it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lisa_compiler.artifacts.artifact import Artifact, ArtifactType, BuildContext, ProductSource
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.output.manifest import products
from lisa_compiler.output.tree import MANIFEST
from lisa_compiler.product.artifact import ImageRecipe

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = {"functions": ArtifactType.CODE, "layers": ArtifactType.LAYER, "web": ArtifactType.WEB}


def product_sources(output: Path, project: Path) -> dict[str, ProductSource]:
    """The product code that an environment's manifest names, by name.

    Args:
        output: the environment's output.
        project: directory that the configuration's paths are relative to.

    Raises:
        DeployError: there is no manifest, or it is not one of this version.
    """
    try:
        manifest = (output / MANIFEST).read_bytes()
        version = str(json.loads(manifest)["lisaVersion"])
        return {name: ProductSource(each, project, output, version) for name, each in products(manifest).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeployError(
            f"{output / MANIFEST} is missing or from another LISA version: run `lisa compile --env {output.name}`."
        ) from error


def product_artifact(source: ProductSource) -> Artifact:
    """An artifact of product code, without its places."""
    product = source.product
    group, _, name = product.name.partition("/")
    if isinstance(product.recipe, ImageRecipe):
        context = BuildContext(source.target, product.recipe.build_args, product.recipe.platform, source)
        return Artifact(kind=ArtifactType.IMAGE, name=name, digest=product.sha256, source=context, places=())
    return Artifact(kind=_KINDS[group], name=name, digest=product.sha256, source=source, places=())
