"""The stack of one hosted model: whatever it needs that no other model does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.container_service import ContainerService
from lisa_compiler.emit.cloudformation.constructs.json_parameters import publish_json
from lisa_compiler.emit.cloudformation.constructs.lifecycle import SERVING
from lisa_compiler.emit.cloudformation.constructs.names import add_names
from lisa_compiler.emit.cloudformation.constructs.scheduling import one_per_instance
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.emit.cloudformation.constructs.trust import bundle_download
from lisa_compiler.plan.names import REGISTERED_MODELS

if TYPE_CHECKING:
    import aws_cdk as cdk

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.plan import Deployment, ModelPlan

# A large model takes half an hour to come from S3 and into the GPUs' memory.
_GRACE_PERIOD_SECONDS = 1800


class ModelStack(LisaStack):
    """Cluster, service and stable name of a model."""

    def __init__(self, app: cdk.App, deployment: Deployment, model: ModelPlan, assets: Assets) -> None:
        super().__init__(app, deployment, model.component)
        self._register(model)
        service = ContainerService(
            self,
            "Model",
            service=model.service,
            group="models",
            image_uri=assets.image_uri(self, model.service.image),
            load_balancer_security_group="modelLoadBalancer",
            log_bucket=deployment.names.bucket("access-logs"),
            holds_weights=True,
            readiness=SERVING,
            schedule=one_per_instance(model.service.auto_scaling),
            grace_period_seconds=_GRACE_PERIOD_SECONDS,
            trust=bundle_download(self, assets),
        )
        add_names(self, service=model.service, host=model.dns_name, load_balancer=service.load_balancer)

    def _register(self, model: ModelPlan) -> None:
        """Tell the models API what is hosted and where; in this stack, so that a change of one model stays in one."""
        scaling = model.service.auto_scaling
        publish_json(
            self,
            "Registration",
            f"{REGISTERED_MODELS}/{model.id}",
            {
                "modelId": model.identifier,
                "cluster": model.service.cluster,
                "minCapacity": scaling.min_capacity,
                "maxCapacity": scaling.max_capacity,
                "url": model.url,
                "configuration": model.config.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            },
            description=f"Model {model.identifier}",
            source=[model.service.key],
        )
