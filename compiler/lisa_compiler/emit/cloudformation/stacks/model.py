"""The stack of one hosted model: whatever it needs that no other model does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.container_service import ContainerService
from lisa_compiler.emit.cloudformation.constructs.container_task import ContainerRoles
from lisa_compiler.emit.cloudformation.constructs.json_parameters import publish_json
from lisa_compiler.emit.cloudformation.constructs.lifecycle import SERVING
from lisa_compiler.emit.cloudformation.constructs.model_key import add_model_key
from lisa_compiler.emit.cloudformation.constructs.names import add_names
from lisa_compiler.emit.cloudformation.constructs.policies import allow, document, trust
from lisa_compiler.emit.cloudformation.constructs.scheduling import one_per_instance
from lisa_compiler.emit.cloudformation.constructs.security_groups import MODELS, security_group
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.emit.cloudformation.constructs.trust import bundle_download
from lisa_compiler.plan.names import MODELS_EXECUTION, MODELS_INSTANCE, REGISTERED_MODELS

if TYPE_CHECKING:
    import aws_cdk as cdk

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_compiler.plan import Deployment, ModelPlan

# A large model takes half an hour to come from S3 and into the GPUs' memory.
_GRACE_PERIOD_SECONDS = 1800


def build(app: cdk.App, stack: StackInput, assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return ModelStack(app, stack.deployment, stack.deployment.models[0], assets)


class ModelStack(LisaStack):
    """Cluster, service and stable name of a model."""

    def __init__(self, app: cdk.App, deployment: Deployment, model: ModelPlan, assets: Assets) -> None:
        super().__init__(app, deployment, model.component)
        self._register(model)
        service = ContainerService(
            self,
            "Model",
            service=model.service,
            roles=self._roles(model),
            image_uri=assets.image_uri(self, model.service.image),
            # A new name: the CDK deploys a parameter of the same name with its previous value, the former group's.
            load_balancer_security_group_id=security_group(self, "ModelsSecurityGroupId", MODELS),
            log_bucket=deployment.names.bucket("access-logs"),
            holds_weights=True,
            readiness=SERVING,
            schedule=one_per_instance(model.service.auto_scaling),
            grace_period_seconds=_GRACE_PERIOD_SECONDS,
            trust=bundle_download(self, assets),
            secrets=add_model_key(self, model),
        )
        add_names(self, service=model.service, host=model.dns_name, load_balancer=service.load_balancer)

    def _roles(self, model: ModelPlan) -> ContainerRoles:
        """A role for the weights; the others are those of all models, in the iam stack."""
        deployment = self.deployment
        bucket = f"arn:{deployment.region.partition.id}:s3:::{deployment.config.s3_bucket_models}"
        prefixes = model.weights_prefixes
        objects = [f"{bucket}/{prefix}*" for prefix in prefixes]
        listed = [pattern for prefix in prefixes for pattern in (prefix, f"{prefix}*")]
        task = self.role(
            "TaskRole",
            f"{model.id}-task",
            trust=trust(deployment.service_principal("ecs-tasks"), account=deployment.names.account),
            policies={
                "weights": document(
                    allow("s3:GetObject", objects if len(objects) > 1 else objects[0]),
                    allow("s3:ListBucket", bucket, when={"StringLike": {"s3:prefix": listed}}),
                )
            },
            description=f"Task role of model {model.identifier}",
        )
        self.acknowledge(
            task,
            {
                f"AwsSolutions-IAM5[Resource::{each}]": "All files of this model's weights, no others."
                for each in objects
            },
        )
        profile = deployment.names.instance_profile(MODELS_INSTANCE)
        return ContainerRoles(
            task_arn=task.attr_arn,
            execution_arn=self.read("ExecutionRoleArn", f"roles/{MODELS_EXECUTION}"),
            instance_profile_arn=deployment.arn(
                "iam", f"instance-profile{deployment.names.role_path}{profile}", region=False
            ),
        )

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
