"""Rules that more memory does not satisfy: parallel sizes, positions, dtypes and quantization of the checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lisa_schema.engine_settings import DTYPES
from lisa_schema.gpus import first_cuda13_version, has_cuda12, minimum_capability

if TYPE_CHECKING:
    from lisa_compiler.fit.question import Question
    from lisa_schema.gpus import Gpu
    from lisa_weights.shape.transformer import Quantization, TransformerShape

_BFLOAT16: Final = 80
_VOCABULARY_PADDING: Final = 64
_PARALLEL: Final = ("tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size")
_VOLTA: Final = (7, 0)
_MARLIN_ROWS: Final = 128
_FALLS_BACK: Final = (0, 9, 0)
"""The first vLLM that computes in float16 where `--dtype auto` would select an unsupported bfloat16."""


_OF_CHECKPOINTS: Final = frozenset({"awq", "awq_marlin", "gptq", "gptq_marlin"})
"""Quantizations whose parameters vLLM reads from the checkpoint: without them, it does not start."""


class RuleKind(StrEnum):
    """What a rule is about."""

    PARALLEL = "parallel"
    CONTEXT = "context"
    CHECKPOINT = "checkpoint"
    DTYPE = "dtype"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a question breaks.

    Attributes:
        kind: what it is about.
        message: what is wrong, a sentence without a full stop.
        is_certain: whether the engine certainly does not start.
        fix: what to do about it, a sentence.
        is_doubt: whether it is unknown that the engine starts, so that the model cannot be said to fit.
        needs_shape: whether it follows from the model's shape rather than from the configuration alone.
    """

    kind: RuleKind
    message: str
    is_certain: bool
    fix: str
    is_doubt: bool = False
    needs_shape: bool = False


def vllm_breaches(question: Question) -> tuple[Breach, ...]:
    """Return the rules that a model under vLLM breaks, the certain ones first."""
    found = [*gpu_breaches(question), *_dtype(question), *_image(question)]
    if question.facts.shape is not None:
        shape = question.facts.shape
        of_shape = [*_divisible(question, shape), *_context(question, shape), *_quantization(question, shape)]
        found += [replace(breach, needs_shape=True) for breach in of_shape]
    if any(breach.kind is RuleKind.PARALLEL and breach.is_certain for breach in found):
        # With a size that is possible, other GPUs are idle, or none.
        found = [breach for breach in found if breach.kind is not RuleKind.PARALLEL or breach.is_certain]
    return tuple(sorted(found, key=lambda breach: not breach.is_certain))


def tgi_breaches(question: Question) -> tuple[Breach, ...]:
    """Return the rules that a model under text-generation-inference breaks."""
    host, found = question.accelerators, []
    if host is None:
        return ()
    shards = question.shards
    if shards.count is not None and shards.count > host.count:
        message = f"{shards.name} is {shards.count}, but the instance has {_gpus_text(host.count, host.gpu)}"
        found.append(Breach(RuleKind.PARALLEL, message, is_certain=True, fix=_fewer_gpus([shards.name], host.count)))
    elif shards.is_sharded and (shards.count or host.count) == 1:
        message = "SHARDED requires text-generation-inference to shard the model, but it has 1 GPU"
        fix = "Remove SHARDED: the number of GPUs decides."
        found.append(Breach(RuleKind.PARALLEL, message, is_certain=True, fix=fix))
    if host.gpu.name == "T4":
        message = "text-generation-inference has no flash attention on T4"
        found.append(Breach(RuleKind.DTYPE, message, is_certain=False, fix="Prefer an instance type with a newer GPU."))
    if host.gpu.name.startswith("V100"):
        message = "V100 is not in text-generation-inference's list of supported GPUs"
        found.append(Breach(RuleKind.DTYPE, message, is_certain=False, fix="Prefer an instance type with a newer GPU."))
    return tuple(found)


def gpu_breaches(question: Question) -> Iterator[Breach]:
    """Yield what the parallel sizes break on the GPUs of the instance, whatever the model."""
    host, options = question.accelerators, question.options
    if host is None:
        return
    needed, count = question.gpus_needed, host.count
    sizes = [f"tensor parallel size {question.tensor_parallel}"]
    if options.pipeline_parallel > 1:
        sizes.append(f"pipeline parallel size {options.pipeline_parallel}")
    if options.data_parallel > 1:
        sizes.append(f"data parallel size {options.data_parallel}")
    text = " and ".join(sizes)
    if needed > count:
        verb = "needs" if len(sizes) == 1 else "need"
        message = f"{text} {verb} {needed} GPUs, but the instance has {_gpus_text(count, host.gpu)}"
        settings = [options.setting(option) for option in _PARALLEL if option in options.sources]
        fix = _fewer_gpus(settings or [options.setting(_PARALLEL[0])], count)
        if len(sizes) > 1:
            named = dict.fromkeys([options.setting(_PARALLEL[0]), *settings])
            fix = f"Set {' and '.join(named)} so that the product is at most {count}, or choose a type with more GPUs."
        yield Breach(RuleKind.PARALLEL, message, is_certain=True, fix=fix)
    elif needed < count:
        message = f"{text} leaves {count - needed} of {_gpus_text(count, host.gpu)} idle"
        fix = f"Remove {options.setting(_PARALLEL[0])}, or choose an instance type with fewer GPUs."
        yield Breach(RuleKind.PARALLEL, message, is_certain=False, fix=fix)


def _divisible(question: Question, shape: TransformerShape) -> Iterator[Breach]:
    parallel = question.tensor_parallel
    if parallel == 1:
        return
    vocabulary = -(-shape.vocab // _VOCABULARY_PADDING) * _VOCABULARY_PADDING
    numbers = [("attention heads", shape.heads), ("entries of the vocabulary", vocabulary)]
    if shape.intermediate:
        numbers.append(("columns of the feed-forward layer", shape.intermediate))
    if shape.expert_intermediate and "enable-expert-parallel" not in question.options.sources:
        numbers.append(("columns of an expert", shape.expert_intermediate))
    fix = _divisors(shape, question)
    for what, number in numbers:
        if number % parallel:
            # One reason is enough: the same size fixes all of them.
            message = f"{number:,} {what} are not divisible by tensor parallel size {parallel}"
            yield Breach(RuleKind.PARALLEL, message, is_certain=True, fix=fix)
            return
    if shape.kv_lora_rank is None and shape.kv_heads % parallel and parallel % shape.kv_heads:
        message = f"{shape.kv_heads} heads of keys and values and tensor parallel size {parallel} do not divide"
        yield Breach(RuleKind.PARALLEL, message, is_certain=True, fix=fix)
        return
    if (size := _slice_multiple(shape.quantization)) is not None:
        for what, number in numbers[2:]:
            if number % parallel == 0 and (number // parallel) % size:
                message = (
                    f"{number // parallel:,} {what} on each GPU are not a multiple of {size}, as the kernels of "
                    f"`{shape.quantization.method if shape.quantization else ''}` require"
                )
                yield Breach(RuleKind.PARALLEL, message, is_certain=False, fix=fix, is_doubt=True)


def _slice_multiple(quantization: Quantization | None) -> int | None:
    if quantization is None:
        return None
    if quantization.block is not None:
        return max(quantization.block)
    return _MARLIN_ROWS if quantization.weight_bits == 4 and quantization.method != "mxfp4" else None


def _context(question: Question, shape: TransformerShape) -> Iterator[Breach]:
    length = question.options.max_model_len
    if length is None or shape.max_positions is None or question.options.allows_long_context:
        return
    if length > shape.max_positions:
        message = f"a sequence of {length:,} tokens is longer than the model's {shape.max_positions:,} positions"
        fix = f"Set {question.options.setting('max-model-len')} to {shape.max_positions} or less."
        yield Breach(RuleKind.CONTEXT, message, is_certain=True, fix=fix)


def _dtype(question: Question) -> Iterator[Breach]:
    host, shape = question.accelerators, question.facts.shape
    if question.options.dtype not in DTYPES["vllm"]:
        message = f"vLLM has no data type `{question.options.dtype}`"
        fix = f"Set {question.options.setting('dtype')} to one that vLLM has, or remove it."
        yield Breach(RuleKind.DTYPE, message, is_certain=True, fix=fix)
    if host is None or host.gpu.capability_number >= _BFLOAT16:
        return
    has = f"{host.gpu.name} has {host.gpu.capability}"
    dtype = question.options.setting("dtype")
    newer = "choose an instance type with compute capability 8.0 or higher."
    if question.options.dtype == "bfloat16":
        message = f"bfloat16 requires compute capability 8.0, and {has}"
        yield Breach(RuleKind.DTYPE, message, is_certain=True, fix=f"Set {dtype} to `float16`, or {newer}")
    elif question.options.dtype == "auto" and shape is not None and shape.dtype == "bfloat16":
        if question.version is None or question.version >= _FALLS_BACK:
            return
        message = f"the checkpoint is bfloat16, which requires compute capability 8.0 in this vLLM, and {has}"
        fix = f"Set {dtype} to `float16`, or {newer}"
        yield Breach(RuleKind.CHECKPOINT, message, is_certain=True, fix=fix, needs_shape=True)


def _image(question: Question) -> Iterator[Breach]:
    """Doubt images with CUDA 13 on V100; LISA520 reports them with the other rules of the configuration."""
    host, version = question.accelerators, question.version
    if host is None or host.gpu.compute_capability != _VOLTA or has_cuda12(question.image_suffix):
        return
    if version is None or version >= first_cuda13_version():
        message = f"an image with CUDA 13 does not support {host.gpu.name} (compute capability {host.gpu.capability})"
        fix = "Use an image with the suffix -cu129, or choose an instance type with a newer GPU."
        yield Breach(RuleKind.IMAGE, message, is_certain=False, fix=fix, is_doubt=True)


def _quantization(question: Question, shape: TransformerShape) -> Iterator[Breach]:
    host, quantization = question.accelerators, shape.quantization
    configured = question.options.quantization
    if quantization is None and configured in _OF_CHECKPOINTS:
        message = f"the quantization `{configured}` requires a checkpoint that is quantized, and this one is not"
        fix = f"Remove {question.options.setting('quantization')}, or use a quantized checkpoint."
        yield Breach(RuleKind.CHECKPOINT, message, is_certain=True, fix=fix)
    if host is None or quantization is None:
        return
    row = quantization_row(quantization)
    needed = None if row is None else minimum_capability(row, question.version)
    if needed is not None and host.gpu.capability_number < needed:
        message = (
            f"the checkpoint's quantization ({quantization.method}) requires compute capability "
            f"{needed // 10}.{needed % 10}, and {host.gpu.name} has {host.gpu.capability}"
        )
        fix = "Choose an instance type with a newer GPU, or a checkpoint that is not quantized."
        yield Breach(RuleKind.CHECKPOINT, message, is_certain=True, fix=fix)
    elif needed is None or (row == "int8 W8A8" and host.gpu.capability_number >= 100):
        message = (
            f"whether vLLM runs the checkpoint's quantization ({quantization.method}) on {host.gpu.name} is unknown"
        )
        fix = "Check the documentation of this version."
        yield Breach(RuleKind.CHECKPOINT, message, is_certain=False, fix=fix, is_doubt=True)


def quantization_row(quantization: Quantization) -> str | None:
    """Return the least demanding row of the GPU table for a checkpoint's quantization; None when there is none."""
    method, bits = quantization.method, quantization.weight_bits
    if method in ("awq", "gptq", "bitsandbytes", "mxfp4"):
        return method
    if method == "fp8":
        return "fp8 weight-only (Marlin)"
    if method == "modelopt":
        return "nvfp4 weight-only" if bits == 4 else "modelopt fp8"
    if method != "compressed-tensors" or bits is None:
        return None
    if quantization.is_float:
        return "nvfp4 weight-only" if bits == 4 else "fp8 weight-only (Marlin)"
    return "int8 W8A8" if quantization.activation_bits == 8 else "compressed-tensors wNa16"


def _divisors(shape: TransformerShape, question: Question) -> str:
    """Name the tensor parallel sizes that are possible on the instance."""
    count = question.accelerators.count if question.accelerators else question.tensor_parallel
    sizes = [size for size in range(1, count + 1) if possible_parallel(shape, size)]
    setting = question.options.setting(_PARALLEL[0])
    return f"Set {setting} to {' or '.join(str(size) for size in sizes[-3:]) or '1'}."


def possible_parallel(shape: TransformerShape, size: int) -> bool:
    """Return whether a model can be split among so many GPUs."""
    vocabulary = -(-shape.vocab // _VOCABULARY_PADDING) * _VOCABULARY_PADDING
    numbers = (shape.heads, vocabulary, shape.intermediate or 0, shape.expert_intermediate or 0)
    if any(number % size for number in numbers):
        return False
    return shape.kv_lora_rank is not None or not (shape.kv_heads % size and size % shape.kv_heads)


def _gpus_text(count: int, gpu: Gpu) -> str:
    return f"{count} {gpu.name} GPU{'' if count == 1 else 's'}"


def _fewer_gpus(settings: list[str], count: int) -> str:
    if len(settings) > 1:
        return f"Lower {' or '.join(settings)}, or choose an instance type with more GPUs."
    return f"Remove {settings[0]}, set it to at most {count}, or choose an instance type with more GPUs."
