"""The answer in words: verdicts, tokens and suggestions, as diagnostics, SUMMARY.md and `lisa fit` write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.fit.verdict import Answer, Verdict
from lisa_compiler.prices.cost import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.fit.facts import ModelFacts
    from lisa_compiler.fit.suggestions import Suggestion
    from lisa_compiler.prices.table import Price

_SHORT = {Verdict.CLOSE: "close", Verdict.UNKNOWN: "unknown", Verdict.DOES_NOT_FIT: "does not fit"}


def rounded_down(tokens: float) -> int:
    """Round a number of tokens down to two digits."""
    count = int(tokens)
    if count < 100:
        return count
    unit: int = 10 ** (len(str(count)) - 2)
    return count // unit * unit


def short_verdict(answer: Answer) -> str:
    """Write a verdict for a cell of a table: `fits, ~28,000 tokens`."""
    if answer.verdict is not Verdict.FITS:
        return _SHORT[answer.verdict]
    if answer.kv_tokens is None:
        return "fits"
    return f"fits, ~{rounded_down(answer.kv_tokens.point):,} tokens"


def facts_from(facts: ModelFacts) -> str:
    """Name the sources of the facts about a model."""
    sources = dict.fromkeys((str(facts.tensors_from), str(facts.shape_from)))
    return " and ".join(sources) if len(sources) == 1 else f"size {facts.tensors_from}, shape {facts.shape_from}"


def price_text(price: Price | None) -> str:
    """Write the price of an instance: `0.80 USD/h`."""
    if price is None:
        return "price unknown"
    return f"{money(price.per_hour)} {price.currency}/h{' (old)' if price.is_old else ''}"


def as_instruction(suggestions: Sequence[Suggestion]) -> str | None:
    """Write the first change of the options and the first instance type as one sentence; None without any."""
    options = [suggestion for suggestion in suggestions if not suggestion.change.startswith("instanceType ")]
    types = [suggestion for suggestion in suggestions if suggestion.change.startswith("instanceType ")]
    parts = []
    if options:
        name, _, value = options[0].change.partition(" ")
        is_argument = name.startswith("--")
        parts.append(f"write `{options[0].change}` in serverArgs" if is_argument else f"set {name} to {value}")
    if types:
        chosen = types[0]
        parts.append(f"choose {chosen.change.partition(' ')[2]} ({price_text(chosen.price)})")
    if not parts:
        return None
    text = ", or ".join(parts)
    return f"{text[0].upper()}{text[1:]}."
