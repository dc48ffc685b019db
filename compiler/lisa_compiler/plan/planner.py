"""From a configuration to a deployment plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lisa_compiler.plan.amis import AmiLock, plan_ami
from lisa_compiler.plan.connections import connection_environment, stop_timeout_seconds
from lisa_compiler.plan.deployment import Deployment, LayerPlan, ModelPlan, RepositoryPlan, ServicePlan, StackPlan
from lisa_compiler.plan.external_models import plan_external_model
from lisa_compiler.plan.images import BuiltImage, plan_image
from lisa_compiler.plan.names import DNS_LABEL_LIMIT, REPOSITORIES, Names, fit, model_id
from lisa_compiler.plan.provenance import following
from lisa_compiler.plan.trust import plan_trust
from lisa_compiler.plan.workers import gateway_workers
from lisa_schema.instances import instance_type, reservable_mib
from lisa_schema.models import OpenSearchEndpoint
from lisa_schema.owned_variables import canonical, is_declared, owned_variable
from lisa_schema.regions import region as find_region
from lisa_schema.rules.environment import SECRET_ARN
from lisa_schema.settable_variables import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.plan.amis import PlannedAmi
    from lisa_compiler.plan.external_models import ExternalModel
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

_S3_MOUNT_POINT = "/mnt/models-bucket"


_STACK_KEYS: Mapping[str, Path] = {
    "networking": ("vpc",),
    "core": ("lambdaConfig",),
    "api-base": ("authConfig",),
    "serve": ("restApiConfig",),
    "models-api": ("ecsModels",),
    "chat": ("deployChat",),
    "rag": ("deployRag",),
    "ui": ("deployUi",),
    "api-deployment": ("apiGatewayConfig",),
}
"""By component, the key that adds its stack to the deployment or configures most of it; iam follows from all keys."""


class PlanError(ValueError):
    """A valid configuration that cannot be planned: a defect of the rules, never of the user."""


def plan(environment: str, config: Config, ami_lock: AmiLock | None = None) -> Deployment:
    """Plan what an environment deploys.

    Args:
        environment: name of the environment.
        config: a validated configuration.
        ami_lock: the AMIs that are pinned; None pins nothing.
    """
    lock = ami_lock or AmiLock()
    region = find_region(config.region)
    if region is None:
        raise PlanError(config.region)
    names = _names(config)
    models = tuple(
        _model(model, config, region, names, lock, source=("ecsModels", position))
        for position, model in enumerate(config.ecs_models)
        if model.deploy
    )
    return Deployment(
        environment=environment,
        config=config,
        region=region,
        names=names,
        stacks=_stacks(config, names, models),
        rest_api=_rest_api(config, names, lock),
        models=models,
        external_models=_external_models(config, region),
        layers=_layers(config),
        repositories=_repositories(config, names) if config.deploy_rag else (),
        python_runtime=_python_runtime(config),
        use_auth=config.auth_config is not None,
        trust=plan_trust(config),
    )


def _names(config: Config) -> Names:
    boundary = config.permissions_boundary_aspect
    return Names(
        deployment=config.deployment_name,
        app=config.app_name,
        stage=config.deployment_stage,
        account=config.account_number,
        region=config.region,
        role_prefix=(boundary.role_prefix or "") if boundary else "",
        policy_prefix=(boundary.policy_prefix or "") if boundary else "",
        instance_profile_prefix=(boundary.instance_profile_prefix or "") if boundary else "",
        prefix=config.deployment_prefix,
    )


def _python_runtime(config: Config) -> str:
    return config.lambda_config.python_runtime.lower().replace("_", "", 1).replace("_", ".")


def _external_models(config: Config, region: Region) -> tuple[ExternalModel, ...]:
    return tuple(
        plan_external_model(entry, partition=region.partition.id, region=config.region, account=config.account_number)
        for entry in config.litellm_config.model_list
    )


def _layers(config: Config) -> tuple[LayerPlan, ...]:
    assets = config.lambda_layer_assets
    prebuilt = {
        "authorizer": assets.authorizer_layer_path,
        "common": assets.common_layer_path,
        "fastapi": assets.fastapi_layer_path,
        "rag": assets.rag_layer_path,
        "sdk": assets.sdk_layer_path,
    }
    return tuple(LayerPlan(name=name, prebuilt=path) for name, path in prebuilt.items())


def _repositories(config: Config, names: Names) -> tuple[RepositoryPlan, ...]:
    plans = []
    for index, repository in enumerate(config.rag_repositories):
        resource: str | None
        if repository.type == "pgvector":
            existing = repository.rds_config is not None and repository.rds_config.db_host is not None
            resource = None if existing else names.database(repository.repository_id)
        else:
            existing = isinstance(repository.opensearch_config, OpenSearchEndpoint)
            resource = None if existing else names.search_domain(repository.repository_id)
        plans.append(
            RepositoryPlan(
                id=model_id(repository.repository_id),
                key=("ragRepositories", index),
                config=repository,
                resource_name=resource,
                connection_parameter=names.parameter(f"{REPOSITORIES}/{repository.repository_id}"),
            )
        )
    return tuple(plans)


def _stacks(config: Config, names: Names, models: tuple[ModelPlan, ...]) -> tuple[StackPlan, ...]:
    foundations = ("iam", "networking", "core")
    api = (*foundations, "api-base")
    stacks: list[tuple[str, str, tuple[str, ...]]] = [
        ("iam", "encryption key, roles and policies", ()),
        ("networking", "VPC, endpoints, security groups and private DNS", ("iam",)),
        ("core", "Lambda layers and access-log bucket", ("iam",)),
        ("api-base", "API Gateway API with its authorizer", foundations),
        # The gateway answers the web application, whose address is that of the API.
        ("serve", "OpenAI-compatible REST API", api),
        *((model.component, f"model {model.identifier}", foundations) for model in models),
        ("models-api", "API for model management", api),
    ]
    routes = ["models-api"]
    if config.deploy_chat:
        stacks.append(("chat", "chat sessions", api))
        routes.append("chat")
    if config.deploy_rag:
        stacks.append(("rag", "retrieval augmented generation", (*api, "serve")))
        routes.append("rag")
    if config.deploy_ui:
        stacks.append(("ui", "chat application", (*api, "serve")))
        routes.append("ui")
    stacks.append(("api-deployment", "deployment and stage of the API", ("api-base", *routes)))
    keys = {**_STACK_KEYS, **{model.component: model.service.key for model in models}}
    switches = {component: (_STACK_KEYS[component],) for component in ("chat", "rag", "ui")} | {
        model.component: (
            (*model.service.key, "deploy"),
            (*model.service.key, "modelId" if model.config.model_id else "modelName"),
        )
        for model in models
    }
    return tuple(
        StackPlan(
            component=component,
            name=names.stack(component),
            description=f"LISA {config.deployment_name} ({config.deployment_stage}): {purpose}",
            depends_on=depends_on,
            key=keys.get(component, ()),
            switches=switches.get(component, ()),
        )
        for component, purpose, depends_on in stacks
    )


def _rest_api(config: Config, names: Names, lock: AmiLock) -> ServicePlan:
    rest = config.rest_api_config
    auth = config.auth_config
    instance = _instance(rest.instance_type)
    task_mib = (instance.memory_mib - _REST_API_RESERVED_MIB) // _REST_API_TASKS_PER_INSTANCE
    environment = {
        "ADMIN_GROUP": auth.admin_group if auth else "",
        "AUTHORITY": auth.authority if auth else "",
        "AWS_REGION": config.region,
        "AWS_REGION_NAME": config.region,
        "CLIENT_ID": auth.client_id if auth else "",
        "JWT_GROUPS_PROP": auth.jwt_groups_property if auth else "",
        "LOG_LEVEL": config.log_level,
        "REGISTERED_MODELS_PS_NAME": names.parameter("registeredModels"),
        "THREADS": following(str(gateway_workers(instance.vcpus, task_mib)), rest.instance_type),
        "TOKEN_TABLE_NAME": names.token_table,
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


def _model(model: EcsModel, config: Config, region: Region, names: Names, lock: AmiLock, *, source: Path) -> ModelPlan:
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
    if region.s5cmd_endpoint is not None:
        environment["S3_ENDPOINT_URL"] = region.s5cmd_endpoint
    if config.mount_s3_deb_url:
        environment["S3_MOUNT_POINT"] = _S3_MOUNT_POINT
    if model.model_type == "embedding":
        environment["SAGEMAKER_BASE_DIR"] = environment["LOCAL_MODEL_PATH"]
    service = _service(
        key,
        source=source,
        named=following(key, identifier),
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
    )


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
) -> ServicePlan:
    trust = plan_trust(config)
    if trust is not None:
        environment.update(trust.container_variables)
    environment = _container_environment(kind, environment | connection_environment(kind), container)
    image = plan_image(
        key.lower(), container, kind=kind, config=config, local_code_path=environment.get("LOCAL_CODE_PATH", "")
    )
    plain = {name: value for name, value in environment.items() if not SECRET_ARN.match(value)}
    memory_mib = following(reservable_mib(instance, reserved_mib), instance.name)
    return ServicePlan(
        id=key,
        key=source,
        cluster=names.cluster(named),
        task_role=names.role(f"{named}-task"),
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
        privileged=kind != GATEWAY and config.mount_s3_deb_url is not None and isinstance(image, BuiltImage),
        stop_timeout_seconds=stop_timeout_seconds(kind, environment),
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
