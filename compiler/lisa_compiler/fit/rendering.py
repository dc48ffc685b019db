"""The answer for a person: text for a terminal, Markdown for a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.fit.constants import vllm_constants
from lisa_compiler.fit.verdict import Answer, Verdict
from lisa_compiler.fit.wording import facts_from, price_text, rounded_down, short_verdict
from lisa_compiler.prices.cost import money

if TYPE_CHECKING:
    from lisa_compiler.fit.quantity import Quantity
    from lisa_compiler.fit.question import Question
    from lisa_compiler.fit.suggestions import RankedType, Suggestion
    from lisa_compiler.fit.verdict import Budget
    from lisa_compiler.prices.table import Price

_WIDTH = 14
_DASH = "\N{EN DASH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A question about one instance type, with its answer.

    Attributes:
        title: the model, as the output names it.
        instance: the instance type.
        region: the Region of the price; None when there is none.
        question: what was asked.
        answer: the answer.
        suggestions: what would fit instead.
        price: the price of an instance; None when it is unknown.
        host: what may be too small on the host, sentences.
    """

    title: str
    instance: str
    region: str | None
    question: Question
    answer: Answer
    suggestions: tuple[Suggestion, ...]
    price: Price | None
    host: tuple[str, ...] = ()


def judged_text(judged: Judged) -> str:
    """Write one answer for a terminal."""
    answer = judged.answer
    lines = [f"{judged.title} on {judged.instance}, {_price_of(judged)}"]
    lines.append(f"{answer.verdict:<{_WIDTH}} {answer.reason or _capacity(answer)}".rstrip())
    lines += [f"  {line}" for line in _details(judged)]
    lines += [f"{'note':<{_WIDTH}} {breach.message}" for breach in answer.breaches if not breach.is_certain]
    lines += [f"{'note':<{_WIDTH}} {issue}" for issue in judged.host]
    lines += [f"{'try':<{_WIDTH}} {cells}" for cells in _suggestions(judged.suggestions)]
    return "\n".join(lines) + "\n"


def judged_markdown(judged: Sequence[Judged]) -> str:
    """Write answers as a table, and what would fit instead below it."""
    head = ("Model", "Instance type", "Fit", "KV cache", "Sequences", "Price per hour", "Reason")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for one in judged:
        answer = one.answer
        hidden = bool(answer.certain_breaches) or answer.kv_tokens is None or answer.kv_tokens.high <= 0
        tokens = _DASH if answer.kv_tokens is None or hidden else f"~{rounded_down(answer.kv_tokens.point):,} tokens"
        sequences = _DASH if answer.concurrency is None or hidden else f"{answer.concurrency.point:.1f}"
        price = "unknown" if one.price is None else price_text(one.price)
        cells = (one.title, one.instance, str(answer.verdict), tokens, sequences, price, answer.reason or _DASH)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    for one in judged:
        if one.suggestions:
            lines += ["", f"What fits instead for {one.title} on {one.instance}:", ""]
            lines += [f"- {_bullet(suggestion)}" for suggestion in one.suggestions]
    return "\n".join(lines) + "\n"


def ranking_rows(ranked: Sequence[RankedType]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the head and rows of the table of instance types."""
    head = ("INSTANCE TYPE", "GPUS", "FIT", "SEQUENCES", "PRICE/H", "AS OF")
    rows: list[tuple[str, ...]] = []
    for one in ranked:
        parallel = "" if one.tensor_parallel is None else f" (TP {one.tensor_parallel})"
        sequences = "-" if one.answer.concurrency is None else f"{one.answer.concurrency.point:.1f}"
        price = ("unknown", "-")
        if one.price is not None:
            price = (f"{money(one.price.per_hour)} {one.price.currency}", one.price.as_of.isoformat())
        gpus = f"{one.host.gpus} x {one.host.gpu_name}{parallel}"
        rows.append((one.host.name, gpus, short_verdict(one.answer), sequences, *price))
    return head, rows


def _price_of(judged: Judged) -> str:
    if judged.price is None:
        return f"price unknown{f' in {judged.region}' if judged.region else ''}"
    return f"{price_text(judged.price)} ({judged.region}, {judged.price.as_of.isoformat()})"


def _capacity(answer: Answer) -> str:
    if answer.kv_tokens is None or answer.concurrency is None:
        return ""
    tokens = f"about {rounded_down(answer.kv_tokens.point):,} tokens of KV cache"
    if answer.context is None:
        return tokens
    return f"{tokens}, {answer.concurrency.point:.1f} sequences of {answer.context:,}"


def _details(judged: Judged) -> Iterator[str]:
    answer, question = judged.answer, judged.question
    if answer.budget is not None and question.accelerators is not None and not answer.certain_breaches:
        yield _budget(answer, answer.budget, question.accelerators.gpu.name)
    if answer.longest is not None and answer.longest.high > 0 and answer.verdict is not Verdict.UNKNOWN:
        low, high = rounded_down(answer.longest.low), rounded_down(answer.longest.high)
        yield f"longest sequence: {low:,}{'' if low == high else f' to {high:,}'} tokens"
    parts = [f"facts: {_facts(question)}"]
    if question.engine == "vllm" and answer.budget is not None:
        parts.append(f"constants: {_constants(question)}")
    yield "   ".join(parts)


def _budget(answer: Answer, budget: Budget, gpu: str) -> str:
    graphs = "" if budget.graphs is None else f"   CUDA graphs {_size(budget.graphs)}"
    adapters = "" if budget.adapters is None else f"   adapters {_size(budget.adapters)}"
    tokens = ""
    if answer.kv_tokens is not None and answer.kv_tokens.point > 0:
        tokens = f" = about {rounded_down(answer.kv_tokens.point):,} tokens"
    return (
        f"{gpu} {budget.total.point:.2f} x {budget.utilization:.2f} = {budget.usable.point:.1f} GiB   "
        f"weights {_size(budget.weights)}   activation {_size(budget.activation)}   other {_size(budget.other)}{graphs}"
        f"{adapters}   KV {_size(budget.kv)}{tokens}"
    )


def _size(quantity: Quantity) -> str:
    return f"{quantity.point:.1f}"


def _facts(question: Question) -> str:
    facts = question.facts
    how = "" if facts.tensors is None else f" ({facts.tensors.detail})"
    return f"{facts_from(facts)}{how}"


def _constants(question: Question) -> str:
    if question.version is None:
        return "all versions of vLLM from 0.9 on, since the image has no version in its tag"
    rows = vllm_constants(question.version)
    if not rows:
        return "vLLM 0.9, the oldest that was measured"
    below = rows[0].below
    first = ".".join(str(part) for part in rows[0].first[:2])
    return f"vLLM {first} and later" if below is None else f"vLLM {first} to before {below[0]}.{below[1]}"


def _suggestions(suggestions: Sequence[Suggestion]) -> Iterator[str]:
    labels = [_label(suggestion) for suggestion in suggestions]
    width = max(map(len, labels), default=0)
    types = max((len(suggestion.instance_type) for suggestion in suggestions), default=0)
    for label, suggestion in zip(labels, suggestions, strict=True):
        capacity = _capacity(suggestion.answer)
        cells = f"{label:<{width}}  {suggestion.instance_type:<{types}}  {price_text(suggestion.price)}"
        yield f"{cells}   fits: {capacity}" if capacity else f"{cells}   fits"


def _bullet(suggestion: Suggestion) -> str:
    kind, _, rest = suggestion.change.partition(" ")
    change = rest if kind == "instanceType" else f"`{suggestion.change}` on {suggestion.instance_type}"
    capacity = _capacity(suggestion.answer)
    return f"{change} ({price_text(suggestion.price)}){f': {capacity}' if capacity else ''}"


def _label(suggestion: Suggestion) -> str:
    """What to change, without the instance type, which has a column of its own."""
    kind, _, rest = suggestion.change.partition(" ")
    if kind != "instanceType":
        return suggestion.change
    _, _, options = rest.partition(" with ")
    return f"another instance type{f', {options}' if options else ''}"
