"""The serve stack: the OpenAI-compatible REST API with its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from lisa_compiler.emit.cloudformation.constructs.container_service import ContainerService
from lisa_compiler.emit.cloudformation.constructs.json_parameters import ADVANCED_BYTES, STANDARD_BYTES, compact_json
from lisa_compiler.emit.cloudformation.constructs.lifecycle import JOINED
from lisa_compiler.emit.cloudformation.constructs.names import add_names
from lisa_compiler.emit.cloudformation.constructs.routes import web_origin
from lisa_compiler.emit.cloudformation.constructs.scheduling import replicated
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.emit.cloudformation.constructs.tables import add_table
from lisa_compiler.emit.cloudformation.constructs.trust import bundle_download
from lisa_compiler.plan.names import REST_API_URL, REST_API_VPC_URL
from lisa_compiler.plan.provenance import without_marks

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.plan import Deployment

_GRACE_PERIOD_SECONDS = 300


class ServeStack(LisaStack):
    """Token table, REST API service, and the parameters by which others find it."""

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets) -> None:
        super().__init__(app, deployment, "serve")
        add_table(self, "TokenTable", name=deployment.names.token_table, keys=["token"])
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
            readiness=JOINED,
            schedule=replicated(service.auto_scaling),
            grace_period_seconds=_GRACE_PERIOD_SECONDS,
            trust=bundle_download(self, assets),
            environment={"WEB_ORIGINS": web_origin(self)},
        )
        balancer = rest_api.load_balancer
        add_names(self, service=service, host=deployment.names.rest_api_host, load_balancer=balancer)
        uri = f"{service.scheme}://{deployment.rest_api_domain or balancer.dns_name}"
        self.publish("RestApiUri", REST_API_URL, uri, description="Address of the REST API")
        self.publish(
            "RestApiVpcUri",
            REST_API_VPC_URL,
            f"{service.scheme}://{deployment.rest_api_host}",
            description="Address of the REST API for callers in the VPC",
        )
        self._registered_models()
        cdk.CfnOutput(self, "RestApiUrl", value=uri, description="Address of the REST API")
        cdk.CfnOutput(
            self,
            "RestApiLoadBalancerName",
            value=balancer.dns_name,
            description="Name of the REST API's load balancer, the target of a CNAME record in your own DNS",
        )

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
        whole = compact_json(models)
        size = len(without_marks(whole))
        streaming = [(*model.service.key, "streaming") for model in self.deployment.models]
        if size <= ADVANCED_BYTES:
            self.publish(
                "RegisteredModels",
                "registeredModels",
                whole,
                description="Models that are hosted",
                tier="Standard" if size <= STANDARD_BYTES else "Advanced",
                source=streaming,
            )
            return
        parts: list[list[dict[str, str | bool | None]]] = [[]]
        for model in models:
            if len(without_marks(compact_json([*parts[-1], model]))) > STANDARD_BYTES:
                parts.append([])
            parts[-1].append(model)
        self.publish(
            "RegisteredModels",
            "registeredModels",
            compact_json({"parts": len(parts)}),
            description="Models that are hosted: in how many parts they are below",
        )
        for number, part in enumerate(parts):
            self.publish(
                f"RegisteredModels{number}",
                f"registeredModels/{number}",
                compact_json(part),
                description=f"Models that are hosted, part {number}",
            )
