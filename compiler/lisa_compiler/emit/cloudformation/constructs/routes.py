"""Routes of the API: paths, methods, preflight answers, and the permission to call the function behind them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lisa_compiler.plan.routes import BACK_CHANNEL_LOGOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.functions import PythonFunction
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan.routes import Route

_ALLOWED_HEADERS = "Authorization,Content-Type,X-Request-ID"
_AUTHORIZED = {
    "AwsSolutions-COG4": "The request authorizer checks tokens of the configured OpenID provider, Cognito or another.",
}
_PUBLIC = {
    "AwsSolutions-APIG4": "The documentation of the API, which a browser opens without a token; it is public.",
    "AwsSolutions-COG4": "The documentation of the API, which a browser opens without a token; it is public.",
}
_SIGNED = {
    "AwsSolutions-APIG4": "The identity provider has no token; the function verifies the signature of what it sends.",
    "AwsSolutions-COG4": "The identity provider has no token; the function verifies the signature of what it sends.",
}
_PREFLIGHT = {
    "AwsSolutions-APIG4": "A preflight request carries no token.",
    "AwsSolutions-COG4": "A preflight request carries no token.",
}


def web_origin(stack: LisaStack) -> str:
    """Origin of the web application: the API's own domain name, or the address that API Gateway gives it."""
    deployment = stack.deployment
    domain = deployment.config.api_gateway_config.domain_name
    return f"https://{domain}" if domain else _api_address(stack)


def api_url(stack: LisaStack) -> str:
    """Address of the API, without a trailing slash: its own domain name has no stage in its paths."""
    deployment = stack.deployment
    domain = deployment.config.api_gateway_config.domain_name
    return f"https://{domain}" if domain else f"{_api_address(stack)}/{deployment.config.deployment_stage}"


def _api_address(stack: LisaStack) -> str:
    names = stack.deployment.names
    suffix = stack.deployment.region.partition.dns_suffix
    return f"https://{stack.read('ApiId', 'api/id')}.execute-api.{names.region}.{suffix}"


class Routes(Construct):
    """The routes that one function answers, with a preflight answer for each path."""

    def __init__(
        self, scope: LisaStack, construct_id: str, *, routes: Sequence[Route], function: PythonFunction
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = scope
        self._api_id = scope.read("ApiId", "api/id")
        self._authorizer_id = scope.read("AuthorizerId", "api/authorizerId")
        self._resources: dict[str, str] = {"": scope.read("ApiRootId", "api/rootResourceId")}
        self._methods: dict[str, list[str]] = {}
        validator = apigateway.CfnRequestValidator(
            self, "Validator", rest_api_id=self._api_id, validate_request_body=True, validate_request_parameters=True
        )
        for route in routes:
            self._methods.setdefault(route.path, []).append(route.method)
            method = apigateway.CfnMethod(
                self,
                f"{route.method.capitalize()}{_pascal(route.path)}",
                rest_api_id=self._api_id,
                resource_id=self._resource(route.path),
                http_method=route.method,
                authorization_type="NONE" if route.open else "CUSTOM",
                authorizer_id=None if route.open else self._authorizer_id,
                request_validator_id=validator.ref,
                request_parameters={
                    f"method.request.path.{name}": True for name in re.findall(r"\{(\w+)\+?\}", route.path)
                }
                or None,
                integration=apigateway.CfnMethod.IntegrationProperty(
                    type="AWS_PROXY", integration_http_method="POST", uri=function.invoke_arn
                ),
            )
            open_reasons = _SIGNED if route.path == BACK_CHANNEL_LOGOUT else _PUBLIC
            scope.acknowledge(method, open_reasons if route.open else _AUTHORIZED)
        origin = web_origin(scope)
        for path, methods in self._methods.items():
            self._preflight(path, methods, origin)
        lambda_.CfnPermission(
            self,
            "Permission",
            action="lambda:InvokeFunction",
            function_name=function.arn,
            principal=scope.deployment.service_principal("apigateway"),
            source_arn=scope.deployment.arn("execute-api", f"{self._api_id}/*"),
        )

    def _resource(self, path: str) -> str:
        if path in self._resources:
            return self._resources[path]
        parent, _, part = path.rpartition("/")
        resource = apigateway.CfnResource(
            self,
            f"Path{_pascal(path)}",
            rest_api_id=self._api_id,
            parent_id=self._resource(parent),
            path_part=part,
        )
        self._resources[path] = resource.ref
        return resource.ref

    def _preflight(self, path: str, methods: list[str], origin: str) -> None:
        allowed = "DELETE,GET,OPTIONS,POST,PUT" if "ANY" in methods else ",".join(sorted({*methods, "OPTIONS"}))
        headers = {
            "Access-Control-Allow-Headers": f"'{_ALLOWED_HEADERS}'",
            "Access-Control-Allow-Methods": f"'{allowed}'",
            "Access-Control-Allow-Origin": f"'{origin}'",
        }
        method = apigateway.CfnMethod(
            self,
            f"Options{_pascal(path)}",
            rest_api_id=self._api_id,
            resource_id=self._resource(path),
            http_method="OPTIONS",
            authorization_type="NONE",
            integration=apigateway.CfnMethod.IntegrationProperty(
                type="MOCK",
                request_templates={"application/json": '{"statusCode": 204}'},
                integration_responses=[
                    apigateway.CfnMethod.IntegrationResponseProperty(
                        status_code="204",
                        response_parameters={
                            f"method.response.header.{name}": value for name, value in headers.items()
                        },
                    )
                ],
            ),
            method_responses=[
                apigateway.CfnMethod.MethodResponseProperty(
                    status_code="204",
                    response_parameters={f"method.response.header.{name}": True for name in headers},
                )
            ],
        )
        self._stack.acknowledge(method, _PREFLIGHT)


def _pascal(path: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", path) if part) or "Root"
