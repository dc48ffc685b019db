"""What would fit instead: changes of the options, and other instance types, each judged like the question itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from lisa_compiler.fit.constants import batch_defaults
from lisa_compiler.fit.judge import judge
from lisa_compiler.fit.question import Accelerators
from lisa_compiler.fit.rules import possible_parallel
from lisa_compiler.fit.verdict import Answer, Verdict
from lisa_schema.gpus import gpu_instance_types
from lisa_schema.instances import InstanceType, instance_type

if TYPE_CHECKING:
    from lisa_compiler.fit.question import Question
    from lisa_compiler.prices.table import Price, PriceTable
    from lisa_schema.regions import Region

_STEP: Final = 1000
_SEQUENCES: Final = (512, 256, 128, 64, 32, 16)
_FP8: Final = 89
_TYPES_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A change with which a model fits.

    Attributes:
        change: what to set or choose.
        instance_type: the instance type, after the change.
        answer: the answer, after the change.
        price: price of the instance type; None when it is unknown.
    """

    change: str
    instance_type: str
    answer: Answer
    price: Price | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedType:
    """An instance type that the Region offers, and whether the model fits it.

    Attributes:
        host: the instance type.
        tensor_parallel: GPUs that share each layer, where not all of them can; else None.
        answer: whether the model fits.
        price: its price; None when it is unknown.
    """

    host: InstanceType
    tensor_parallel: int | None
    answer: Answer
    price: Price | None


def suggest(
    question: Question, host: InstanceType, answer: Answer, region: Region | None, prices: PriceTable
) -> tuple[Suggestion, ...]:
    """Suggest changes after which a model fits: of the options first, then other instance types.

    Args:
        question: what was asked.
        host: the instance type.
        answer: the answer.
        region: the Region that must offer other instance types; None for no other types.
        prices: prices of instance types.
    """
    if answer.verdict not in (Verdict.DOES_NOT_FIT, Verdict.CLOSE):
        return ()
    here = None if region is None else prices.price(region.name, host.name)
    found = [
        Suggestion(change=change, instance_type=host.name, answer=judged, price=here)
        for change, changed in _options(question, answer)
        if (judged := judge(changed)).verdict is Verdict.FITS
    ]
    others = [] if region is None else rank(question, region, prices)
    families = {host.family} if any(other.host.name == host.name for other in others) and not found else set()
    shown = 0
    for other in others:
        if other.answer.verdict is not Verdict.FITS or other.host.name == host.name:
            continue
        if other.host.family in families or shown == _TYPES_SHOWN:
            continue
        families.add(other.host.family)
        shown += 1
        parallel = "" if other.tensor_parallel is None else f" with TENSOR_PARALLEL_SIZE {other.tensor_parallel}"
        found.append(
            Suggestion(
                change=f"instanceType {other.host.name}{parallel}",
                instance_type=other.host.name,
                answer=other.answer,
                price=other.price,
            )
        )
    return tuple(found)


def rank(question: Question, region: Region, prices: PriceTable) -> list[RankedType]:
    """Rank the instance types that a Region offers: those that fit first, and the cheapest of them first.

    Types without a price come after those with one, by GPU memory. Types with Arm processors are left out.
    """
    found = []
    for name in gpu_instance_types():
        host = instance_type(name)
        if host is None or host.architecture != "x86_64" or not region.offers(name):
            continue
        accelerators = Accelerators.of(host)
        options = replace(question.options, tensor_parallel=None)
        asked = replace(question, accelerators=accelerators, options=options)
        answer, parallel = judge(asked), None
        if answer.certain_breaches and (size := _possible_parallel(asked, host.gpus)) is not None:
            parallel = size
            answer = judge(replace(asked, options=replace(options, tensor_parallel=size)))
        found.append(
            RankedType(host=host, tensor_parallel=parallel, answer=answer, price=prices.price(region.name, name))
        )
    return sorted(found, key=_order)


_ORDER: Final = {Verdict.FITS: 0, Verdict.CLOSE: 1, Verdict.UNKNOWN: 2, Verdict.DOES_NOT_FIT: 3}


def _order(ranked: RankedType) -> tuple[int, bool, Decimal, int, str]:
    price = ranked.price.per_hour if ranked.price else Decimal(0)
    memory = ranked.host.gpus * ranked.host.gpu_memory_mib
    return (_ORDER[ranked.answer.verdict], ranked.price is None, price, memory, ranked.host.name)


def _possible_parallel(question: Question, gpus: int) -> int | None:
    shape = question.facts.shape
    if shape is None or question.engine != "vllm":
        return None
    return next((size for size in range(gpus - 1, 0, -1) if possible_parallel(shape, size)), None)


def _options(question: Question, answer: Answer) -> Iterator[tuple[str, Question]]:
    """Yield changes of vLLM's options, the mildest first."""
    options, accelerators = question.options, question.accelerators
    if question.engine != "vllm" or accelerators is None or options.unmodeled:
        return
    if answer.longest is not None and answer.context is not None:
        length = min(int(answer.longest.low), answer.context - 1) // _STEP * _STEP
        if length >= _STEP:
            yield f"MAX_TOTAL_TOKENS {length}", replace(question, options=replace(options, max_model_len=length))
    defaults = batch_defaults(accelerators.gpu, question.version)
    sequences = options.max_num_seqs or max(default.max_num_seqs for default in defaults)
    for fewer in (size for size in _SEQUENCES if size < sequences):
        changed = replace(question, options=replace(options, max_num_seqs=fewer))
        if judge(changed).verdict is Verdict.FITS:
            yield f"MAX_CONCURRENT_REQUESTS {fewer}", changed
            break
    newer = accelerators.gpu.capability_number >= _FP8
    if newer and options.kv_cache_dtype == "auto":
        yield "--kv-cache-dtype fp8", replace(question, options=replace(options, kv_cache_dtype="fp8"))
    if question.tensor_parallel * options.pipeline_parallel < accelerators.count:
        changed = replace(question, options=replace(options, tensor_parallel=None, pipeline_parallel=1))
        yield f"TENSOR_PARALLEL_SIZE {accelerators.count}", changed
    shape = question.facts.shape
    if newer and shape is not None and shape.quantization is None and options.quantization is None:
        yield "QUANTIZE fp8", replace(question, options=replace(options, quantization="fp8"))
