"""Judge a model under vLLM on the GPUs of one instance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final

from lisa_compiler.fit import constants as table
from lisa_compiler.fit.adapters import adapter_memory, why_unknown
from lisa_compiler.fit.kv_cache import CacheLayout, cache_layout, why_unmodeled
from lisa_compiler.fit.memory import activation, loaded_bytes, tightest, weights
from lisa_compiler.fit.model_kind import is_encoder
from lisa_compiler.fit.quantity import GIB, Quantity
from lisa_compiler.fit.rules import vllm_breaches
from lisa_compiler.fit.verdict import Answer, Budget, Verdict, without_gpu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.fit.constants import BatchDefaults, VllmConstants
    from lisa_compiler.fit.facts import TensorBytes
    from lisa_compiler.fit.question import Accelerators, Question
    from lisa_weights.shape.transformer import TransformerShape

_BY_CONCURRENCY: Final = (0, 21, 0)
"""The first version that prints the tokens of the KV cache by concurrency."""

_FIRST: Final = (0, 9, 0)
_SHORTEST: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One set of constants, where it is unknown which set holds."""

    row: VllmConstants
    defaults: BatchDefaults


def judge_vllm(question: Question) -> Answer:
    """Judge a model under vLLM.

    A rule that is certainly broken decides first; then what is unknown; then memory, for every version that the image
    may have.
    """
    breaches = vllm_breaches(question)
    answer = _judge(question)
    certain = [breach for breach in breaches if breach.is_certain]
    if certain:
        reason = "; ".join(breach.message for breach in certain)
        return replace(answer, verdict=Verdict.DOES_NOT_FIT, reason=reason, breaches=breaches, estimate=False)
    doubts = [breach.message for breach in breaches if breach.is_doubt]
    if doubts and answer.verdict is Verdict.FITS:
        return replace(answer, verdict=Verdict.UNKNOWN, reason="; ".join(doubts), breaches=breaches)
    return replace(answer, breaches=breaches)


def _judge(question: Question) -> Answer:
    host, facts = question.accelerators, question.facts
    if host is None:
        return without_gpu(question)
    if facts.tensors is None or host.gpu.total_gib is None:
        return Answer(verdict=Verdict.UNKNOWN, reason=_missing(question, host))
    if facts.shape is None:
        return _without_shape(question, host, facts.tensors)
    rows = table.vllm_constants(question.version) or table.vllm_constants(_FIRST)
    cases = [
        _Case(row=row, defaults=defaults)
        for row, defaults in product(rows, table.batch_defaults(host.gpu, question.version))
    ]
    answers = [_judge_case(question, host, facts.tensors, facts.shape, case) for case in cases]
    answer = answers[0]
    for other in answers[1:]:
        answer = answer.combined(other)
    unknown = _unknown(question, facts.tensors, facts.shape)
    if unknown is not None and (question.options.unmodeled or not _is_rejected(answer)):
        hidden = replace(answer, verdict=Verdict.UNKNOWN, reason=unknown, missing_gib=0.0)
        has_unknown_adapters = question.adapters is not None and why_unknown(facts.shape, question.adapters) is not None
        is_unsized = facts.tensors.high is None or is_encoder(facts.shape.architecture)
        if is_unsized or question.options.unmodeled or has_unknown_adapters:
            return replace(hidden, kv_tokens=None, concurrency=None, longest=None, estimate=None)
        return hidden
    return answer


_STAGE: Final = "stage it, or add it to `models/`"


def _missing(question: Question, host: Accelerators) -> str:
    facts = question.facts
    if facts.tensors is None:
        return f"the size of {facts.name} is unknown: {_STAGE}"
    return f"the memory that CUDA reports for {host.gpu.name} is unknown"


def _unknown(question: Question, tensors: TensorBytes, shape: TransformerShape) -> str | None:
    """Why the memory cannot be judged, a clause; None when it can."""
    options = question.options
    is_old = question.version is not None and question.version < _FIRST
    is_unsized = options.quantization == "bitsandbytes" and shape.quantization is None
    reasons = (
        options.unmodeled[0] if options.unmodeled else None,
        "an encoder has no KV cache, and its activations are not modeled" if is_encoder(shape.architecture) else None,
        "the activations of a model for embeddings are not modeled" if question.is_pooling else None,
        "vLLM before 0.9 is not modeled" if is_old else None,
        "only a lower limit of the model's size is known" if tensors.high is None else None,
        "the size of weights that bitsandbytes quantizes is unknown" if is_unsized else None,
        why_unmodeled(shape, options),
        None if question.adapters is None else why_unknown(shape, question.adapters),
    )
    return next((reason for reason in reasons if reason is not None), None)


def _is_rejected(answer: Answer) -> bool:
    """Return whether the weights alone, of which a lower limit is known, are more than the GPU's memory."""
    budget = answer.budget
    return answer.verdict is Verdict.DOES_NOT_FIT and budget is not None and budget.weights.low > budget.usable.high


def _without_shape(question: Question, host: Accelerators, tensors: TensorBytes) -> Answer:
    """Judge by the size alone: a model may be rejected, but never accepted."""
    total = Quantity(host.gpu.total_gib[0], *host.gpu.total_gib) if host.gpu.total_gib else Quantity.exactly(0)
    parts = question.tensor_parallel * question.options.pipeline_parallel
    share = tensors.low / GIB / parts
    quantizes = question.options.quantization in ("fp8", "bitsandbytes", "inc", "torchao")
    changes = bool(question.options.unmodeled) or quantizes or question.options.dtype == "float32"
    utilization = question.options.gpu_memory_utilization or max(row.utilization for row in table.vllm_constants(None))
    if not changes and share > total.high * utilization:
        missing = share - total.high * utilization
        reason = (
            f"the weights alone need at least {share:.1f} GiB per GPU, and {total.high * utilization:.1f} are usable"
        )
        return Answer(verdict=Verdict.DOES_NOT_FIT, reason=reason, missing_gib=missing, estimate=False)
    reason = f"the shape of {question.facts.name} is unknown: {_STAGE}"
    return Answer(verdict=Verdict.UNKNOWN, reason=reason)


def _judge_case(
    question: Question, host: Accelerators, tensors: TensorBytes, shape: TransformerShape, case: _Case
) -> Answer:
    options, parallel = question.options, question.tensor_parallel
    sequences = options.max_num_seqs or case.defaults.max_num_seqs
    batched = options.max_num_batched_tokens or case.defaults.max_num_batched_tokens
    budget = _budget(question, host, tensors, shape, case)
    length = options.max_model_len or shape.default_positions or shape.max_positions
    block = options.block_size or table.default_block_size()
    layout = cache_layout(shape, options, parallel, batched, block)
    if options.fits_context:
        length = _SHORTEST
    if layout is None or length is None:
        return _without_layout(budget, length, shape)
    by_concurrency = question.version is not None and question.version >= _BY_CONCURRENCY
    kv = budget.kv
    tokens = Quantity(
        *(layout.tokens(gib, length, by_concurrency=by_concurrency) for gib in (kv.low, kv.point, kv.high))
    )
    concurrency = Quantity(*(layout.concurrency(gib, length) for gib in (kv.low, kv.point, kv.high)))
    limit = shape.max_positions or length
    longest = Quantity(*(layout.longest(gib, limit, question.concurrency) for gib in (kv.low, kv.point, kv.high)))
    asked = max(1, question.concurrency)
    short = _lacks_outside(question, host, shape, case, sequences)
    verdict, reason = _decide(layout, budget, concurrency, length, asked=asked, short=short)
    needed = layout.gib_of_sequence(length) * asked
    return Answer(
        verdict=verdict,
        reason=reason,
        budget=budget,
        kv_tokens=tokens,
        concurrency=concurrency,
        context=None if options.fits_context else length,
        longest=longest,
        estimate=concurrency.point >= asked,
        lacks_outside=verdict is Verdict.CLOSE and reason == short,
        missing_gib=max(0.0, needed - kv.high) if verdict is Verdict.DOES_NOT_FIT else 0.0,
    )


def _decide(
    layout: CacheLayout, budget: Budget, concurrency: Quantity, length: int, *, asked: int, short: str | None
) -> tuple[Verdict, str]:
    kv = budget.kv
    if budget.weights.low > budget.usable.high:
        low, usable = budget.weights.low, budget.usable.high
        return Verdict.DOES_NOT_FIT, f"the weights alone need {low:.1f} GiB per GPU, and {usable:.1f} are usable"
    needed = layout.gib_of_sequence(length) * asked
    what = "one sequence" if asked == 1 else f"{asked} sequences"
    verb = "needs" if asked == 1 else "need"
    left = f"{max(kv.point, 0):.1f} GiB ({max(kv.low, 0):.1f} to {max(kv.high, 0):.1f}) are left"
    needs = f"{what} of {length:,} tokens {verb} {needed:.1f} GiB of KV cache, and {left}"
    if concurrency.high < asked:
        return Verdict.DOES_NOT_FIT, needs
    if concurrency.low < asked:
        return Verdict.CLOSE, needs
    if short is not None:
        return Verdict.CLOSE, short
    return Verdict.FITS, ""


def _without_layout(budget: Budget, length: int | None, shape: TransformerShape) -> Answer:
    """Judge a model whose tokens are unknown: by the memory that is left alone."""
    if budget.kv.high <= 0:
        reason = f"{-budget.kv.high:.1f} GiB per GPU are missing, without a KV cache"
        missing = -budget.kv.high
        return Answer(
            verdict=Verdict.DOES_NOT_FIT,
            reason=reason,
            budget=budget,
            context=length,
            missing_gib=missing,
            estimate=False,
        )
    reason = shape.unmodeled or "the tokens of its KV cache are unknown"
    return Answer(verdict=Verdict.UNKNOWN, reason=reason, budget=budget, context=length)


def _budget(
    question: Question, host: Accelerators, tensors: TensorBytes, shape: TransformerShape, case: _Case
) -> Budget:
    options, row, parallel = question.options, case.row, question.tensor_parallel
    low, high = host.gpu.total_gib or (0.0, 0.0)
    total = Quantity(low, (low + high) / 2, high)
    utilization = options.gpu_memory_utilization or row.utilization
    usable = total.times(utilization)
    loaded, embeddings, _ = loaded_bytes(tensors, shape, options)
    is_quantized = shape.quantization is not None or options.quantization is not None
    stages = weights(loaded, embeddings, shape, options, parallel, is_quantized=is_quantized)
    active = activation(shape, options, row, case.defaults, parallel)
    other = table.non_torch(row, parallel, options.pipeline_parallel, nvlink=host.nvlink)
    sequences = options.max_num_seqs or case.defaults.max_num_seqs
    graphs = None
    if row.graphs_in_budget and not options.enforce_eager and question.environment.get(_ESTIMATE, "1") != "0":
        graphs = table.cuda_graphs(sequences)
        if question.adapters is not None:
            # Each size is captured with adapters and without; how much memory both share is unmeasured.
            graphs = replace(graphs, high=2 * graphs.high)
    adapters = _adapters(question, shape, case)
    left = _left(usable, [stage.plus(own) for stage, own in zip(stages, adapters, strict=True)], active, other, graphs)
    kv = tightest(left)
    if options.kv_cache_memory_bytes is not None:
        kv = Quantity.exactly(options.kv_cache_memory_bytes / GIB)
    tight = min(range(len(stages)), key=lambda index: left[index].point)
    return Budget(
        total=total,
        utilization=utilization,
        usable=usable,
        weights=stages[tight],
        activation=active,
        other=other,
        graphs=graphs,
        kv=kv,
        adapters=adapters[tight] if question.adapters is not None else None,
    )


def _adapters(question: Question, shape: TransformerShape, case: _Case) -> tuple[Quantity, ...]:
    """GiB of adapters by stage of the pipeline; zero without any, or where it is unknown."""
    options, adapters = question.options, question.adapters
    if adapters is None or why_unknown(shape, adapters) is not None:
        return (Quantity.exactly(0.0),) * options.pipeline_parallel
    tokens = options.max_num_batched_tokens or case.defaults.max_num_batched_tokens
    return adapter_memory(
        shape,
        adapters,
        options,
        tensor_parallel=question.tensor_parallel,
        tokens=tokens,
        version=question.version,
    )


_ESTIMATE: Final = "VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS"


def _left(
    usable: Quantity, stages: Sequence[Quantity], active: Quantity, other: Quantity, graphs: Quantity | None
) -> list[Quantity]:
    taken = active.plus(other) if graphs is None else active.plus(other).plus(graphs)
    return [usable.minus(stage).minus(taken) for stage in stages]


def _lacks_outside(
    question: Question, host: Accelerators, shape: TransformerShape, case: _Case, sequences: int
) -> str | None:
    """Why memory outside the budget may not be enough, a clause; None when it is, at its worst."""
    options = question.options
    if options.kv_cache_memory_bytes is not None:
        return "`--kv-cache-memory-bytes` sets the KV cache without regard to other memory"
    if case.row.graphs_in_budget:
        return None
    sizes = table.constants()["outsideBudget"]
    needed = float(sizes["context"]["parallel" if question.tensor_parallel > 1 else "one"])
    if not options.enforce_eager:
        needed += table.cuda_graphs(sequences).high * (1 if question.adapters is None else 2)
    needed += sizes["samplerWarmUpBytesPerEntry"] * sequences * shape.vocab / GIB
    if shape.quantization is not None and shape.quantization.method == "mxfp4":
        needed += float(sizes["mxfp4"])
    utilization = options.gpu_memory_utilization or case.row.utilization
    outside = (host.gpu.total_gib or (0.0, 0.0))[0] * (1 - utilization)
    if outside >= needed:
        return None
    return (
        f"GPU memory utilization {utilization} leaves {outside:.2f} GiB for the CUDA context, CUDA graphs and the "
        f"sampler's warm-up, which may need {needed:.2f}"
    )
