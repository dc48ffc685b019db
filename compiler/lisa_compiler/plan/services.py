"""Container services: the REST API and the hosted models, with what their containers are given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lisa_compiler.plan.amis import AmiLock, plan_ami
from lisa_compiler.plan.connections import connection_environment, stop_timeout_seconds
from lisa_compiler.plan.deployment import PlanError
from lisa_compiler.plan.egress import container_egress, gateway_egress
from lisa_compiler.plan.images import BuiltImage, plan_image
from lisa_compiler.plan.names import DNS_LABEL_LIMIT, GATEWAY_CONFIGURATION, Names, fit, model_id
from lisa_compiler.plan.provenance import bare, following
from lisa_compiler.plan.served_names import served_name
from lisa_compiler.plan.service_plans import AdapterPlan, ModelKeyPlan, ModelPlan, ServicePlan
from lisa_compiler.plan.trust import plan_trust
from lisa_compiler.plan.workers import gateway_workers
from lisa_schema.arns import secret_reference
from lisa_schema.instances import instance_type, reservable_mib
from lisa_schema.settable_variables import GATEWAY
from lisa_schema.variable_ownership import canonical, is_declared, owned_variable

if TYPE_CHECKING:
    from lisa_compiler.plan.amis import PlannedAmi
    from lisa_schema.document import Path
    from lisa_schema.instances import InstanceType
    from lisa_schema.models import AutoScalingConfig, Config, ContainerConfig, EcsModel, LoadBalancerConfig
    from lisa_schema.regions import Region

# What the operating system, the ECS agent and the file cache keep of an instance's memory (spec: stacks, 4 and 5).
_REST_API_RESERVED_MIB = 2 * 1024
_MODEL_RESERVED_MIB = 5 * 1024
# The gateway's next task starts on the instance of the one that it replaces, so that both must fit.
_REST_API_TASKS_PER_INSTANCE = 2
_MODEL_TASKS_PER_INSTANCE = 1

# Servers keep caches below it; the home directory of the container's user may not exist, and cannot be written to.
_HOME = "/tmp"  # noqa: S108  # a mount of the container's own
_S3_MOUNT_POINT = "/mnt/models-bucket"


def plan_rest_api(config: Config, names: Names, lock: AmiLock) -> ServicePlan:
    """Plan the service of the REST API.

    Args:
        config: a validated configuration.
        names: names of its deployment.
        lock: the AMIs that are pinned.

    Raises:
        PlanError: a variable that LISA sets is not declared, or the configuration sets one that LISA owns.
    """
    rest = config.rest_api_config
    auth = config.auth_config
    instance = _instance(rest.instance_type)
    task_mib = (instance.memory_mib - _REST_API_RESERVED_MIB) // _REST_API_TASKS_PER_INSTANCE
    environment = {
        "ADMIN_GROUP": auth.admin_group if auth else "",
        "AUDIT_LOG_GROUP": names.audit_log_group,
        "AUTHORITY": auth.authority if auth else "",
        "AWS_REGION": config.region,
        "AWS_REGION_NAME": config.region,
        "CLIENT_ID": auth.client_id if auth else "",
        "GATEWAY_CONFIGURATION_PS_NAME": names.parameter(GATEWAY_CONFIGURATION),
        "JWT_GROUPS_PROP": auth.jwt_groups_property if auth else "",
        "LEGACY_TOKENS": "true" if auth is None or auth.legacy_tokens else "false",
        "LIMITS_TABLE_NAME": names.limits_table,
        "LOG_LEVEL": config.log_level,
        "REGISTERED_MODELS_PS_NAME": names.parameter("registeredModels"),
        "THREADS": following(str(gateway_workers(instance.vcpus, task_mib)), rest.instance_type),
        "SIGN_OUT_TABLE_NAME": names.sign_out_table if auth and auth.back_channel_logout else "",
        "TOKEN_TABLE_NAME": names.token_table,
        "USAGE_TABLE_NAME": names.usage_table,
        "USE_AUTH": "true" if auth else "false",
    }
    return _service(
        "rest-api",
        source=("restApiConfig",),
        named="rest-api",
        container=rest.container_config,
        auto_scaling=rest.auto_scaling_config,
        load_balancer=rest.load_balancer_config,
        kind=GATEWAY,
        instance=instance,
        ami=plan_ami(rest, config, lock, has_gpus=bool(instance.gpus)),
        reserved_mib=_REST_API_RESERVED_MIB,
        tasks_per_instance=_REST_API_TASKS_PER_INSTANCE,
        internet_facing=rest.internet_facing,
        environment=environment,
        config=config,
        names=names,
    )


def plan_model(
    model: EcsModel, config: Config, region: Region, names: Names, lock: AmiLock, *, source: Path
) -> ModelPlan:
    """Plan a hosted model with its service.

    Args:
        model: the entry of ecsModels.
        config: a validated configuration.
        region: its region.
        names: names of its deployment.
        lock: the AMIs that are pinned.
        source: where the entry stands in the configuration.

    Raises:
        PlanError: a variable that LISA sets is not declared, or the configuration sets one that LISA owns.
    """
    identifier = model.identifier
    key = model_id(identifier)
    instance = _instance(model.instance_type)
    environment = {
        "AWS_REGION": config.region,
        "LOCAL_CODE_PATH": model.local_model_code,
        "LOCAL_MODEL_PATH": f"{config.nvme_container_mount_path}/model",
        "MODEL_NAME": model.model_name,
        "S3_BUCKET_MODELS": config.s3_bucket_models,
        "THREADS": following(str((instance.vcpus + 1) // 2), model.instance_type),
    }
    if public_name := served_name(model):
        environment["PUBLIC_MODEL_NAME"] = public_name
    if region.s5cmd_endpoint is not None:
        environment["S3_ENDPOINT_URL"] = region.s5cmd_endpoint
    if config.mount_s3_deb_url:
        environment["S3_MOUNT_POINT"] = _S3_MOUNT_POINT
    if model.model_type == "embedding":
        environment["SAGEMAKER_BASE_DIR"] = environment["LOCAL_MODEL_PATH"]
    if model.inference_container == "sglang" and model.model_type == "embedding":
        environment["MODEL_TYPE"] = following("embedding", model.model_type)
    if model.container_config.user.partition(":")[0] != "0":
        environment["HOME"] = _HOME
    service = _service(
        key,
        source=source,
        named=following(key, identifier),
        arguments=model.server_args,
        container=model.container_config,
        auto_scaling=model.auto_scaling_config,
        load_balancer=model.load_balancer_config,
        kind=model.inference_container,
        instance=instance,
        ami=plan_ami(model, config, lock, has_gpus=bool(instance.gpus)),
        reserved_mib=_MODEL_RESERVED_MIB,
        tasks_per_instance=_MODEL_TASKS_PER_INSTANCE,
        internet_facing=False,
        environment=environment,
        config=config,
        names=names,
    )
    dns_name = f"{fit(following(key.lower(), identifier), DNS_LABEL_LIMIT)}.{names.private_zone}"
    host = service.load_balancer.domain_name or dns_name
    return ModelPlan(
        id=key,
        identifier=identifier,
        config=model,
        component=f"model-{key}",
        service=service,
        dns_name=dns_name,
        url=f"{service.scheme}://{host}",
        adapters=_adapters(model),
        key=_key(config, names, key, identifier),
    )


def _key(config: Config, names: Names, key: str, identifier: str) -> ModelKeyPlan | None:
    if not config.model_keys:
        return None
    return ModelKeyPlan(
        secret=names.model_key_secret(following(key, identifier)),
        variable=following(f"LISA_MODEL_KEY_{key.upper()}", identifier),
    )


def _adapters(model: EcsModel) -> tuple[AdapterPlan, ...]:
    plans = []
    for adapter in model.adapters:
        directory = following(bare(adapter.source).replace("/", "+"), adapter.source)
        plans.append(
            AdapterPlan(
                name=adapter.name,
                weights=adapter.source,
                list_path=f"adapters/{bare(directory)}.tsv",
                directory=directory,
            )
        )
    return tuple(plans)


def _service(
    key: str,
    *,
    source: Path,
    named: str,
    container: ContainerConfig,
    auto_scaling: AutoScalingConfig,
    load_balancer: LoadBalancerConfig,
    kind: str,
    instance: InstanceType,
    ami: PlannedAmi,
    reserved_mib: int,
    tasks_per_instance: int,
    internet_facing: bool,
    environment: dict[str, str],
    config: Config,
    names: Names,
    arguments: tuple[str, ...] = (),
) -> ServicePlan:
    trust = plan_trust(config)
    if trust is not None:
        environment.update(trust.container_variables)
    environment = _container_environment(kind, environment | connection_environment(kind), container)
    image = plan_image(
        key.lower(), container, kind=kind, config=config, local_code_path=environment.get("LOCAL_CODE_PATH", "")
    )
    plain = {name: value for name, value in environment.items() if secret_reference(bare(value)) is None}
    memory_mib = following(reservable_mib(instance, reserved_mib), instance.name)
    return ServicePlan(
        id=key,
        key=source,
        cluster=names.cluster(named),
        instance=instance,
        ami=ami,
        image=image,
        container=container,
        auto_scaling=auto_scaling,
        load_balancer=load_balancer,
        internet_facing=internet_facing,
        memory_mib=memory_mib,
        memory_reservation_mib=following(memory_mib // tasks_per_instance, instance.name),
        environment=tuple(sorted(plain.items())),
        secrets=tuple(sorted((name, value) for name, value in environment.items() if name not in plain)),
        egress=gateway_egress(config) if kind == GATEWAY else container_egress(config, container),
        privileged=kind != GATEWAY and config.mount_s3_deb_url is not None and isinstance(image, BuiltImage),
        stop_timeout_seconds=stop_timeout_seconds(kind, environment),
        arguments=arguments,
    )


def _container_environment(kind: str, environment: dict[str, str], container: ContainerConfig) -> dict[str, str]:
    """What LISA sets, then what the configuration adds: it changes only variables that are declared as settable."""
    undeclared = [name for name in environment if not is_declared(kind, name)]
    taken = [
        name
        for name in container.environment
        if canonical(kind, name) in environment and owned_variable(kind, name) is not None
    ]
    if undeclared or taken:
        raise PlanError(", ".join((*undeclared, *taken)))
    return {**environment, **container.environment}


def _instance(name: str) -> InstanceType:
    found = instance_type(name)
    if found is None:
        raise PlanError(name)
    return replace(found, name=name, gpus=following(found.gpus, name))
