"""Assets of the cloud assembly: images, layers, code and the web bundle, as the `cdk` CLI publishes them.

Paths are relative to the assembly (generated/<env>/cloudformation), so that the assembly can be deployed from any
checkout. What has to be built first is an executable asset: the CLI runs it and uploads what it prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from lisa_compiler.plan.images import BuiltImage, EcrRepositoryImage, RegistryImageReference, TarballImage

if TYPE_CHECKING:
    from lisa_compiler.constructs.stack import LisaStack
    from lisa_compiler.plan import LayerPlan
    from lisa_compiler.plan.artifacts import ArtifactDigests
    from lisa_compiler.plan.images import PlannedImage

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
    """

    digests: ArtifactDigests

    def image_uri(self, stack: LisaStack, image: PlannedImage) -> str:
        """Address of a container image for a task definition."""
        if isinstance(image, RegistryImageReference):
            return image.uri
        if isinstance(image, EcrRepositoryImage):
            _, _, _, region, account, repository = image.repository_arn.split(":", 5)
            suffix = stack.deployment.region.partition.dns_suffix
            name = repository.removeprefix("repository/")
            return f"{account}.dkr.ecr.{region}.{suffix}/{name}:{image.tag}"
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
        return stack.asset_synthesizer.add_docker_image_asset(
            source_hash=self.digests.images[image.context],
            directory_name=f"{_ENVIRONMENT}/{image.context}",
            docker_build_args=dict(image.build_args) or None,
            platform="linux/amd64",
            display_name=image.context,
        ).image_uri

    def layer_content(self, stack: LisaStack, layer: LayerPlan) -> lambda_.CfnLayerVersion.ContentProperty:
        """Where the zip file of a layer is."""
        digest = self.digests.layers[layer.name]
        if layer.prebuilt:
            location = _zip_file(stack, f"{_PROJECT}/{layer.prebuilt}", digest, layer.name)
        elif stack.deployment.config.stack_synthesizer == "LegacyStackSynthesizer":
            # The legacy synthesizer knows no executable assets: `make layers` builds the file beforehand.
            location = _zip_file(stack, f"{_PROJECT}/.lisa/layers/{layer.name}.zip", digest, layer.name)
        else:
            builder = f"generated/{stack.deployment.environment}/layers/build_layer.py"
            location = stack.asset_synthesizer.add_file_asset(
                source_hash=digest,
                executable=["python3", builder, layer.name],
                display_name=f"layer {layer.name}",
            )
        return lambda_.CfnLayerVersion.ContentProperty(s3_bucket=location.bucket_name, s3_key=location.object_key)

    def function_code(self, stack: LisaStack) -> lambda_.CfnFunction.CodeProperty:
        """Where the code of the Lambda functions is; one archive for all."""
        location = _directory(stack, "lambdas", self.digests.functions)
        return lambda_.CfnFunction.CodeProperty(s3_bucket=location.bucket_name, s3_key=location.object_key)

    def website(self, stack: LisaStack) -> tuple[str, str]:
        """Bucket and key of the web application's archive."""
        location = _directory(stack, "web/bundle", self.digests.website)
        return location.bucket_name, location.object_key

    def trust_archive(self, stack: LisaStack) -> tuple[str, str]:
        """Bucket and key of the archive with the trust bundle; ValueError where the deployment has none."""
        if self.digests.trust is None:
            raise ValueError(stack.plan.component)
        location = _directory(stack, "trust", self.digests.trust.archive)
        return location.bucket_name, location.object_key


def _directory(stack: LisaStack, path: str, digest: str) -> cdk.FileAssetLocation:
    return stack.asset_synthesizer.add_file_asset(
        source_hash=digest,
        file_name=f"{_ENVIRONMENT}/{path}",
        packaging=cdk.FileAssetPackaging.ZIP_DIRECTORY,
        display_name=path,
    )


def _zip_file(stack: LisaStack, path: str, digest: str, name: str) -> cdk.FileAssetLocation:
    return stack.asset_synthesizer.add_file_asset(
        source_hash=digest, file_name=path, packaging=cdk.FileAssetPackaging.FILE, display_name=f"layer {name}"
    )
