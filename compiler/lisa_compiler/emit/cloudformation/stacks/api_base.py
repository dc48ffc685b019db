"""The api-base stack: the API that the web application calls, and who may call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_

from lisa_compiler.emit.cloudformation.constructs.function_role import add_function_role
from lisa_compiler.emit.cloudformation.constructs.functions import PythonFunction
from lisa_compiler.emit.cloudformation.constructs.sign_outs import add_sign_out_table, read_sign_outs
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack

if TYPE_CHECKING:
    import aws_cdk as cdk

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_compiler.plan import Deployment

# Scripts and styles shrink to a fifth; what is shorter fits into one packet anyway.
_COMPRESSED_FROM_BYTES = 1400


def build(app: cdk.App, stack: StackInput, assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return ApiBaseStack(app, stack.deployment, assets)


class ApiBaseStack(LisaStack):
    """REST API, request authorizer with the table of sign-outs, and the custom domain name when it has a certificate.

    The stage is in the api-deployment stack, with the deployment that it serves: a stage here would have to begin with
    a deployment of an API without routes, and would drift from its template with each later one.
    """

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets) -> None:
        super().__init__(app, deployment, "api-base")
        api = apigateway.CfnRestApi(
            self,
            "Api",
            name=self.plan.name,
            description=self.plan.description,
            endpoint_configuration=apigateway.CfnRestApi.EndpointConfigurationProperty(types=["REGIONAL"]),
            # What the web application has besides text.
            binary_media_types=["font/*", "image/*"],
            minimum_compression_size=_COMPRESSED_FROM_BYTES,
            fail_on_warnings=True,
        )
        self.acknowledge(
            api, {"AwsSolutions-APIG2": "Each stack that adds routes brings the request validator of its methods."}
        )
        self.publish("ApiId", "api/id", api.ref, description="ID of the API in API Gateway")
        self.publish(
            "ApiRootId", "api/rootResourceId", api.attr_root_resource_id, description="ID of the API's root resource"
        )
        add_sign_out_table(self)
        self._authorizer(api.ref, assets)
        for response_type in ("DEFAULT_4XX", "DEFAULT_5XX"):
            apigateway.CfnGatewayResponse(
                self,
                f"{response_type.title().replace('_', '')}Response",
                rest_api_id=api.ref,
                response_type=response_type,
                response_parameters={"gatewayresponse.header.Access-Control-Allow-Origin": f"'{self._origin(api)}'"},
                response_templates={
                    "application/json": (
                        '{"message": $context.error.messageString, "code": "$context.error.responseType"}'
                    )
                },
            )

    def _origin(self, api: apigateway.CfnRestApi) -> str:
        config = self.deployment.config.api_gateway_config
        if config.domain_name:
            return f"https://{config.domain_name}"
        region = self.deployment.region
        return f"https://{api.ref}.execute-api.{region.name}.{region.partition.dns_suffix}"

    def _authorizer(self, api_id: str, assets: Assets) -> None:
        deployment = self.deployment
        auth = deployment.config.auth_config
        statements = read_sign_outs(self) if deployment.receives_sign_outs else ()
        role = add_function_role(self, "AuthorizerRole", function="authorizer", statements=statements)
        function = PythonFunction(
            self,
            "Authorizer",
            function="authorizer",
            package="authorizer",
            role_arn=role.attr_arn,
            layers=["common", "authorizer"],
            environment={
                "ADMIN_GROUP": auth.admin_group if auth else "",
                "AUTHORITY": auth.authority if auth else "",
                "CLIENT_ID": auth.client_id if auth else "",
                "JWT_GROUPS_PROP": auth.jwt_groups_property if auth else "",
                "LOG_LEVEL": deployment.function_log_level,
                "SIGN_OUT_TABLE_NAME": deployment.names.sign_out_table if deployment.receives_sign_outs else "",
            },
            assets=assets,
            description="Authorizes API Gateway requests by the caller's token",
        )
        authorizer = apigateway.CfnAuthorizer(
            self,
            "RequestAuthorizer",
            rest_api_id=api_id,
            name=f"{self.plan.name}-authorizer",
            type="REQUEST",
            authorizer_uri=function.invoke_arn,
            identity_source="method.request.header.Authorization",
            # The answer depends on the path as well as on the token, so none is kept.
            authorizer_result_ttl_in_seconds=0,
        )
        lambda_.CfnPermission(
            self,
            "AuthorizerPermission",
            action="lambda:InvokeFunction",
            function_name=function.arn,
            principal=deployment.service_principal("apigateway"),
            source_arn=deployment.arn("execute-api", f"{api_id}/authorizers/*"),
        )
        self.publish(
            "AuthorizerId", "api/authorizerId", authorizer.attr_authorizer_id, description="ID of the API's authorizer"
        )
