"""The trust bundle in functions and on instances: a Lambda layer, and the same archive fetched at boot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from lisa_compiler.plan.trust import DATABASE_AUTHORITIES, INSTANCE_DIRECTORY, LAYER, ProjectTrust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack

_PARAMETER = f"layerVersion/{LAYER}"


@dataclass(frozen=True, slots=True)
class BundleDownload:
    """What an instance needs to fetch the bundle.

    Attributes:
        url: address of the archive in S3.
        region: region of the bucket.
        sha256: digest of the bundle in the archive.
        directory: where the bundle goes, as templates/instance/trust-bundle.py has it.
    """

    url: str
    region: str
    sha256: str
    directory: str = INSTANCE_DIRECTORY


def add_trust_layer(stack: LisaStack, assets: Assets) -> None:
    """Add the layer that holds the bundle, where the deployment has one."""
    deployment = stack.deployment
    if not isinstance(deployment.trust, ProjectTrust):
        return
    bucket, key = assets.trust_archive(stack)
    version = lambda_.CfnLayerVersion(
        stack,
        "TrustLayer",
        layer_name=deployment.names.function(LAYER),
        description=f"{stack.plan.description}: certificate authorities",
        content=lambda_.CfnLayerVersion.ContentProperty(s3_bucket=bucket, s3_key=key),
    )
    stack.trust_layer_arn = version.ref
    stack.publish(
        "TrustLayer", _PARAMETER, version.ref, description="ARN of the Lambda layer with certificate authorities"
    )


def function_trust(stack: LisaStack) -> tuple[list[str], Mapping[str, str]]:
    """Layers and variables with which a function trusts the deployment's authorities."""
    trust = stack.deployment.trust
    if not isinstance(trust, ProjectTrust):
        return [], {}
    return [stack.trust_layer_arn or stack.read("TrustLayerArn", _PARAMETER)], trust.function_variables


def add_database_trust_layer(stack: LisaStack, assets: Assets) -> tuple[list[str], dict[str, str]]:
    """Add the layer with the authorities of databases; layer and variables of functions that connect to these."""
    location = assets.database_trust_archive(stack)
    if location is None:
        return [], {}
    bucket, key = location
    version = lambda_.CfnLayerVersion(
        stack,
        "DatabaseTrustLayer",
        layer_name=stack.deployment.names.function("database-trust"),
        description=f"{stack.plan.description}: certificate authorities of databases",
        content=lambda_.CfnLayerVersion.ContentProperty(s3_bucket=bucket, s3_key=key),
    )
    return [version.ref], {"DATABASE_CA_FILE": DATABASE_AUTHORITIES}


def bundle_download(stack: LisaStack, assets: Assets) -> BundleDownload | None:
    """How instances of a stack fetch the bundle; None where the deployment has none."""
    deployment = stack.deployment
    if not isinstance(deployment.trust, ProjectTrust) or assets.digests.trust is None:
        return None
    bucket, key = assets.trust_archive(stack)
    region = deployment.names.region
    return BundleDownload(
        url=f"https://{bucket}.s3.{region}.{deployment.region.partition.dns_suffix}/{key}",
        region=region,
        sha256=assets.digests.trust.bundle,
    )
