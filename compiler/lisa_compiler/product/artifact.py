"""Product artifacts as manifest.json holds them: a name, a digest, and the settings that they are made with.

The name has two parts: `functions/session`, `layers/common`, `web/application`, `containers/rest-api`. The sources are
those of the LISA version that manifest.json names, or a directory of the project. A digest covers every file that the
artifact is made from, so that what is built anywhere is compared with what was reviewed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PRODUCT_KINDS = frozenset({"instructor", "rest-api"})
"""Kinds of images whose context has product code: that of the instructor server, and of the gateway."""

MATERIALIZED = ".lisa/artifacts"
"""Directory of a project that materialized artifacts are kept in, named by their digests."""

WEB_APPLICATION = "web/application"
"""Name of the web application's artifact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRecipe:
    """Code of one Lambda function.

    Attributes:
        path: the project's directory that has the package lisa_lambdas; None for LISA's own.
    """

    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecipe:
    """A Lambda layer that pip builds from pinned requirements.

    Attributes:
        python: Python version of the functions, as `3.12`.
        index_url: package index; empty for pip's own.
        trusted_host: host that pip trusts without a valid certificate; empty for none.
    """

    python: str
    index_url: str = ""
    trusted_host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRecipe:
    """The web application.

    Attributes:
        path: the project's directory that has the built application; None for LISA's own.
    """

    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe:
    """A container image whose context is partly product code; the rest is in generated/<env>.

    Attributes:
        kind: one of PRODUCT_KINDS.
        build_args: (name, value) of the build, in order of name.
        platform: as Docker writes it.
    """

    kind: str
    build_args: tuple[tuple[str, str], ...] = ()
    platform: str = "linux/amd64"


Recipe = FunctionRecipe | LayerRecipe | WebRecipe | ImageRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductArtifact:
    """One artifact of product code.

    Attributes:
        name: such as `functions/session`.
        sha256: digest of what it is made from, in hexadecimal (source_digest).
        recipe: what it is made with besides the sources.
    """

    name: str
    sha256: str
    recipe: Recipe

    @property
    def file_name(self) -> str:
        """Name of the zip file, or of the directory of an image's context, in `.lisa/artifacts` of a project."""
        suffix = "" if isinstance(self.recipe, ImageRecipe) else ".zip"
        return f"{self.name.replace('/', '-')}-{self.sha256[:16]}{suffix}"


def to_data(artifact: ProductArtifact) -> dict[str, Any]:
    """What manifest.json holds under the artifact's name."""
    recipe = artifact.recipe
    data: dict[str, Any] = {"sha256": artifact.sha256}
    match recipe:
        case FunctionRecipe() | WebRecipe():
            if recipe.path is not None:
                data["path"] = recipe.path
        case LayerRecipe():
            data |= {"python": recipe.python, "indexUrl": recipe.index_url, "trustedHost": recipe.trusted_host}
        case ImageRecipe():
            data |= {"kind": recipe.kind, "buildArgs": dict(recipe.build_args), "platform": recipe.platform}
    return data


def from_data(name: str, data: Mapping[str, Any]) -> ProductArtifact:
    """Read what manifest.json holds.

    Raises:
        ValueError, KeyError, TypeError: it is not what to_data writes.
    """
    group = name.partition("/")[0]
    recipe: Recipe
    if group == "functions":
        recipe = FunctionRecipe(path=data.get("path"))
    elif group == "web":
        recipe = WebRecipe(path=data.get("path"))
    elif group == "layers":
        recipe = LayerRecipe(python=data["python"], index_url=data["indexUrl"], trusted_host=data["trustedHost"])
    elif group == "containers":
        arguments = tuple(sorted((str(key), str(value)) for key, value in data["buildArgs"].items()))
        recipe = ImageRecipe(kind=data["kind"], build_args=arguments, platform=data["platform"])
    else:
        raise ValueError(name)
    return ProductArtifact(name=name, sha256=str(data["sha256"]), recipe=recipe)
