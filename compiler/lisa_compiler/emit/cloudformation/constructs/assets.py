"""Assets of the cloud assembly: images, layers, code and the web bundle, as the `cdk` CLI publishes them.

Paths are relative to the assembly (generated/<env>/cloudformation), so that the assembly can be deployed from any
checkout. Product code, and layers that are built from it, are executable assets: the CLI runs `lisa artifacts
materialize`, which compares what it builds with the digest in manifest.json, and uploads what it prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from lisa_compiler.plan.images import BuiltImage, EcrRepositoryImage, RegistryImageReference, TarballImage
from lisa_compiler.product.artifact import MATERIALIZED, WEB_APPLICATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import LayerPlan
    from lisa_compiler.plan.artifacts import ArtifactDigests
    from lisa_compiler.plan.images import PlannedImage
    from lisa_compiler.product.artifact import ProductArtifact

WEBSITE_PREFIX = "web-"
"""What the key of the web application's archive starts with, so that a policy names it without its digest."""

GATEWAY_PREFIX = "gateway-"
"""What the keys of the gateway's configuration files start with, so that a policy names them without their digests."""

COMMAND = ("lisa", "artifacts", "materialize")
"""Start of the command line of an executable asset."""

# From the assembly to the environment's folder, and to the project.
_ENVIRONMENT = ".."
_PROJECT = "../../.."
# What `docker load` says last: `Loaded image: name:tag`, or `Loaded image ID: sha256:…`.
_LOADED_IMAGE = "sed -n 's/^Loaded image[ID ]*: //p' | tail -n 1"


@dataclass(frozen=True, slots=True)
class Assets:
    """Adds assets to stacks.

    Attributes:
        digests: digests of the compile's artifacts.
        products: product artifacts by name.
    """

    digests: ArtifactDigests
    products: Mapping[str, ProductArtifact]

    def image_uri(self, stack: LisaStack, image: PlannedImage) -> str:
        """Address of a container image for a task definition."""
        if isinstance(image, RegistryImageReference):
            return image.uri
        if isinstance(image, EcrRepositoryImage):
            _, _, _, region, account, repository = image.repository_arn.split(":", 5)
            suffix = stack.deployment.region.partition.dns_suffix
            name = repository.removeprefix("repository/")
            return f"{account}.dkr.ecr.{region}.{suffix}/{name}{image.reference}"
        if isinstance(image, TarballImage):
            digest = self.digests.images[image.path]
            return stack.asset_synthesizer.add_docker_image_asset(
                source_hash=digest,
                executable=[
                    "sh",
                    "-c",
                    f"docker load -i '{_PROJECT}/{image.path}' | {_LOADED_IMAGE}",
                ],
                display_name=image.path,
            ).image_uri
        return self._built_image_uri(stack, image)

    def _built_image_uri(self, stack: LisaStack, image: BuiltImage) -> str:
        digest = self.digests.images[image.context]
        product = self.products.get(image.context)
        if product is not None and not _is_legacy(stack):
            return stack.asset_synthesizer.add_docker_image_asset(
                source_hash=digest, executable=[*_command(stack, product), "--image"], display_name=image.context
            ).image_uri
        directory = f"{_ENVIRONMENT}/{image.context}"
        return stack.asset_synthesizer.add_docker_image_asset(
            source_hash=digest,
            directory_name=f"{_PROJECT}/{MATERIALIZED}/{product.file_name}" if product else directory,
            docker_build_args=dict(image.build_args) or None,
            platform="linux/amd64",
            display_name=image.context,
        ).image_uri

    def layer_content(self, stack: LisaStack, layer: LayerPlan) -> lambda_.CfnLayerVersion.ContentProperty:
        """Where the zip file of a layer is."""
        if layer.prebuilt:
            digest = self.digests.layers[layer.name]
            location = _zip_file(stack, f"{_PROJECT}/{layer.prebuilt}", digest, f"layer {layer.name}")
        else:
            location = self._product(stack, f"layers/{layer.name}", f"layer {layer.name}")
        return lambda_.CfnLayerVersion.ContentProperty(s3_bucket=location.bucket_name, s3_key=location.object_key)

    def function_code(self, stack: LisaStack, function: str) -> lambda_.CfnFunction.CodeProperty:
        """Where the code of a Lambda function is; `function` is its name in the plan."""
        location = self._product(stack, f"functions/{function}", f"function {function}")
        return lambda_.CfnFunction.CodeProperty(s3_bucket=location.bucket_name, s3_key=location.object_key)

    def website(self, stack: LisaStack) -> tuple[str, str]:
        """Bucket and key of the web application's archive."""
        location = self._product(stack, WEB_APPLICATION, "web application", prefix=WEBSITE_PREFIX)
        return location.bucket_name, location.object_key

    def _product(self, stack: LisaStack, name: str, display_name: str, *, prefix: str = "") -> cdk.FileAssetLocation:
        product = self.products[name]
        if _is_legacy(stack):
            # The legacy synthesizer has no executable assets: `lisa artifacts materialize` writes the file beforehand.
            path = f"{_PROJECT}/{MATERIALIZED}/{product.file_name}"
            return _zip_file(stack, path, prefix + product.sha256, display_name)
        return stack.asset_synthesizer.add_file_asset(
            source_hash=prefix + product.sha256, executable=_command(stack, product), display_name=display_name
        )

    def gateway_file(self, stack: LisaStack, path: str, digest: str) -> tuple[str, str]:
        """Bucket and key of a file of the gateway's configuration; `path` is in the environment's output."""
        location = stack.asset_synthesizer.add_file_asset(
            source_hash=f"{GATEWAY_PREFIX}{digest}",
            file_name=f"{_ENVIRONMENT}/{path}",
            packaging=cdk.FileAssetPackaging.FILE,
            display_name=path,
        )
        return location.bucket_name, location.object_key

    def trust_archive(self, stack: LisaStack) -> tuple[str, str]:
        """Bucket and key of the archive with the trust bundle; ValueError where the deployment has none."""
        if self.digests.trust is None:
            raise ValueError(stack.plan.component)
        location = _directory(stack, "trust", self.digests.trust.archive)
        return location.bucket_name, location.object_key

    def database_trust_archive(self, stack: LisaStack) -> tuple[str, str] | None:
        """Bucket and key of the archive with the authorities of databases; None where the deployment has none."""
        if self.digests.database_trust is None:
            return None
        location = _directory(stack, "database-trust", self.digests.database_trust)
        return location.bucket_name, location.object_key


def _directory(stack: LisaStack, path: str, digest: str) -> cdk.FileAssetLocation:
    return stack.asset_synthesizer.add_file_asset(
        source_hash=digest,
        file_name=f"{_ENVIRONMENT}/{path}",
        packaging=cdk.FileAssetPackaging.ZIP_DIRECTORY,
        display_name=path,
    )


def _zip_file(stack: LisaStack, path: str, digest: str, display_name: str) -> cdk.FileAssetLocation:
    return stack.asset_synthesizer.add_file_asset(
        source_hash=digest, file_name=path, packaging=cdk.FileAssetPackaging.FILE, display_name=display_name
    )


def _command(stack: LisaStack, product: ProductArtifact) -> list[str]:
    """What the `cdk` CLI runs in the project's directory."""
    return [*COMMAND, product.name, "--env", stack.deployment.environment]


def _is_legacy(stack: LisaStack) -> bool:
    return stack.deployment.config.stack_synthesizer == "LegacyStackSynthesizer"
