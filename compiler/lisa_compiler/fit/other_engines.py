"""Judge a model under text-generation-inference and text-embeddings-inference, of which less is known than of vLLM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lisa_compiler.fit.constants import constants, tgi_share
from lisa_compiler.fit.kv_cache import cache_layout
from lisa_compiler.fit.quantity import GIB
from lisa_compiler.fit.rules import Breach, RuleKind, gpu_breaches, tgi_breaches
from lisa_compiler.fit.verdict import Answer, Verdict, without_gpu
from lisa_schema.vllm_options import VllmOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.fit.facts import TensorBytes
    from lisa_compiler.fit.question import Accelerators, Question

_TGI_BLOCK: Final = 16
_TGI_PREFILL_TOKENS: Final = 4096
_TGI_TOTAL_TOKENS: Final = 4096
_TGI_UNMODELED: Final = ("QUANTIZE", "DTYPE", "KV_CACHE_DTYPE", "CUDA_MEMORY_FRACTION", "LORA_ADAPTERS", "SPECULATE")


def judge_tgi(question: Question) -> Answer:
    """Judge a model under text-generation-inference, whose warm-up is not modeled: tokens are never promised."""
    breaches = tgi_breaches(question)
    answer = replace(_judge_tgi(question), breaches=breaches)
    if certain := answer.certain_breaches:
        reason = "; ".join(breach.message for breach in certain)
        return replace(answer, verdict=Verdict.DOES_NOT_FIT, reason=reason, estimate=False)
    return answer


def judge_sglang(question: Question) -> Answer:
    """Judge a model under SGLang: by the GPUs of the instance alone, since its memory is not modeled."""
    options = question.options
    if options.shares_data_parallel:
        # Copies of the attention layers share the GPUs of the model.
        options = replace(options, data_parallel=1)
    breaches = tuple(gpu_breaches(replace(question, options=options)))
    if options.shares_data_parallel and question.tensor_parallel % question.options.data_parallel:
        sizes = (
            f"tensor parallel size {question.tensor_parallel}",
            f"data parallel size {question.options.data_parallel}",
        )
        message = f"{sizes[0]} is not divisible by {sizes[1]}, as --enable-dp-attention requires"
        fix = f"Set {options.setting('data-parallel-size')} to a divisor of {question.tensor_parallel}."
        breaches = (*breaches, Breach(RuleKind.PARALLEL, message, is_certain=True, fix=fix))
    answer = replace(_unknown("the memory of SGLang is not modeled"), breaches=breaches)
    if certain := answer.certain_breaches:
        reason = "; ".join(breach.message for breach in certain)
        return replace(answer, verdict=Verdict.DOES_NOT_FIT, reason=reason, estimate=False)
    return answer


def judge_tei(question: Question) -> Answer:
    """Judge a model under text-embeddings-inference: only far from the limit is the answer certain."""
    found = _known(question)
    if isinstance(found, Answer):
        return found
    host, tensors = found
    if host.gpu.total_gib is None or tensors.high is None:
        return _unknown("the memory that it needs is unknown")
    total, sizes = host.gpu.total_gib, constants()["tei"]
    if tensors.low / 2 / GIB > total[1]:
        return _exceeds(tensors.low / 2 / GIB, total[1])
    shape = question.facts.shape
    if shape is None:
        return _unknown(f"the shape of {question.facts.name} is unknown")
    tokens = _count(question.environment, "MAX_BATCH_TOKENS") or int(sizes["maxBatchTokens"])
    wide = 2 if question.environment.get("DTYPE") == "float32" and shape.dtype != "float32" else 1
    needed = wide * tensors.high / GIB + tokens * shape.hidden * sizes["bytesPerTokenAndHidden"] / GIB + sizes["other"]
    if needed < sizes["certainShare"] * total[0]:
        return Answer(verdict=Verdict.FITS)
    return _unknown(
        f"weights and a batch of {tokens:,} tokens need about {needed:.1f} of {total[0]:.1f} GiB by an unmeasured "
        "estimate"
    )


def _judge_tgi(question: Question) -> Answer:
    found = _known(question)
    if isinstance(found, Answer):
        return found
    host, tensors = found
    if host.gpu.total_gib is None:
        return _unknown(f"the memory that CUDA reports for {host.gpu.name} is unknown")
    if any(question.environment.get(name, "").strip() for name in _TGI_UNMODELED):
        return _unknown("options of text-generation-inference that change its memory are not modeled")
    return _judge_tgi_memory(question, host, tensors, host.gpu.total_gib)


def _judge_tgi_memory(
    question: Question, host: Accelerators, tensors: TensorBytes, total: tuple[float, float]
) -> Answer:
    environment = question.environment
    parallel = question.shards.count or (1 if question.shards.is_sharded is False else host.count)
    share = tgi_share(question.version)
    low = tensors.low / GIB / parallel
    if low > total[1] * share.high:
        return _exceeds(low, total[1] * share.high)
    shape = question.facts.shape
    if shape is None or tensors.high is None:
        return _unknown(f"the size and shape of {question.facts.name} are not known exactly")
    layout = cache_layout(shape, VllmOptions(), parallel, _TGI_PREFILL_TOKENS, _TGI_BLOCK)
    left = total[0] * share.low - 1.02 * tensors.high / GIB / parallel - float(constants()["tgi"]["warmUp"])
    length = _count(environment, "MAX_TOTAL_TOKENS") or min(shape.max_positions or _TGI_TOTAL_TOKENS, _TGI_TOTAL_TOKENS)
    prefill = _count(environment, "MAX_BATCH_PREFILL_TOKENS") or _TGI_PREFILL_TOKENS
    if layout is not None and left > 0 and layout.token_bytes * shape.layers * max(length, prefill) <= left * GIB:
        return Answer(verdict=Verdict.FITS, context=length)
    return _unknown("text-generation-inference may need more memory while it warms up than is left")


def _known(question: Question) -> tuple[Accelerators, TensorBytes] | Answer:
    if question.accelerators is None:
        return without_gpu(question)
    if question.facts.tensors is None:
        return _unknown(f"the size of {question.facts.name} is unknown: stage it, or add it to `models/`")
    return question.accelerators, question.facts.tensors


def _exceeds(weights: float, usable: float) -> Answer:
    reason = f"the weights alone need at least {weights:.1f} GiB per GPU, and {usable:.1f} are usable"
    return Answer(verdict=Verdict.DOES_NOT_FIT, reason=reason, missing_gib=weights - usable, estimate=False)


def _unknown(reason: str) -> Answer:
    return Answer(verdict=Verdict.UNKNOWN, reason=reason)


def _count(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name, "").strip()
    return int(text) if text.isdecimal() and int(text) > 0 else None
