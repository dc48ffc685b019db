"""Divides a plan into the inputs of its stacks, and names each input by its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from lisa_compiler.emit.cloudformation.protocol import SharedModelAccess, StackInput
from lisa_compiler.plan.alarms import watched_services
from lisa_compiler.plan.egress import functions_egress
from lisa_compiler.plan.images import BuiltImage, TarballImage, repository_of
from lisa_compiler.plan.provenance import bare
from lisa_compiler.product.artifact import WEB_APPLICATION
from lisa_schema.endpoints import required_endpoints

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment, ModelPlan
    from lisa_compiler.plan.artifacts import ArtifactDigests
    from lisa_compiler.plan.service_plans import ServicePlan
    from lisa_compiler.product.artifact import ProductArtifact

_FUNCTIONS = {
    "api-base": ("authorizer",),
    "chat": ("session",),
    "models-api": ("models",),
    "rag": ("rag",),
    "serve": ("sign-outs", "tokens", "usage"),
}
"""The Lambda functions of each stack that has some of the package lisa_lambdas."""

_FIRST = ("iam", "networking", "core", "api-base", "serve", "models-api", "api-deployment")
_LAST = ("chat", "rag", "ui")
# Of the configuration, what most stacks do not read: the plan has it, or a single stack reads it.
_OF_OTHERS = {"access_config": None, "ecs_models": (), "litellm_config": None, "profile": None, "rag_repositories": ()}


def stack_inputs(
    deployment: Deployment, digests: ArtifactDigests, products: Mapping[str, ProductArtifact], env_js: str
) -> tuple[StackInput, ...]:
    """The inputs of a deployment's stacks, in the order of the assembly.

    Args:
        deployment: the plan.
        digests: digests of its artifacts.
        products: its product artifacts by name.
        env_js: settings of the web application, in which `${ApiUrl}` and `${RestApiUri}` are known at deployment.
    """
    models = {model.component: model for model in deployment.models}
    order = (*_FIRST, *models, *(component for component in _LAST if deployment.deploys(component)))
    divider = _Divider(deployment, digests, products)
    return tuple(
        divider.model(models[component]) if component in models else divider.shared(component, env_js)
        for component in order
    )


class _Divider:
    def __init__(
        self, deployment: Deployment, digests: ArtifactDigests, products: Mapping[str, ProductArtifact]
    ) -> None:
        self._deployment = deployment
        self._digests = digests
        self._products = products
        self._no_digests = replace(
            digests, images={}, layers={}, functions={}, website="", database_trust=None, gateway=None
        )
        self._shared_config = deployment.config.model_copy(update=_OF_OTHERS)
        self._models_config = deployment.config.model_copy(update={"ecs_models": (), "profile": None})
        self._model_config = self._shared_config.model_copy(
            update={"rest_api_config": None, "rag_file_processing_config": None, "api_gateway_config": None}
        )

    def model(self, model: ModelPlan) -> StackInput:
        deployment = replace(
            self._reduced(model.component),
            config=self._model_config,
            models=(model,),
            # Reading what belongs to the gateway must fail: a model's stack does not change with it.
            rest_api=cast("ServicePlan", None),
        )
        return StackInput(
            component=model.component,
            deployment=deployment,
            digests=replace(self._no_digests, images=self._image_digests(model.service)),
            products=self._named(self._image_names(model.service)),
        )

    def shared(self, component: str, env_js: str) -> StackInput:
        deployment = self._deployment
        reduced = self._reduced(component)
        digests = self._no_digests
        names: list[str] = []
        functions = (f"functions/{function}" for function in _FUNCTIONS.get(component, ()))
        names += [name for name in functions if name in self._products]
        match component:
            case "core":
                reduced = replace(reduced, layers=deployment.layers)
                digests = replace(digests, layers=self._digests.layers)
                names += [f"layers/{layer.name}" for layer in deployment.layers if not layer.prebuilt]
            case "iam":
                reduced = replace(reduced, repositories=deployment.repositories)
            case "rag":
                access = {"access_config": deployment.config.access_config}
                config = self._shared_config.model_copy(update=access)
                reduced = replace(reduced, config=config, repositories=deployment.repositories)
                digests = replace(digests, database_trust=self._digests.database_trust)
                names += ["functions/database"] if deployment.makes_database_users else []
            case "models-api":
                reduced = replace(reduced, config=self._models_config)
            case "serve":
                reduced = replace(
                    reduced,
                    external_models=deployment.external_models,
                    litellm_grants=deployment.litellm_grants,
                    content_audit=deployment.content_audit,
                )
                digests = replace(
                    digests, images=self._image_digests(deployment.rest_api), gateway=self._digests.gateway
                )
                names += self._image_names(deployment.rest_api)
            case "ui":
                digests = replace(digests, website=self._digests.website)
                names.append(WEB_APPLICATION)
        return StackInput(
            component=component,
            deployment=reduced,
            digests=digests,
            products=self._named(names),
            env_js=env_js if component == "ui" else "",
            registered_models=_registered_models(deployment) if component == "serve" else (),
            model_keys=tuple(model.service.key for model in deployment.models) if component == "serve" else (),
            watched=watched_services(deployment) if component == "serve" else (),
            model_ports=_model_ports(deployment) if component in {"networking", "serve"} else (),
            functions_egress=functions_egress(deployment.config) if component == "networking" else (),
            created_endpoints=_created_endpoints(deployment) if component == "networking" else (),
            has_databases=component == "networking" and _has_databases(deployment),
            shared_models=_shared_models(deployment) if component == "iam" else None,
        )

    def _reduced(self, component: str) -> Deployment:
        """The plan without what only single stacks read."""
        deployment = self._deployment
        return replace(
            deployment,
            config=self._shared_config,
            stacks=(deployment.stack(component),),
            models=(),
            external_models=(),
            litellm_grants=(),
            content_audit=None,
            layers=(),
            repositories=(),
        )

    def _named(self, names: Iterable[str]) -> dict[str, ProductArtifact]:
        return {name: self._products[name] for name in names}

    def _image_digests(self, service: ServicePlan) -> dict[str, str]:
        image = service.image
        if isinstance(image, BuiltImage):
            return {image.context: self._digests.images[image.context]}
        if isinstance(image, TarballImage):
            return {image.path: self._digests.images[image.path]}
        return {}

    def _image_names(self, service: ServicePlan) -> list[str]:
        image = service.image
        return [image.context] if isinstance(image, BuiltImage) and image.context in self._products else []


def _registered_models(deployment: Deployment) -> tuple[Mapping[str, str | bool | None], ...]:
    return tuple(
        {
            "provider": model.provider,
            "modelName": name,
            "modelId": identifier,
            "modelType": str(model.config.model_type),
            "endpointUrl": model.url,
            "streaming": model.config.streaming,
        }
        for model in deployment.models
        for name, identifier in zip((model.config.model_name, *model.served_names[1:]), model.served_names, strict=True)
    )


def _model_ports(deployment: Deployment) -> tuple[int, ...]:
    return tuple(sorted({model.service.port for model in deployment.models}))


def _created_endpoints(deployment: Deployment) -> tuple[str, ...]:
    """Services that the deployment calls and an imported VPC has no endpoint of, where LISA creates these."""
    vpc = deployment.config.vpc
    if vpc is None or not vpc.create_endpoints:
        return ()
    existing = {bare(service) for service in vpc.endpoint_services or ()}
    return tuple(service for service in required_endpoints(deployment.config) if service not in existing)


def _has_databases(deployment: Deployment) -> bool:
    return any(plan.config.rds_config is not None and plan.resource_name for plan in deployment.repositories)


def _shared_models(deployment: Deployment) -> SharedModelAccess | None:
    if not deployment.models:
        return None
    services = [model.service for model in deployment.models]
    partition = deployment.region.partition.id
    images = {arn for service in services if (arn := repository_of(service.image, partition)) is not None}
    return SharedModelAccess(
        repositories=tuple(sorted(images, key=bare)),
        secrets=tuple(sorted({arn for service in services for _, arn in service.secrets}, key=bare)),
        stacks=_model_stacks(deployment),
        assets=any(isinstance(service.image, BuiltImage | TarballImage) for service in services),
    )


def _model_stacks(deployment: Deployment) -> tuple[str, ...]:
    """Names of the models' stacks, with a wildcard where it fits."""
    names = deployment.names
    pattern = f"{names.deployment}-{names.app}-model-*-{names.stage}"
    own = {deployment.stack(model.component).name for model in deployment.models}
    shortened = {name for name in own if not fnmatchcase(bare(name), bare(pattern))}
    return tuple(sorted(({pattern} if own - shortened else set()) | shortened))


class InputDigests:
    """Names inputs by their content; parts that several inputs share are written once."""

    def __init__(self) -> None:
        # The object is kept with its text, so that its id is not given to another one.
        self._texts: dict[int, tuple[object, str]] = {}

    def digest(self, stack: StackInput) -> str:
        """SHA-256 of an input, in hexadecimal: the same for equal inputs, in every process.

        Raises:
            TypeError: the input has a value of an unknown type.
        """
        return hashlib.sha256(self._text(stack).encode()).hexdigest()

    def _text(self, value: Any) -> str:
        if isinstance(value, BaseModel):
            return self._shared(value, dict(value))
        if is_dataclass(value) and not isinstance(value, type):
            return self._shared(value, {field.name: getattr(value, field.name) for field in fields(value)})
        return (
            self._collection(value) if isinstance(value, Collection) and not isinstance(value, str) else _plain(value)
        )

    def _collection(self, value: Collection[Any]) -> str:
        if isinstance(value, Mapping):
            return f"{{{','.join(f'{self._text(key)}:{self._text(value[key])}' for key in sorted(value))}}}"
        if isinstance(value, frozenset | set):
            return f"({','.join(sorted(map(self._text, value)))})"
        if isinstance(value, list | tuple):
            return f"[{','.join(map(self._text, value))}]"
        raise TypeError(type(value).__name__)

    def _shared(self, value: object, content: Mapping[str, Any]) -> str:
        known = self._texts.get(id(value))
        if known is None:
            parts = ",".join(f"{name}={self._text(part)}" for name, part in content.items())
            known = self._texts[id(value)] = (value, f"{type(value).__qualname__}({parts})")
        return known[1]


def _plain(value: object) -> str:
    plain = value.value if isinstance(value, Enum) else value
    if plain is None or isinstance(plain, bool | int | float | str):
        return json.dumps(plain)
    raise TypeError(type(value).__name__)
