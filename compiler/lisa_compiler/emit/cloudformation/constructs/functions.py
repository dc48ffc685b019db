"""Lambda functions in the VPC, with their log group and layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lisa_compiler.emit.cloudformation.constructs.stack import ASSET_KEYS
from lisa_compiler.emit.cloudformation.constructs.trust import function_trust

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack

API_SECONDS = 29
"""Seconds that API Gateway waits for a function (its Developer Guide, "Quotas": integration timeout of a REST API)."""

RUNTIME_IS_CHOSEN = {"AwsSolutions-L1": "lambdaConfig.pythonRuntime chooses; a deprecated one is a warning."}


class PythonFunction(Construct):
    """A Lambda function of the package lisa_lambdas.

    Attributes:
        arn: its ARN.
        name: its name.
        resource: the function.
        invoke_arn: address for an API Gateway integration.
    """

    def __init__(
        self,
        scope: LisaStack,
        construct_id: str,
        *,
        function: str,
        package: str,
        role_arn: str,
        layers: Sequence[str],
        environment: Mapping[str, str],
        assets: Assets,
        description: str,
        further_layers: Sequence[str] = (),
        timeout: int = API_SECONDS,
        memory: int = 512,
    ) -> None:
        super().__init__(scope, construct_id)
        deployment = scope.deployment
        names = deployment.names
        self.name = names.function(function)
        key_arn = scope.key_arn
        group = scope.log_group(self, "LogGroup", f"/aws/lambda/{self.name}")
        trust_layers, trust_variables = function_trust(scope)
        resource = lambda_.CfnFunction(
            self,
            "Resource",
            function_name=self.name,
            description=description,
            runtime=deployment.python_runtime,
            architectures=["x86_64"],
            handler=f"lisa_lambdas.{package}.handler.handler",
            code=assets.function_code(scope, function),
            role=role_arn,
            layers=[
                *(scope.read(f"{layer.capitalize()}LayerArn", f"layerVersion/{layer}") for layer in layers),
                *trust_layers,
                *further_layers,
            ],
            environment=lambda_.CfnFunction.EnvironmentProperty(
                variables=dict(sorted({**environment, **trust_variables}.items()))
            ),
            kms_key_arn=key_arn,
            timeout=timeout,
            memory_size=memory,
            tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
            vpc_config=lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=scope.read_list("PrivateSubnets", "networking/subnets/private", "AWS::EC2::Subnet::Id"),
                security_group_ids=[
                    scope.read(
                        "FunctionsSecurityGroupId",
                        "networking/securityGroups/functions",
                        "AWS::EC2::SecurityGroup::Id",
                    )
                ],
            ),
        )
        resource.add_resource_dependency(group)
        scope.record_keys(resource, {"Code.S3Bucket": ASSET_KEYS})
        if "LOG_LEVEL" in environment and deployment.config.lambda_config.log_level is None:
            scope.record_keys(resource, {"Environment.Variables.LOG_LEVEL": ("lambdaConfig", "logLevel")})
        if "SIGN_OUT_TABLE_NAME" in environment:
            path = "Environment.Variables.SIGN_OUT_TABLE_NAME"
            scope.record_keys(resource, {path: ("authConfig", "backChannelLogout")})
        scope.acknowledge(resource, RUNTIME_IS_CHOSEN)
        self.resource = resource
        self.arn = resource.attr_arn
        self.invoke_arn = (
            f"arn:{deployment.region.partition.id}:apigateway:{names.region}:lambda:path/2015-03-31/functions/"
            f"{resource.attr_arn}/invocations"
        )
