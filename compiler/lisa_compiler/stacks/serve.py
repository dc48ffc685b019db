"""The serve stack: the OpenAI-compatible REST API with its tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb

from lisa_compiler.constructs.container_service import ContainerService
from lisa_compiler.constructs.stack import LisaStack

if TYPE_CHECKING:
    from lisa_compiler.constructs.assets import Assets
    from lisa_compiler.plan import Deployment

# Parameter Store: a standard parameter holds 4 KB, an advanced one 8 KB.
_STANDARD_BYTES = 4096
_ADVANCED_BYTES = 8192
_GRACE_PERIOD_SECONDS = 300


class ServeStack(LisaStack):
    """Token table, REST API service, and the parameters by which others find it."""

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets) -> None:
        super().__init__(app, deployment, "serve")
        self._token_table()
        service = deployment.rest_api
        rest_api = ContainerService(
            self,
            "RestApi",
            service=service,
            group="rest-api",
            image_uri=assets.image_uri(self, service.image),
            load_balancer_security_group="restApiLoadBalancer",
            log_bucket=deployment.names.bucket("access-logs"),
            holds_weights=False,
            grace_period_seconds=_GRACE_PERIOD_SECONDS,
        )
        host = deployment.rest_api_domain or rest_api.load_balancer.dns_name
        uri = f"{service.scheme}://{host}"
        self.publish("RestApiUri", "lisaServeRestApiUri", uri, description="Address of the REST API")
        self._registered_models()
        cdk.CfnOutput(self, "RestApiUrl", value=uri, description="Address of the REST API")

    def _token_table(self) -> None:
        table = dynamodb.CfnTable(
            self,
            "TokenTable",
            table_name=self.deployment.names.token_table,
            billing_mode="PAY_PER_REQUEST",
            attribute_definitions=[
                dynamodb.CfnTable.AttributeDefinitionProperty(attribute_name="token", attribute_type="S")
            ],
            key_schema=[dynamodb.CfnTable.KeySchemaProperty(attribute_name="token", key_type="HASH")],
            point_in_time_recovery_specification=dynamodb.CfnTable.PointInTimeRecoverySpecificationProperty(
                point_in_time_recovery_enabled=True
            ),
            sse_specification=dynamodb.CfnTable.SSESpecificationProperty(
                sse_enabled=True, sse_type="KMS", kms_master_key_id=self.key_arn
            ),
            deletion_protection_enabled=self.deployment.retains,
        )
        self.keep_or_delete(table)

    def _registered_models(self) -> None:
        """Publish the hosted models; below `registeredModels/` in parts when they are too many for one parameter."""
        models = [
            {
                "provider": model.provider,
                "modelName": model.config.model_name,
                "modelId": model.identifier,
                "modelType": str(model.config.model_type),
                "endpointUrl": model.url,
                "streaming": model.config.streaming,
            }
            for model in self.deployment.models
        ]
        whole = _json(models)
        if len(whole.encode()) <= _ADVANCED_BYTES:
            self.publish(
                "RegisteredModels",
                "registeredModels",
                whole,
                description="Models that are hosted",
                tier="Standard" if len(whole.encode()) <= _STANDARD_BYTES else "Advanced",
            )
            return
        parts: list[list[dict[str, str | bool | None]]] = [[]]
        for model in models:
            if len(_json([*parts[-1], model]).encode()) > _STANDARD_BYTES:
                parts.append([])
            parts[-1].append(model)
        self.publish(
            "RegisteredModels",
            "registeredModels",
            _json({"parts": len(parts)}),
            description="Models that are hosted: in how many parts they are below",
        )
        for number, part in enumerate(parts):
            self.publish(
                f"RegisteredModels{number}",
                f"registeredModels/{number}",
                _json(part),
                description=f"Models that are hosted, part {number}",
            )


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
