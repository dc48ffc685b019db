"""The files that product artifacts are made from: LISA's own, or those of a directory that the configuration names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, assert_never

import lisa_schema
from lisa_compiler.product.artifact import FunctionRecipe, ImageRecipe, LayerRecipe, WebRecipe
from lisa_compiler.product.imports import imported_files
from lisa_compiler.product.layers import layer_files
from lisa_compiler.project import local_files
from lisa_compiler.resources import runtime_dir, source_files

if TYPE_CHECKING:
    from lisa_compiler.product.artifact import Recipe

Files = dict[str, bytes]

FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "authorizer": "authorizer",
        "database": "database",
        "models": "models",
        "rag": "repository",
        "session": "session",
        "sign-outs": "sign_outs",
        "tokens": "tokens",
        "usage": "usage",
    }
)
"""The Lambda functions by the names that the plan gives them, and the package of lisa_lambdas that each runs."""

_IMAGE_PACKAGES: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "instructor": (("instructor", "lisa_instructor"),),
        "rest-api": (("gateway", "lisa_gateway"), ("oidc", "lisa_oidc"), ("oidc", "lisa_tokens")),
    }
)
"""Directory of the runtime and package, by kind of image; the first directory has the pinned requirements."""

_PACKAGE = "lisa_lambdas"
# Verify tokens, for the gateway too; users' own functions may rely on them as well.
_SHARED_PACKAGES = ("lisa_oidc", "lisa_tokens")
# Validates what is proposed by the models API as the compiler does.
_SCHEMA_PACKAGE = "lisa_schema"


def product_files(name: str, recipe: Recipe, project: Path) -> Files:
    """Read what an artifact is made from.

    Args:
        name: such as `functions/session`.
        recipe: what it is made with.
        project: directory that the paths of recipes are relative to.

    Returns:
        Content by path. Of a function and of the web application, paths in the archive. Of a layer,
        `layers/build_layer.py` and `layers/<name>/…`. Of an image, `containers/<name>/…`: the product code only.

    Raises:
        LocalFileError: a directory of the project is missing or does not hold what it must.
    """
    _, _, short = name.partition("/")
    match recipe:
        case FunctionRecipe():
            return _function(short, recipe, project)
        case LayerRecipe():
            return layer_files(short, recipe)
        case WebRecipe():
            return _web(recipe, project)
        case ImageRecipe():
            return {f"{name}/{path}": content for path, content in image_code(recipe.kind).items()}
        case _:
            assert_never(recipe)


def source_digest(files: Mapping[str, bytes], build_args: Iterable[tuple[str, str]] = ()) -> str:
    """SHA-256 (hexadecimal) of what an artifact is made from: paths, contents, and arguments of an image's build."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{hashlib.sha256(files[path]).hexdigest()}\0".encode())
    for name, value in sorted(build_args):
        digest.update(f"{name}={value}\0".encode())
    return digest.hexdigest()


def complete_files(name: str, recipe: Recipe, project: Path, environment_files: Mapping[str, bytes]) -> Files:
    """Everything that an artifact is made from; for an image, with the environment's part of its context.

    Args:
        name: such as `containers/rest-api`.
        recipe: what it is made with.
        project: directory that the paths of recipes are relative to.
        environment_files: the environment's output, by path.

    Raises:
        LocalFileError: a directory of the project is missing or does not hold what it must.
    """
    files = product_files(name, recipe, project)
    if isinstance(recipe, ImageRecipe):
        own = {path: content for path, content in environment_files.items() if path.startswith(f"{name}/")}
        files = files | own
    return dict(sorted(files.items()))


def _function(name: str, recipe: FunctionRecipe, project: Path) -> Files:
    """What one function imports; of a package in the project, which may load what no import names, everything."""
    shared: Files = {}
    for package in _SHARED_PACKAGES:
        shared |= _under(package, source_files(runtime_dir() / "oidc" / package))
    shared |= _under(_SCHEMA_PACKAGE, source_files(Path(lisa_schema.__file__).parent))
    if recipe.path is None:
        own = _under(_PACKAGE, source_files(runtime_dir() / "lambdas" / _PACKAGE))
        return imported_files({**own, **shared}, f"{_PACKAGE}.{FUNCTIONS[name]}.handler")
    given = local_files.folder(project, recipe.path)
    own = {path: content for path, content in given.items() if path.startswith(f"{_PACKAGE}/")}
    if not own:
        raise local_files.LocalFileError(
            recipe.path, f"does not contain {_PACKAGE}.", "Use the directory that contains the package."
        )
    return {**own, **shared}


def _web(recipe: WebRecipe, project: Path) -> Files:
    if recipe.path is None:
        return source_files(runtime_dir() / "web" / "dist")
    bundle = local_files.folder(project, recipe.path)
    if "index.html" not in bundle:
        raise local_files.LocalFileError(recipe.path, "has no index.html.", "Use the directory that the build wrote.")
    return bundle


def image_code(kind: str) -> Files:
    """The product code in the context of a built-in image, with its pinned requirements; empty for one without any."""
    packages = _IMAGE_PACKAGES.get(kind, ())
    files: Files = {}
    for part, package in packages:
        files |= _under(package, source_files(runtime_dir() / part / package))
    if packages:
        files["requirements.txt"] = (runtime_dir() / packages[0][0] / "requirements.txt").read_bytes()
    return files


def _under(package: str, files: Mapping[str, bytes]) -> Files:
    return {f"{package}/{path}": content for path, content in files.items()}
