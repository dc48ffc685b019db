"""From a configuration to a deployment plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.plan.amis import AmiLock
from lisa_compiler.plan.content_audit import plan_content_audit
from lisa_compiler.plan.deployment import Deployment, LayerPlan, PlanError, RepositoryPlan
from lisa_compiler.plan.external_models import plan_external_models, plan_litellm_grants
from lisa_compiler.plan.names import REPOSITORIES, Names, model_id
from lisa_compiler.plan.services import plan_model, plan_rest_api
from lisa_compiler.plan.stacks import plan_stacks
from lisa_compiler.plan.trust import plan_trust
from lisa_schema.models import FunctionUser, OpenSearchEndpoint
from lisa_schema.regions import region as find_region

if TYPE_CHECKING:
    from lisa_schema.models import Config, RagRepository


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
        plan_model(model, config, region, names, lock, source=("ecsModels", position))
        for position, model in enumerate(config.ecs_models)
        if model.deploy
    )
    return Deployment(
        environment=environment,
        config=config,
        region=region,
        names=names,
        stacks=plan_stacks(config, names, models),
        rest_api=plan_rest_api(config, names, lock),
        models=models,
        external_models=plan_external_models(config, partition=region.partition.id),
        litellm_grants=plan_litellm_grants(config, partition=region.partition.id),
        layers=_layers(config),
        repositories=_repositories(config, names) if config.deploy_rag else (),
        python_runtime=_python_runtime(config),
        use_auth=config.auth_config is not None,
        content_audit=plan_content_audit(config, names),
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
        role_path=boundary.role_path if boundary else "/",
        prefix=config.deployment_prefix,
    )


def _python_runtime(config: Config) -> str:
    return config.lambda_config.python_runtime.lower().replace("_", "", 1).replace("_", ".")


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
                database_user=_database_user(repository, names),
            )
        )
    return tuple(plans)


def _database_user(repository: RagRepository, names: Names) -> str | None:
    database = repository.rds_config
    if database is None or database.signs_in is FunctionUser.CONFIGURED:
        return None
    return names.database_user(repository.repository_id, database.signs_in.value)
