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
    if region is not None:
        found += _other_types(question, host, region, prices)
    return tuple(found)


def _other_types(question: Question, host: InstanceType, region: Region, prices: PriceTable) -> Iterator[Suggestion]:
    """Yield the cheapest types that fit, one of each family, and as few as are shown."""
    families: set[str] = set()
    ranking = _Ranking(question, region, prices)
    for other in _candidates(region, prices):
        if other.name == host.name or other.family in families:
            continue
        ranked = ranking.judge(other)
        if ranked.answer.verdict is not Verdict.FITS:
            continue
        families.add(other.family)
        parallel = "" if ranked.tensor_parallel is None else f" with TENSOR_PARALLEL_SIZE {ranked.tensor_parallel}"
        yield Suggestion(
            change=f"instanceType {other.name}{parallel}",
            instance_type=other.name,
            answer=ranked.answer,
            price=ranked.price,
        )
        if len(families) == _TYPES_SHOWN:
            return


def rank(question: Question, region: Region, prices: PriceTable) -> list[RankedType]:
    """Rank the instance types that a Region offers: those that fit first, and the cheapest of them first.

    Types without a price come after those with one, by GPU memory. Types with Arm processors are left out.
    """
    ranking = _Ranking(question, region, prices)
    found = [ranking.judge(host) for host in _candidates(region, prices)]
    # The candidates are in the order of their price already, and sorting keeps it.
    return sorted(found, key=lambda ranked: _ORDER[ranked.answer.verdict])


_ORDER: Final = {Verdict.FITS: 0, Verdict.CLOSE: 1, Verdict.UNKNOWN: 2, Verdict.DOES_NOT_FIT: 3}


def _candidates(region: Region, prices: PriceTable) -> list[InstanceType]:
    """The types that a Region offers, the cheapest first; those without a price last, by GPU memory."""
    hosts = [host for name in gpu_instance_types() if (host := instance_type(name)) is not None]
    offered = [host for host in hosts if host.architecture == "x86_64" and region.offers(host.name)]

    def order(host: InstanceType) -> tuple[bool, Decimal, int, str]:
        price = prices.price(region.name, host.name)
        return price is None, price.per_hour if price else Decimal(0), host.gpus * host.gpu_memory_mib, host.name

    return sorted(offered, key=order)


class _Ranking:
    """Judges instance types; those with the same GPUs have the same answer."""

    def __init__(self, question: Question, region: Region, prices: PriceTable) -> None:
        self._question = question
        self._region = region
        self._prices = prices
        self._known: dict[Accelerators | None, tuple[Answer, int | None]] = {}

    def judge(self, host: InstanceType) -> RankedType:
        """Judge the question on another instance type, with all of its GPUs or as many as the model allows."""
        accelerators = Accelerators.of(host)
        if accelerators not in self._known:
            self._known[accelerators] = self._answer(accelerators, host.gpus)
        answer, parallel = self._known[accelerators]
        price = self._prices.price(self._region.name, host.name)
        return RankedType(host=host, tensor_parallel=parallel, answer=answer, price=price)

    def _answer(self, accelerators: Accelerators | None, gpus: int) -> tuple[Answer, int | None]:
        options = replace(self._question.options, tensor_parallel=None)
        asked = replace(self._question, accelerators=accelerators, options=options)
        answer = judge(asked)
        if answer.certain_breaches and (size := _possible_parallel(asked, gpus)) is not None:
            return judge(replace(asked, options=replace(options, tensor_parallel=size))), size
        return answer, None


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
            yield (
                f"{options.name_of('max-model-len')} {length}",
                replace(question, options=replace(options, max_model_len=length)),
            )
    defaults = batch_defaults(accelerators.gpu, question.version)
    sequences = options.max_num_seqs or max(default.max_num_seqs for default in defaults)
    for fewer in (size for size in _SEQUENCES if size < sequences):
        changed = replace(question, options=replace(options, max_num_seqs=fewer))
        if judge(changed).verdict is Verdict.FITS:
            yield f"{options.name_of('max-num-seqs')} {fewer}", changed
            break
    if question.adapters is not None and question.adapters.slots > 1:
        yield "--max-loras 1", replace(question, adapters=replace(question.adapters, slots=1))
    newer = accelerators.gpu.capability_number >= _FP8
    if newer and options.kv_cache_dtype == "auto":
        yield "--kv-cache-dtype fp8", replace(question, options=replace(options, kv_cache_dtype="fp8"))
    if question.tensor_parallel * options.pipeline_parallel < accelerators.count:
        changed = replace(question, options=replace(options, tensor_parallel=None, pipeline_parallel=1))
        yield f"{options.name_of('tensor-parallel-size')} {accelerators.count}", changed
    shape = question.facts.shape
    if newer and shape is not None and shape.quantization is None and options.quantization is None:
        yield "QUANTIZE fp8", replace(question, options=replace(options, quantization="fp8"))
