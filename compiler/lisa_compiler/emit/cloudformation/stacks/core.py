"""The core stack: Lambda layers, and the bucket that keeps access logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from lisa_compiler.emit.cloudformation.constructs.buckets import PrivateBucket
from lisa_compiler.emit.cloudformation.constructs.policies import allow
from lisa_compiler.emit.cloudformation.constructs.stack import ASSET_KEYS, LisaStack
from lisa_compiler.emit.cloudformation.constructs.trust import add_trust_layer

if TYPE_CHECKING:
    import aws_cdk as cdk

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_compiler.plan import Deployment

_LOG_RETENTION_DAYS = 365


def build(app: cdk.App, stack: StackInput, assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return CoreStack(app, stack.deployment, assets)


class CoreStack(LisaStack):
    """Lambda layers and the access-log bucket."""

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets) -> None:
        super().__init__(app, deployment, "core")
        for layer in deployment.layers:
            version = lambda_.CfnLayerVersion(
                self,
                f"{layer.name.capitalize()}Layer",
                layer_name=deployment.names.function(layer.name),
                description=f"{self.plan.description}: {layer.name}",
                content=assets.layer_content(self, layer),
                compatible_runtimes=[deployment.python_runtime],
                compatible_architectures=["x86_64"],
            )
            self.record_keys(version, {"Content.S3Bucket": ASSET_KEYS})
            self.publish(
                f"{layer.name.capitalize()}Layer",
                f"layerVersion/{layer.name}",
                version.ref,
                description=f"ARN of the Lambda layer {layer.name}",
            )
        add_trust_layer(self, assets)
        self._access_logs()

    def _access_logs(self) -> None:
        deployment = self.deployment
        name = deployment.names.bucket("access-logs")
        arn = f"arn:{deployment.region.partition.id}:s3:::{name}"
        account = {"StringEquals": {"aws:SourceAccount": deployment.names.account}}
        bucket = PrivateBucket(
            self,
            "AccessLogs",
            name=name,
            expire_days=_LOG_RETENTION_DAYS,
            statements=[
                # Load balancers say whose they are in the key, not in the request's context.
                allow(
                    "s3:PutObject",
                    f"{arn}/load-balancers/*/AWSLogs/{deployment.names.account}/*",
                    to=self._load_balancers(),
                ),
                allow(
                    "s3:PutObject",
                    f"{arn}/s3/*",
                    to={"Service": deployment.service_principal("logging.s3")},
                    when=account,
                ),
            ],
        )
        self.acknowledge(
            bucket.resource, {"AwsSolutions-S1": "This is the bucket that access logs go to; it would log itself."}
        )
        self.publish("AccessLogsBucket", "accessLogsBucket", name, description="Name of the access log bucket")

    def _load_balancers(self) -> dict[str, str]:
        """The principal that load balancers write access logs as.

        ELB documents its service principal for all Regions. Of isolated Regions the CDK's table names the accounts of
        the older ones; S3 rejects a policy with a principal that its partition does not have.
        """
        region = self.deployment.region
        if region.is_iso and region.load_balancer_account:
            return {"AWS": region.load_balancer_account}
        return {"Service": region.service_principal("logdelivery.elasticloadbalancing")}
