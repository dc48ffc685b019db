"""The ui stack: the chat application, served by the API from a private bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway

from lisa_compiler.emit.cloudformation.constructs.buckets import PrivateBucket
from lisa_compiler.emit.cloudformation.constructs.custom_resources import WebsiteContent
from lisa_compiler.emit.cloudformation.constructs.policies import allow, document, trust
from lisa_compiler.emit.cloudformation.constructs.routes import api_url
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.plan.names import REST_API_URL

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_compiler.plan import Deployment


def build(app: cdk.App, stack: StackInput, assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return UiStack(app, stack.deployment, assets, stack.env_js)


class UiStack(LisaStack):
    """Website bucket, its content, and the routes that serve it."""

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets, env_js: str) -> None:
        super().__init__(app, deployment, "ui")
        name = deployment.names.bucket("website")
        bucket = PrivateBucket(self, "Website", name=name, log_bucket=deployment.names.bucket("access-logs"))
        source_bucket, source_key = assets.website(self)
        content = WebsiteContent(
            self,
            "Content",
            stack=self,
            bucket_name=name,
            bucket_arn=bucket.arn,
            source_bucket=source_bucket,
            source_key=source_key,
            env_js=cdk.Fn.sub(
                env_js,
                {
                    "ApiUrl": api_url(self),
                    "RestApiUri": self.read("RestApiUri", REST_API_URL),
                },
            ),
        )
        content.resource.add_resource_dependency(bucket.resource)
        self._routes(name, bucket.arn)

    def _routes(self, bucket: str, bucket_arn: str) -> None:
        deployment = self.deployment
        role = self.role(
            "ReaderRole",
            "website-reader",
            trust=trust(deployment.service_principal("apigateway"), account=deployment.names.account),
            policies={"website": document(allow("s3:GetObject", f"{bucket_arn}/*"))},
            description="Allows API Gateway to read the website bucket",
        )
        self.acknowledge(
            role, {f"AwsSolutions-IAM5[Resource::{bucket_arn}/*]": "All files of the website, which are public."}
        )
        api_id = self.read("ApiId", "api/id")
        root = self.read("ApiRootId", "api/rootResourceId")
        proxy = apigateway.CfnResource(self, "PathProxy", rest_api_id=api_id, parent_id=root, path_part="{proxy+}")
        validator = apigateway.CfnRequestValidator(
            self, "Validator", rest_api_id=api_id, validate_request_body=False, validate_request_parameters=True
        )
        arn = f"arn:{deployment.region.partition.id}:apigateway:{deployment.names.region}:s3:path/{bucket}"
        for construct_id, resource_id, key, mapped in (
            ("GetRoot", root, "index.html", False),
            ("GetProxy", proxy.ref, "{path}", True),
        ):
            method = apigateway.CfnMethod(
                self,
                construct_id,
                rest_api_id=api_id,
                resource_id=resource_id,
                http_method="GET",
                authorization_type="NONE",
                request_validator_id=validator.ref,
                request_parameters={"method.request.path.proxy": True} if mapped else None,
                integration=apigateway.CfnMethod.IntegrationProperty(
                    type="AWS",
                    integration_http_method="GET",
                    credentials=role.attr_arn,
                    uri=f"{arn}/{key}",
                    passthrough_behavior="WHEN_NO_MATCH",
                    request_parameters={"integration.request.path.path": "method.request.path.proxy"}
                    if mapped
                    else None,
                    integration_responses=_integration_responses(),
                ),
                method_responses=_method_responses(),
            )
            self.acknowledge(
                method,
                {
                    "AwsSolutions-APIG4": "The application is public; it signs its users in.",
                    "AwsSolutions-COG4": "The application is public; it signs its users in.",
                },
            )


_HEADERS = ("Cache-Control", "Content-Type", "ETag")
_SECURITY_HEADERS = {
    "Strict-Transport-Security": "'max-age=63072000; includeSubDomains'",
    "X-Content-Type-Options": "'nosniff'",
    "X-Frame-Options": "'DENY'",
}


def _integration_responses() -> list[apigateway.CfnMethod.IntegrationResponseProperty]:
    parameters = {f"method.response.header.{name}": f"integration.response.header.{name}" for name in _HEADERS}
    parameters |= {f"method.response.header.{name}": value for name, value in _SECURITY_HEADERS.items()}
    return [
        apigateway.CfnMethod.IntegrationResponseProperty(status_code="200", response_parameters=parameters),
        # S3 answers 403 for a file that is not there to those who may not list the bucket.
        apigateway.CfnMethod.IntegrationResponseProperty(status_code="404", selection_pattern="40[34]"),
        apigateway.CfnMethod.IntegrationResponseProperty(status_code="500", selection_pattern="5\\d{2}"),
    ]


def _method_responses() -> list[apigateway.CfnMethod.MethodResponseProperty]:
    headers = {f"method.response.header.{name}": True for name in (*_HEADERS, *_SECURITY_HEADERS)}
    return [
        apigateway.CfnMethod.MethodResponseProperty(status_code="200", response_parameters=headers),
        apigateway.CfnMethod.MethodResponseProperty(status_code="404"),
        apigateway.CfnMethod.MethodResponseProperty(status_code="500"),
    ]
