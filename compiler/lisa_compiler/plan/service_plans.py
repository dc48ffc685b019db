"""Plans of container services: the gateway, and the hosted models with their adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lisa_compiler.plan.amis import PlannedAmi
    from lisa_compiler.plan.egress import Egress
    from lisa_compiler.plan.images import PlannedImage
    from lisa_schema.document import Path
    from lisa_schema.instances import InstanceType
    from lisa_schema.models import (
        AutoScalingConfig,
        ContainerConfig,
        EcsModel,
        LoadBalancerConfig,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlan:
    """A container service on its own cluster of EC2 instances behind its own load balancer.

    Attributes:
        id: letters and digits (and hyphens for the REST API); in names, logical ids and paths.
        key: the key of its configuration: `restApiConfig`, or an entry of `ecsModels`.
        cluster: name of the ECS cluster and of its auto scaling group.
        instance: hardware of each instance.
        ami: what each instance boots.
        image: where the container image comes from.
        container: the container's configuration.
        auto_scaling: capacity and scaling.
        load_balancer: certificate, domain name and health check.
        internet_facing: whether the load balancer has public addresses.
        memory_mib: MiB of an instance's memory that its tasks may use; the system keeps the rest.
        memory_reservation_mib: MiB that ECS reserves for a task when it places it; no limit.
        environment: variables in order of name, the user's own having won.
        secrets: variables whose value is a Secrets Manager or Parameter Store ARN, resolved by ECS at start.
        privileged: whether the container needs FUSE, and so runs privileged.
        egress: connections that its instances may open.
        stop_timeout_seconds: how long ECS waits after SIGTERM before it kills the container.
        arguments: what the image's entrypoint is started with, each as one word.
    """

    id: str
    key: Path
    cluster: str
    instance: InstanceType
    ami: PlannedAmi
    image: PlannedImage
    container: ContainerConfig
    auto_scaling: AutoScalingConfig
    load_balancer: LoadBalancerConfig
    internet_facing: bool
    memory_mib: int
    memory_reservation_mib: int
    environment: tuple[tuple[str, str], ...]
    secrets: tuple[tuple[str, str], ...]
    privileged: bool
    egress: tuple[Egress, ...]
    stop_timeout_seconds: int
    arguments: tuple[str, ...] = ()

    @property
    def certificate_arn(self) -> str | None:
        """ARN of the listener's certificate; None means plain HTTP."""
        return self.load_balancer.ssl_cert_iam_arn

    @property
    def port(self) -> int:
        """Port of the load balancer's listener."""
        return 443 if self.certificate_arn else 80

    @property
    def scheme(self) -> str:
        """`https` or `http`."""
        return "https" if self.certificate_arn else "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterPlan:
    """A LoRA adapter that is served with its base model.

    Attributes:
        name: its name for clients, which the server is started with.
        weights: name of its weights in models/, in the lock file and in the bucket.
        list_path: path of the list of its files in the build context.
        directory: name of its directory on the instance's disk; `+` is in no name, so that it is unique.
    """

    name: str
    weights: str
    list_path: str
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelKeyPlan:
    """The key that the server of a model requires, which only the gateway reads.

    Attributes:
        secret: name of its Secrets Manager secret, which holds it as plain text.
        variable: the variable of LiteLLM's process that holds it.
    """

    secret: str
    variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """A model that the deployment hosts.

    Attributes:
        id: the identifier's letters and digits.
        identifier: `modelId`, else `modelName`: what clients call the model.
        config: the model's configuration.
        component: component of its stack.
        service: how its container runs.
        dns_name: stable name in the private hosted zone.
        url: stable address of its load balancer, without a path.
        adapters: the LoRA adapters that its server loads.
        key: the key that its server requires; None for none.
    """

    id: str
    identifier: str
    config: EcsModel
    component: str
    service: ServicePlan
    dns_name: str
    url: str
    adapters: tuple[AdapterPlan, ...] = ()
    key: ModelKeyPlan | None = None

    @property
    def provider(self) -> str:
        """`<modelHosting>.<modelType>.<inferenceContainer>`, as the deprecated v1 routes name it."""
        return f"{self.config.model_hosting}.{self.config.model_type}.{self.config.inference_container}"

    @property
    def served_names(self) -> tuple[str, ...]:
        """What clients call the model, and each of its adapters."""
        return (self.identifier, *(adapter.name for adapter in self.adapters))

    @property
    def weights_names(self) -> tuple[str, ...]:
        """Names of the weights of the model and of its adapters, in models/ and in the lock file."""
        return tuple(dict.fromkeys((self.config.model_name, *(adapter.weights for adapter in self.adapters))))

    @property
    def weights_prefixes(self) -> tuple[str, ...]:
        """Key prefixes of its weights and its adapters in the models bucket, of any content, with a trailing slash.

        Its role reads all of them, so that tasks with the previous and the next weights run during an update.
        """
        return tuple(f"{name}/" for name in self.weights_names)
