"""Keys that have no effect beside the other settings of the same environment.

A part that is switched off explicitly, such as a model with `deploy: false` or RAG with `deployRag: false`, is not
reported: the switch states that its keys do not apply. docs/decisions/0041-keys-without-effect.md lists every key.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.legacy_syntax import BUILT_IN_CONTEXTS
from lisa_schema.models import AssetImage, Config, EcsModel, InferenceContainer
from lisa_schema.regions import region
from lisa_schema.rules.registry import RuleViolation, rule


@rule(
    "LISA374",
    "key-without-effect",
    "Remove the key, or set it to null in the environment that it does not apply to.",
    Severity.WARNING,
)
def key_without_effect(config: Config) -> Iterator[RuleViolation]:
    """A key must have an effect: it must apply with the other settings of the environment."""
    yield from _without_rag(config)
    yield from _without_builds(config)
    yield from _model_code(config)
    yield from _tags(config)
    yield from _incomplete_pairs(config)
    yield from _open_egress(config)


def _without_rag(config: Config) -> Iterator[RuleViolation]:
    if config.deploy_rag or "deploy_rag" in config.model_fields_set:
        return
    for key, value in (
        ("ragRepositories", config.rag_repositories),
        ("ragFileProcessingConfig", config.rag_file_processing_config),
    ):
        if value:
            message = f"`{key}` has no effect unless `deployRag` is true."
            fix = "Set `deployRag` to true; set it to false if the omission is intended."
            yield RuleViolation((key,), message, fix, (("deployRag",),))


def _without_builds(config: Config) -> Iterator[RuleViolation]:
    models = config.deployed_models
    if config.mount_s3_deb_url and not any(_is_built(model) for model in models):
        message = "`mountS3DebUrl` has no effect: mount-s3 is installed in model images that LISA builds, and none is."
        yield RuleViolation(("mountS3DebUrl",), message, None, (("ecsModels",),))
    if config.conda_url and not any(_is_built(model) and _has_own_code(model) for model in models):
        message = (
            "`condaUrl` has no effect: only the images of the instructor container and of your own contexts use it, "
            "and none is built."
        )
        yield RuleViolation(("condaUrl",), message, None, (("ecsModels",),))


def _model_code(config: Config) -> Iterator[RuleViolation]:
    for index, model in enumerate(config.ecs_models):
        is_set = model.deploy and "local_model_code" in model.model_fields_set
        if is_set and _is_built(model) and not _has_own_code(model):
            at: Path = ("ecsModels", index, "localModelCode")
            message = (
                f"`localModelCode` has no effect: the container {model.inference_container} runs no code of yours."
            )
            yield RuleViolation(at, message, None, (("ecsModels", index, "inferenceContainer"),))


def _tags(config: Config) -> Iterator[RuleViolation]:
    home = region(config.region)
    if config.tags and "tags" in config.model_fields_set and home is not None and home.is_iso:
        message = f"`tags` has no effect in {home.name}: stacks in isolated Regions get no tags."
        yield RuleViolation(("tags",), message, "Set `tags` to [] in this environment.", (("region",),))


def _open_egress(config: Config) -> Iterator[RuleViolation]:
    for key, values in (("egressAddresses", config.egress_addresses), ("egressPorts", config.egress_ports)):
        if config.open_egress and values:
            message = f"`{key}` has no effect: `openEgress` is true, so that every address and port is permitted."
            yield RuleViolation((key,), message, f"Remove `openEgress` or `{key}`.", (("openEgress",),))


def _incomplete_pairs(config: Config) -> Iterator[RuleViolation]:
    api, auth = config.api_gateway_config, config.auth_config
    if api.certificate_arn and not api.domain_name:
        at: Path = ("apiGatewayConfig", "certificateArn")
        message = "`certificateArn` has no effect without `domainName`: the API keeps the name that AWS gives it."
        fix = "Set `apiGatewayConfig.domainName` to the name that the certificate has, or remove `certificateArn`."
        yield RuleViolation(at, message, fix, (("apiGatewayConfig", "domainName"),))
    if auth is not None and auth.jwt_groups_property and not auth.admin_group:
        at = ("authConfig", "jwtGroupsProperty")
        message = "`jwtGroupsProperty` has no effect without `adminGroup`: groups decide only who is an administrator."
        fix = "Set `authConfig.adminGroup` to the group of administrators, or remove `jwtGroupsProperty`."
        yield RuleViolation(at, message, fix, (("authConfig", "adminGroup"),))


def _is_built(model: EcsModel) -> bool:
    return isinstance(model.container_config.image, AssetImage)


def _has_own_code(model: EcsModel) -> bool:
    image = model.container_config.image
    context = str(PurePosixPath(image.path)) if isinstance(image, AssetImage) and image.path else ""
    return (
        context not in {"", *BUILT_IN_CONTEXTS.values()} or model.inference_container == InferenceContainer.INSTRUCTOR
    )
