"""What CloudFormation cannot do by itself: empty a bucket before it is deleted, and put the web application into one.

Each custom resource has its own small function with its own role, because its code is in the template: a reader sees
all that runs, and nothing needs to be uploaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lisa_compiler.emit.cloudformation.constructs.assets import WEBSITE_PREFIX
from lisa_compiler.emit.cloudformation.constructs.functions import RUNTIME_IS_CHOSEN
from lisa_compiler.emit.cloudformation.constructs.policies import Statement, allow, document, trust
from lisa_compiler.emit.cloudformation.constructs.trust import function_trust
from lisa_compiler.resources import runtime_dir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack

_SOURCES = "lambdas/lisa_lambdas/custom_resources"
_INLINE_LIMIT = 4096


class InlineFunction(Construct):
    """A Lambda function whose source is written into the template.

    Attributes:
        arn: ARN of the function.
        resource: the function.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stack: LisaStack,
        source: str,
        purpose: str,
        description: str,
        statements: Sequence[Statement],
        reasons: Mapping[str, str],
        timeout: int,
        memory: int,
    ) -> None:
        super().__init__(scope, construct_id)
        deployment = stack.deployment
        name = deployment.names.function(purpose)
        code = (runtime_dir() / _SOURCES / source).read_text(encoding="utf-8")
        if len(code) > _INLINE_LIMIT:
            raise ValueError(source)
        log_group_name = f"/aws/lambda/{name}"
        log_arn = deployment.arn("logs", f"log-group:{log_group_name}:*")
        trust_layers, trust_variables = function_trust(stack)
        role = stack.role(
            f"{''.join(part.capitalize() for part in purpose.split('-'))}Role",
            f"lambda-{purpose}",
            trust=trust(deployment.service_principal("lambda"), account=deployment.names.account),
            policies={
                "function": document(
                    allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_arn),
                    *statements,
                    *([stack.use_key("lambda")] if trust_variables else []),
                )
            },
            description=f"Role of the {purpose} function",
        )
        stack.acknowledge(role, {f"AwsSolutions-IAM5[Resource::{log_arn}]": "Streams of this log group.", **reasons})
        group = stack.log_group(self, "LogGroup", log_group_name)
        self.resource = lambda_.CfnFunction(
            self,
            "Resource",
            function_name=name,
            description=description,
            runtime=deployment.python_runtime,
            handler="index.handler",
            code=lambda_.CfnFunction.CodeProperty(zip_file=code),
            role=role.attr_arn,
            layers=trust_layers or None,
            environment=(
                lambda_.CfnFunction.EnvironmentProperty(variables=dict(sorted(trust_variables.items())))
                if trust_variables
                else None
            ),
            kms_key_arn=stack.key_arn if trust_variables else None,
            timeout=timeout,
            memory_size=memory,
        )
        stack.acknowledge(self.resource, RUNTIME_IS_CHOSEN)
        self.resource.add_resource_dependency(group)
        self.arn = self.resource.attr_arn


class BucketEmptier(Construct):
    """Empties a bucket, all versions included, when its stack is deleted.

    Attributes:
        resource: the custom resource; it must depend on what would be in the way, so that it goes first.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: LisaStack, bucket: str, bucket_name: str, bucket_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        function = InlineFunction(
            self,
            "Function",
            stack=stack,
            source="empty_bucket.py",
            purpose=f"empty-{bucket}",
            description=f"Empties the bucket {bucket} when its stack is deleted",
            statements=[
                allow("s3:ListBucketVersions", bucket_arn),
                allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], f"{bucket_arn}/*"),
            ],
            reasons={f"AwsSolutions-IAM5[Resource::{bucket_arn}/*]": "It empties this bucket."},
            timeout=900,
            memory=256,
        )
        self.resource = cdk.CfnCustomResource(self, "Resource", service_token=function.arn)
        self.resource.add_property_override("BucketName", bucket_name)


class WebsiteContent(Construct):
    """Unpacks the web application into its bucket, with the env.js of the environment.

    Attributes:
        resource: the custom resource.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stack: LisaStack,
        bucket_name: str,
        bucket_arn: str,
        source_bucket: str,
        source_key: str,
        env_js: str,
    ) -> None:
        super().__init__(scope, construct_id)
        # Any version of the application: the role stays the same when the application changes, and neither a review
        # nor the propagation of a new policy stands between a new archive and its use.
        versions = source_key if cdk.Token.is_unresolved(source_key) else f"{WEBSITE_PREFIX}*"
        source_arn = f"arn:{stack.deployment.region.partition.id}:s3:::{source_bucket}/{versions}"
        function = InlineFunction(
            self,
            "Function",
            stack=stack,
            source="website.py",
            purpose="website-content",
            description="Writes the files of the chat application to the website bucket",
            statements=[
                allow("s3:GetObject", source_arn),
                allow("s3:ListBucket", bucket_arn),
                allow(["s3:DeleteObject", "s3:PutObject"], f"{bucket_arn}/*"),
            ],
            reasons={
                f"AwsSolutions-IAM5[Resource::{bucket_arn}/*]": "It writes the files of the website.",
                f"AwsSolutions-IAM5[Resource::{source_arn}]": "It reads any version of the web application.",
            },
            timeout=300,
            memory=1024,
        )
        self.resource = cdk.CfnCustomResource(self, "Resource", service_token=function.arn)
        for name, value in {
            "BucketName": bucket_name,
            "EnvJs": env_js,
            "SourceBucket": source_bucket,
            "SourceKey": source_key,
        }.items():
            self.resource.add_property_override(name, value)
