"""Rules about images: that image, server and hardware fit, and that a tag names what was reviewed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.engine_images import Accelerator, EngineImage, engine_image
from lisa_schema.engine_settings import TITLES
from lisa_schema.image_reference import is_moving, web_page
from lisa_schema.instances import InstanceType, instance_type
from lisa_schema.models import AssetImage, Config, EcrImage, EcsModel, InferenceContainer, RegistryImage
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import Service, container_kind, runs_own_entrypoint, services
from lisa_schema.settable_variables import GATEWAY
from lisa_schema.vulnerabilities import known_vulnerabilities, safe_versions, table_date

_NEEDS_GPU: Final = (InferenceContainer.TGI, InferenceContainer.VLLM, InferenceContainer.SGLANG)
_LISTED: Final = 3


@rule("LISA322", "gpu-needed", "Use a type with NVIDIA GPUs, such as g5.xlarge or g6e.xlarge.", Severity.WARNING)
def gpu_needed(config: Config) -> Iterator[RuleViolation]:
    """Containers whose image is built for GPUs require an instance with NVIDIA GPUs."""
    for path, model, image, host in _hosted(config):
        if _has_nvidia(host):
            continue
        container = model.inference_container
        if image.accelerator is Accelerator.NVIDIA:
            message = f"The image `{image.name}` requires an NVIDIA GPU, but {host.name} has none."
            fix = None if container in _NEEDS_GPU else "Use a type with NVIDIA GPUs, or an image for CPUs (`cpu-…`)."
        elif container in _NEEDS_GPU and image.accelerator is None:
            message, fix = f"{container} requires an NVIDIA GPU, but {host.name} has none.", None
        else:
            continue
        yield RuleViolation(
            (*path, "instanceType"), message, fix, ((*path, "inferenceContainer"), _image_path(path, model))
        )


@rule(
    "LISA501",
    "image-engine",
    "Use an image of the inference container, or change inferenceContainer.",
    Severity.WARNING,
)
def image_of_engine(config: Config) -> Iterator[RuleViolation]:
    """An image must contain the server that its container starts."""
    for path, service in services(config):
        container = container_kind(service)
        image = engine_image(service.container_config.image)
        if container == InferenceContainer.INSTRUCTOR and image.engine == "tei" and runs_own_entrypoint(service):
            message = f"`{image.name}` contains no Python, in which the instructor container runs."
            fix = "Use an image with Python, or set `inferenceContainer: tei`."
        elif image.engine is not None and container not in {image.engine, "instructor"}:
            wanted = "LISA's gateway" if container == GATEWAY else TITLES[container]
            message = f"`{image.name}` is an image of {TITLES[image.engine]}, but the container runs {wanted}."
            fix = (
                "Use a Python image, such as python:3.12-slim-bookworm."
                if container == GATEWAY
                else f"Use an image of {wanted}, or set `inferenceContainer: {image.engine}`."
            )
        elif image.is_plain and container in TITLES and runs_own_entrypoint(service):
            message = f"`{image.name}` contains no {TITLES[container]}, which the container starts."
            fix = f"Use an image of {TITLES[container]}."
        else:
            continue
        also: tuple[Path, ...] = ((*path, "inferenceContainer"),) if isinstance(service, EcsModel) else ()
        yield RuleViolation(_image_path(path, service), message, fix, also)


@rule(
    "LISA515",
    "image-entrypoint",
    "Set the image as `baseImage` of type `asset`: LISA then builds an image with its entrypoint.",
    Severity.WARNING,
)
def image_has_entrypoint(config: Config) -> Iterator[RuleViolation]:
    """An image that is pulled as it is must have LISA's entrypoint; those that the engines' projects publish do not."""
    for path, service in services(config):
        source = service.container_config.image
        if not isinstance(service, EcsModel) or not isinstance(source, EcrImage | RegistryImage) or not service.deploy:
            continue
        image = engine_image(source)
        if image.engine is None or not image.publishes(image.engine):
            continue
        message = (
            f"`{image.name}` has the name of the image that the project of {TITLES[image.engine]} publishes. As it is, "
            "it does not copy the weights, and does not listen on port 8080."
        )
        yield RuleViolation(_image_path(path, service), message)


@rule("LISA502", "image-hardware", "Use an image that is built for the instance's processors.", Severity.WARNING)
def image_for_hardware(config: Config) -> Iterator[RuleViolation]:
    """An image must be built for the processors of its instances: GPUs and architecture."""
    for path, model, image, host in _hosted(config):
        also = ((*path, "instanceType"),)
        if image.is_arm and host.architecture == "x86_64":
            message = f"`{image.name}` is built for arm64, but {host.name} has x86_64 processors."
            yield RuleViolation(_image_path(path, model), message, "Use the image for x86_64 (amd64).", also)
        if image.accelerator in {None, Accelerator.NVIDIA}:
            continue
        if image.accelerator is not Accelerator.CPU:
            has = _gpus(host) if host.gpus else "no such accelerator"
            message = f"`{image.name}` is built for {image.accelerator.value}, but {host.name} has {has}."
            yield RuleViolation(_image_path(path, model), message, "Use the image for NVIDIA GPUs.", also)
        elif host.gpus:
            message = f"`{image.name}` is built for CPUs: the GPUs of {host.name} ({_gpus(host)}) would not be used."
            fix = "Use the image for GPUs, or an instance type without GPUs."
            yield RuleViolation(_image_path(path, model), message, fix, also)


@rule("LISA503", "image-tag", "Add the tag of a release, or a digest.", Severity.WARNING)
def image_has_tag(config: Config) -> Iterator[RuleViolation]:
    """An image must have the tag of a release, or a digest: what `latest` or `nightly` is changes without a review."""
    for path, service in services(config):
        image = engine_image(service.container_config.image)
        if image.is_pinned or not is_moving(image.tag) or not service_uses(service):
            continue
        what = "has no tag, which means `latest`" if not image.tag else f"has the tag `{image.tag}`, which moves"
        message = f"`{image.name}` {what}: another image can be deployed without a change of the configuration."
        also = ((*path, "containerConfig", "image", "tag"),)
        yield RuleViolation(_image_path(path, service, tag=True), message, None, also)


@rule("LISA573", "image-registry", "Write the reference as for `docker pull`.")
def image_in_registry(config: Config) -> Iterator[RuleViolation]:
    """An image must be in a registry; the addresses of web pages about images are none."""
    for path, service in services(config):
        image = service.container_config.image
        text = getattr(image, "base_image", None) or getattr(image, "registry", None)
        meant = web_page(text) if text else None
        if meant is None:
            continue
        fix = f"Write `{meant}`." if meant else None
        message = f"`{text}` is the address of a web page: no image can be pulled from it."
        yield RuleViolation(_image_path(path, service), message, fix)


@rule("LISA504", "vulnerable-engine", "Use a later version of the image.", Severity.WARNING)
def engine_is_not_vulnerable(config: Config) -> Iterator[RuleViolation]:
    """The version of an inference server must have no known vulnerability, according to the table of advisories."""
    for path, service in services(config):
        image = engine_image(service.container_config.image)
        if image.engine is None or image.version is None or not service_uses(service):
            continue
        found = known_vulnerabilities(image.engine, image.version)
        if not found:
            continue
        shown = ", ".join(one.title for one in found[:_LISTED])
        more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        count = "a known vulnerability" if len(found) == 1 else f"{len(found)} known vulnerabilities"
        message = f"{TITLES[image.engine]} {image.version} has {count} (table of {table_date()}): {shown}{more}."
        yield RuleViolation(
            _image_path(path, service, tag=True), message, f"Use {TITLES[image.engine]} {safe_versions(image.engine)}."
        )


def service_uses(service: Service) -> bool:
    """Whether a service is deployed; a model that is not runs no image."""
    return not isinstance(service, EcsModel) or service.deploy


def _hosted(config: Config) -> Iterator[tuple[Path, EcsModel, EngineImage, InstanceType]]:
    for path, service in services(config):
        host = instance_type(service.instance_type)
        if isinstance(service, EcsModel) and host is not None:
            yield path, service, engine_image(service.container_config.image), host


def _gpus(host: InstanceType) -> str:
    return f"{host.gpus} \N{MULTIPLICATION SIGN} {host.gpu_name}"


def _has_nvidia(host: InstanceType) -> bool:
    return bool(host.gpus) and host.gpu_manufacturer == "NVIDIA"


def _image_path(path: Path, service: Service, *, tag: bool = False) -> Path:
    image = service.container_config.image
    if isinstance(image, AssetImage):
        key = "baseImage"
    elif isinstance(image, EcrImage):
        key = "tag" if tag and "tag" in image.model_fields_set else "repositoryArn"
    else:
        key = "registry" if isinstance(image, RegistryImage) else "path"
    return (*path, "containerConfig", "image", key)
