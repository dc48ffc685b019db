"""Emission: every emitter runs on a plan, and names what it emits by digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.assembly import emit_cloudformation
from lisa_compiler.emit.containers import ContextSpec, ServedAdapter, emit_containers
from lisa_compiler.emit.database_trust import FOLDER as DATABASE_TRUST
from lisa_compiler.emit.database_trust import emit_database_trust, has_database_trust
from lisa_compiler.emit.fit import emit_fit
from lisa_compiler.emit.litellm import PATH as LITELLM_CONFIG
from lisa_compiler.emit.litellm import emit_litellm
from lisa_compiler.emit.routes import PATH as ROUTES
from lisa_compiler.emit.routes import emit_routes
from lisa_compiler.emit.summary import emit_summary
from lisa_compiler.emit.trust import FOLDER as TRUST
from lisa_compiler.emit.trust import bundle_digest, describe_authorities, emit_trust
from lisa_compiler.emit.web import ENV_JS, emit_web, env_js_for_substitution
from lisa_compiler.emit.weights import adapter_weights, emit_weights, model_weights
from lisa_compiler.output.gateway_authentication import COMPONENT
from lisa_compiler.plan.artifacts import ArtifactDigests, GatewayConfiguration, TrustDigests
from lisa_compiler.plan.images import BuiltImage, TarballImage
from lisa_compiler.product.artifact import WEB_APPLICATION, ImageRecipe, ProductArtifact
from lisa_compiler.product.recipes import product_recipes
from lisa_compiler.product.sources import FUNCTIONS, complete_files, source_digest
from lisa_compiler.project import local_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lisa_compiler.compile.stack_cache import StackCache
    from lisa_compiler.fit.assessment import Assessment
    from lisa_compiler.plan import Deployment
    from lisa_weights.lock.lock_file import WeightsLock


@dataclass(frozen=True, slots=True)
class Products:
    """Product code of one environment.

    Attributes:
        artifacts: by name, as the manifest has them.
        files: by name: what each is made from, as product.sources reads it; an image's context as a whole.
    """

    artifacts: Mapping[str, ProductArtifact]
    files: Mapping[str, Mapping[str, bytes]]


def emit(
    deployment: Deployment,
    project: Path,
    lock: WeightsLock,
    assessment: Assessment,
    *,
    tell: Callable[[str], None],
    cache: StackCache | None = None,
) -> tuple[dict[str, bytes], Products]:
    """Run every emitter; the templates name the artifacts by their digests, and the summary says what they contain.

    Returns:
        The output's files, and the product code that they name by digest.
    """
    tell("rendering containers and settings")
    files = {
        **emit_litellm(deployment),
        **emit_routes(deployment),
        **emit_weights(deployment, lock),
        **emit_web(deployment),
        **emit_trust(deployment, project),
        **emit_database_trust(deployment, project),
    }
    files.update(emit_containers(container_contexts(deployment, lock, files), project=project))
    tell("synthesizing CloudFormation")
    products = product_artifacts(deployment, project, files)
    digests = artifact_digests(deployment, project, files, products)
    stacks = emit_cloudformation(deployment, digests, products.artifacts, env_js_for_substitution(files[ENV_JS]), cache)
    serve = json.loads(stacks[f"cloudformation/{COMPONENT}.template.json"])
    authorities = describe_authorities(deployment, project)
    files.update({**stacks, **emit_fit(assessment), **emit_summary(deployment, lock, serve, assessment, authorities)})
    return dict(sorted(files.items())), products


def product_artifacts(deployment: Deployment, project: Path, files: Mapping[str, bytes]) -> Products:
    """Name each part of the product code by what it is made from; an image, by its context as a whole."""
    made, artifacts = {}, {}
    for name, recipe in product_recipes(deployment).items():
        content = complete_files(name, recipe, project, files)
        arguments = recipe.build_args if isinstance(recipe, ImageRecipe) else ()
        made[name] = content
        artifacts[name] = ProductArtifact(name=name, sha256=source_digest(content, arguments), recipe=recipe)
    return Products(artifacts, made)


def container_contexts(deployment: Deployment, lock: WeightsLock, files: Mapping[str, bytes]) -> list[ContextSpec]:
    """What the build contexts of the gateway and the hosted models are made of, by what other emitters made."""
    contexts = []
    if isinstance(deployment.rest_api.image, BuiltImage):
        # The built-in image reads its configuration when it runs; what a user's own image does with it is not known.
        own = deployment.rest_api.image.kind == "custom"
        settings = {path: files[path] for path in (LITELLM_CONFIG, ROUTES)} if own else {}
        contexts.append(ContextSpec(image=deployment.rest_api.image, settings=settings))
    contexts.extend(
        ContextSpec(
            image=model.service.image,
            model=model.config.model_name,
            weights=model_weights(model, deployment, lock),
            adapters=tuple(
                ServedAdapter(plan=adapter, weights=weights)
                for adapter, weights in zip(model.adapters, adapter_weights(model, deployment, lock), strict=True)
            ),
        )
        for model in deployment.models
        if isinstance(model.service.image, BuiltImage)
    )
    return contexts


def artifact_digests(
    deployment: Deployment, project: Path, files: Mapping[str, bytes], products: Products
) -> ArtifactDigests:
    """Name each artifact by what it is made from.

    Args:
        deployment: the plan.
        project: folder that holds prebuilt images and layers.
        files: everything that the other emitters made.
        products: the product code.

    Raises:
        LocalFileError: a prebuilt image or layer is neither there nor has a checksum file.
    """
    named = {name: artifact.sha256 for name, artifact in products.artifacts.items()}

    def below(folder: str) -> dict[str, bytes]:
        return {path: content for path, content in files.items() if path.startswith(f"{folder}/")}

    images = {}
    for service in deployment.services:
        image = service.image
        if isinstance(image, BuiltImage):
            found = named.get(image.context)
            images[image.context] = found or source_digest(below(image.context), image.build_args)
        elif isinstance(image, TarballImage):
            images[image.path] = local_files.digest(project, image.path)
    bundle = bundle_digest(files)
    return ArtifactDigests(
        images=images,
        layers={
            layer.name: local_files.digest(project, layer.prebuilt) if layer.prebuilt else named[f"layers/{layer.name}"]
            for layer in deployment.layers
        },
        functions={name: named[f"functions/{name}"] for name in FUNCTIONS if f"functions/{name}" in named},
        website=named.get(WEB_APPLICATION, ""),
        trust=TrustDigests(archive=source_digest(below(TRUST)), bundle=bundle) if bundle else None,
        database_trust=source_digest(below(DATABASE_TRUST)) if has_database_trust(files) else None,
        gateway=GatewayConfiguration(
            routes=hashlib.sha256(files[ROUTES]).hexdigest(), litellm=hashlib.sha256(files[LITELLM_CONFIG]).hexdigest()
        ),
    )
