"""Which product artifacts a deployment needs, and what each is made with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING

from lisa_compiler.plan.images import BuiltImage
from lisa_compiler.product.artifact import (
    PRODUCT_KINDS,
    WEB_APPLICATION,
    FunctionRecipe,
    ImageRecipe,
    LayerRecipe,
    WebRecipe,
)

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment
    from lisa_compiler.product.artifact import Recipe

_STACKS: Mapping[str, str] = MappingProxyType(
    {
        "authorizer": "api-base",
        "database": "rag",
        "models": "models-api",
        "rag": "rag",
        "session": "chat",
        "sign-outs": "serve",
        "tokens": "serve",
        "usage": "serve",
    }
)
"""The Lambda functions, and the component whose stack has each."""

# Where LISA 2.x kept its functions, and its example names it; it means LISA's own, as `lib/serve/…` does for images.
_OWN_PATH = PurePosixPath("lambda")


def product_recipes(deployment: Deployment) -> dict[str, Recipe]:
    """The recipes by the artifacts' names, in order of name."""
    config = deployment.config
    sources = config.lambda_source_path
    if sources is not None and PurePosixPath(sources) == _OWN_PATH:
        sources = None
    found: dict[str, Recipe] = {
        f"functions/{name}": FunctionRecipe(path=sources)
        for name, component in _STACKS.items()
        if deployment.deploys(component) and _is_used(name, deployment)
    }
    for layer in deployment.layers:
        if layer.prebuilt is None:
            found[f"layers/{layer.name}"] = LayerRecipe(
                python=deployment.python_runtime.removeprefix("python"),
                index_url=config.pypi_config.index_url,
                trusted_host=config.pypi_config.trusted_host,
            )
    if deployment.deploys("ui"):
        found[WEB_APPLICATION] = WebRecipe(path=config.web_app_assets_path)
    for service in deployment.services:
        image = service.image
        if isinstance(image, BuiltImage) and image.kind in PRODUCT_KINDS:
            found[image.context] = ImageRecipe(kind=image.kind, build_args=image.build_args)
    return dict(sorted(found.items()))


def _is_used(function: str, deployment: Deployment) -> bool:
    """Whether a function is in its stack for this configuration."""
    optional = {"database": deployment.makes_database_users, "sign-outs": deployment.receives_sign_outs}
    return optional.get(function, True)
