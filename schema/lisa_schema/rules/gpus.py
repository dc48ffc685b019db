"""Rules about GPUs: images, dtypes and quantization methods must support the compute capability of the instance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.engine_images import EngineImage, engine_image
from lisa_schema.gpus import Gpu, first_cuda13_version, gpu_of, has_cuda12, minimum_capability, tei_tag, tei_tags
from lisa_schema.instances import instance_type
from lisa_schema.models import Config, EcsModel, InferenceContainer
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.vllm_options import option_path, options_of

_BFLOAT16: Final = 80
_VOLTA: Final = (7, 0)

METHODS: Final = {
    "awq": "awq",
    "awq_marlin": "awq_marlin",
    "gptq": "gptq",
    "gptq_marlin": "gptq_marlin",
    "bitsandbytes": "bitsandbytes",
    # Below compute capability 8.9, the same weights are used with 16-bit activations.
    "fp8": "fp8 weight-only (Marlin)",
    "mxfp4": "mxfp4",
    "modelopt": "modelopt fp8",
    "modelopt_fp4": "nvfp4 weight-only",
}
"""The row of the GPU table for each `--quantization` of vLLM that does not depend on the checkpoint."""


@rule("LISA520", "image-fits-gpu", "Use an image for the GPU, or another instance type.")
def image_fits_gpu(config: Config) -> Iterator[RuleViolation]:
    """The image of a model must support the compute capability of the GPU (TEI tags; CUDA 13 does not support V100)."""
    for path, model, gpu in _models_on_gpus(config):
        image = engine_image(model.container_config.image)
        if model.inference_container is InferenceContainer.TEI:
            yield from _tei_image(path, model, gpu, image)
        elif model.inference_container is InferenceContainer.VLLM and gpu.compute_capability == _VOLTA:
            found = image.running("vllm")
            if found is not None and found.version.release >= first_cuda13_version() and not has_cuda12(found.suffix):
                message = (
                    f"`{image.reference}` has CUDA 13, which does not support the {gpu.name} of {model.instance_type} "
                    f"(compute capability {gpu.capability})."
                )
                yield RuleViolation(
                    (*path, "containerConfig", "image", image.key),
                    message,
                    f"Use an image with the suffix -cu129 such as `{image.tag}-cu129`, or an instance type with "
                    "compute capability 7.5 or higher.",
                    ((*path, "instanceType"),),
                    Severity.WARNING,
                )


@rule("LISA521", "dtype-fits-gpu", "Use another dtype or quantization method, or an instance type with a newer GPU.")
def dtype_fits_gpu(config: Config) -> Iterator[RuleViolation]:
    """The GPU of a vLLM model must support the configured dtype and quantization method."""
    for path, model, gpu in _models_on_gpus(config):
        if model.inference_container is not InferenceContainer.VLLM:
            continue
        options = options_of(model)
        image = engine_image(model.container_config.image)
        on = f"the {gpu.name} of {model.instance_type} has {gpu.capability}"
        also: tuple[Path, ...] = ((*path, "instanceType"),)
        if options.dtype == "bfloat16" and gpu.capability_number < _BFLOAT16:
            at = option_path(path, options.sources["dtype"])
            fix = "Set it to `float16`, or choose an instance type with compute capability 8.0 or higher, such as g5."
            yield RuleViolation(at, f"bfloat16 requires compute capability 8.0; {on}.", fix, also)
        method = METHODS.get(options.quantization or "")
        if method is None:
            continue
        at = option_path(path, options.sources["quantization"])
        found = image.running("vllm")
        needed = minimum_capability(method, None if found is None else found.version.release)
        if needed is None:
            message = (
                f"Whether `{image.reference}` supports the quantization method "
                f"`{options.quantization}` on {gpu.name} is unknown: the GPU table has no row for this version."
            )
            yield RuleViolation(at, message, "Check the documentation of this version.", also, Severity.WARNING)
        elif gpu.capability_number < needed:
            message = (
                f"The quantization method `{options.quantization}` requires compute capability "
                f"{needed // 10}.{needed % 10} in this version of vLLM; {on}."
            )
            yield RuleViolation(at, message, None, also)


def _tei_image(path: Path, model: EcsModel, gpu: Gpu, image: EngineImage) -> Iterator[RuleViolation]:
    kind = tei_tag(image.tag)
    if kind is None or not kind.runs_on or gpu.capability in kind.runs_on:
        return
    if not kind.prefix and not image.publishes("tei"):
        # The version of an image with another name does not show what it was built for.
        return
    at = (*path, "containerConfig", "image", image.key)
    also: tuple[Path, ...] = ((*path, "instanceType"),)
    on = f"the {gpu.name} of {model.instance_type} has {gpu.capability}"
    built = "" if kind.built_for is None else f" is built for compute capability {_dotted(kind.built_for)} and"
    message = f"`{image.reference}`{built} runs on {', '.join(kind.runs_on)}; {on}."
    certain = image.publishes("tei") and (kind.built_for is not None or gpu.compute_capability == _VOLTA)
    if not certain:
        message = f"{message[:-1]}; whether the image runs there is unknown."
    yield RuleViolation(at, message, _tei_fix(gpu, image, kind.prefix), also, None if certain else Severity.WARNING)


def _tei_fix(gpu: Gpu, image: EngineImage, prefix: str) -> str:
    """Name the tag for the GPU; images built for exactly its compute capability come first."""
    version = image.tag.removeprefix(prefix)
    known = [tag for tag in tei_tags() if gpu.capability in tag.runs_on and tag.built_for is not None]
    known.sort(key=lambda tag: tag.built_for != gpu.capability_number)
    if not known:
        return "Choose an instance type with another GPU: there is no TEI image for this one."
    best = known[0]
    note = f" ({best.note})" if best.prefix and best.note else ""
    return f"Use the tag `{best.prefix}{version}`{note}, or another instance type."


def _models_on_gpus(config: Config) -> Iterator[tuple[Path, EcsModel, Gpu]]:
    for index, model in enumerate(config.ecs_models):
        host = instance_type(model.instance_type)
        gpu = gpu_of(host) if host is not None else None
        if model.deploy and gpu is not None:
            yield ("ecsModels", index), model, gpu


def _dotted(capability: int) -> str:
    return f"{capability // 10}.{capability % 10}"
