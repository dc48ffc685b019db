"""The api-deployment stack: the snapshot of all routes, and the stage that serves it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway

from lisa_compiler.emit.cloudformation.constructs.alarms import add_certificate_alarm
from lisa_compiler.emit.cloudformation.constructs.policies import trust
from lisa_compiler.emit.cloudformation.constructs.routes import api_url
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.emit.cloudformation.constructs.web_acl import associate_web_acl
from lisa_compiler.emit.cloudformation.protocol import API_DIGEST_MARK
from lisa_compiler.plan.routes import BACK_CHANNEL_LOGOUT

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_compiler.plan import Deployment

_THROTTLE = 100
_SIGN_OUT_THROTTLE = 50
"""Of the one path that calls a function without a token: a flood of it leaves requests to the others."""


def build(app: cdk.App, stack: StackInput, _assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return ApiDeploymentStack(app, stack.deployment)


class ApiDeploymentStack(LisaStack):
    """Deployment and stage of the API.

    API Gateway serves a snapshot. CloudFormation takes a new one only for a new logical id, so the deployment's is
    made from the digest of everything that defines the API.
    """

    def __init__(self, app: cdk.App, deployment: Deployment) -> None:
        super().__init__(app, deployment, "api-deployment")
        api_id = self.read("ApiId", "api/id")
        snapshot = apigateway.CfnDeployment(
            self, API_DIGEST_MARK, rest_api_id=api_id, description=self.plan.description
        )
        group = self.log_group(self, "AccessLogGroup", f"/lisa/{self.plan.name}/access")
        stage = apigateway.CfnStage(
            self,
            "Stage",
            rest_api_id=api_id,
            deployment_id=snapshot.ref,
            stage_name=deployment.config.deployment_stage,
            tracing_enabled=True,
            access_log_setting=apigateway.CfnStage.AccessLogSettingProperty(
                destination_arn=group.attr_arn, format=_access_log_format()
            ),
            method_settings=[
                apigateway.CfnStage.MethodSettingProperty(
                    http_method="*",
                    resource_path="/*",
                    throttling_rate_limit=_THROTTLE,
                    throttling_burst_limit=_THROTTLE,
                    logging_level="INFO",
                    metrics_enabled=True,
                    data_trace_enabled=False,
                ),
                *_sign_out_settings(deployment),
            ],
        )
        stage.add_resource_dependency(self._logging_account())
        region = deployment.region
        arn = f"arn:{region.partition.id}:apigateway:{deployment.names.region}::/restapis/{api_id}/stages/{stage.ref}"
        if associate_web_acl(self, resource_arn=arn) is None:
            self.acknowledge(stage, {"AwsSolutions-APIG3": "wafWebAclArn attaches a web ACL; the account chooses one."})
        self._domain(api_id, stage)
        cdk.CfnOutput(self, "ApiUrl", value=api_url(self), description="URL of the API and the web application")

    def _logging_account(self) -> apigateway.CfnAccount:
        """The role with which API Gateway logs, a setting of the whole account: it stays when the stack goes."""
        policy = (
            f"arn:{self.deployment.region.partition.id}:iam::aws:policy/service-role/"
            "AmazonAPIGatewayPushToCloudWatchLogs"
        )
        role = self.role(
            "LoggingRole",
            "api-gateway-logs",
            trust=trust(self.deployment.service_principal("apigateway"), account=self.deployment.names.account),
            policies={},
            managed_policies=[policy],
            description="Allows API Gateway to write logs",
        )
        self.acknowledge(
            role, {f"AwsSolutions-IAM4[Policy::{policy}]": "API Gateway requires this AWS managed policy for its logs."}
        )
        account = apigateway.CfnAccount(self, "LoggingAccount", cloud_watch_role_arn=role.attr_arn)
        for resource in (role, account):
            resource.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        return account

    def _domain(self, api_id: str, stage: apigateway.CfnStage) -> None:
        config = self.deployment.config.api_gateway_config
        if config.domain_name is None or config.certificate_arn is None:
            return
        domain = apigateway.CfnDomainName(
            self,
            "Domain",
            domain_name=config.domain_name,
            regional_certificate_arn=config.certificate_arn,
            security_policy="TLS_1_2",
            endpoint_configuration=apigateway.CfnDomainName.EndpointConfigurationProperty(types=["REGIONAL"]),
        )
        apigateway.CfnBasePathMapping(
            self, "DomainMapping", domain_name=domain.ref, rest_api_id=api_id, stage=stage.ref
        )
        add_certificate_alarm(self, "CertificateAlarm", purpose="api", certificate_arn=config.certificate_arn)
        cdk.CfnOutput(
            self,
            "DomainTarget",
            value=domain.attr_regional_domain_name,
            description="Target of the DNS record for the custom domain name",
        )


def _sign_out_settings(deployment: Deployment) -> list[apigateway.CfnStage.MethodSettingProperty]:
    """Settings of the path at which the identity provider reports sign-outs, if it does."""
    if not deployment.receives_sign_outs:
        return []
    return [
        apigateway.CfnStage.MethodSettingProperty(
            http_method="POST",
            # Slashes after the first one are written as `~1`.
            resource_path=f"/{BACK_CHANNEL_LOGOUT.replace('/', '~1')}",
            throttling_rate_limit=_SIGN_OUT_THROTTLE,
            throttling_burst_limit=_SIGN_OUT_THROTTLE,
            logging_level="INFO",
            metrics_enabled=True,
            data_trace_enabled=False,
        )
    ]


def _access_log_format() -> str:
    fields = {
        "requestId": "$context.requestId",
        "ip": "$context.identity.sourceIp",
        "requestTime": "$context.requestTime",
        "httpMethod": "$context.httpMethod",
        "path": "$context.path",
        "status": "$context.status",
        "responseLength": "$context.responseLength",
        "integrationLatency": "$context.integrationLatency",
        "principal": "$context.authorizer.principalId",
    }
    return json.dumps(fields, separators=(",", ":"))
