"""Fit and cost: models that no longer fit their instances, KV caches that change, and what the instances cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output

_NOT: Final = "does not fit"
_FITS: Final = "fits"
_NOTICEABLE: Final = 0.1
"""Share by which the tokens of a KV cache must change to be reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the instances of an environment cost in an hour.

    Attributes:
        low: at minimum capacity.
        high: at maximum capacity.
        low_month: price of a month at minimum capacity, by the schedules.
        high_month: that at maximum capacity.
        currency: `USD`.
        unknown: services whose price is unknown.
    """

    low: float
    high: float
    low_month: float
    high_month: float
    currency: str
    unknown: tuple[str, ...]


HOURS_OF_MONTH: Final = 730


def compare_fit(before: Output | None, after: Output) -> Iterator[Impact]:
    """Find models that do not fit any longer, and those whose verdict or KV cache changes.

    Output of an older LISA has no record, so that nothing is reported as a change.
    """
    old, new = (_models(side) for side in (before, after))
    if before is not None and not before.fit:
        return
    for name, model in new.items():
        was = old.get(name)
        verdict, reason = str(model.get("verdict")), model.get("reason")
        why = f": {reason}" if reason else ""
        if verdict == _NOT and (was is None or was.get("verdict") != _NOT):
            text = f"**{name}** does not fit `{model.get('instance')}`{why}."
            yield Impact(ImpactCategory.INTERRUPTION, text)
        elif was is not None and was.get("verdict") != verdict:
            text = f"Fit of **{name}**: {was.get('verdict')} → {verdict}{why if verdict != _FITS else ''}."
            yield Impact(ImpactCategory.CODE_CHANGED, text)
        elif was is not None and _differs(was.get("kvTokens"), model.get("kvTokens")):
            sizes = " → ".join(f"{int(side['kvTokens']):,}" for side in (was, model))
            yield Impact(ImpactCategory.CODE_CHANGED, f"KV cache of **{name}**: about {sizes} tokens.")


def cost_of(output: Output | None) -> Cost | None:
    """Return what the instances of an environment cost; None when no price is known."""
    total = output.fit.get("cost", {}).get("total") if output is not None else None
    if not isinstance(total, Mapping):
        return None
    return Cost(
        low=float(total["minPerHour"]),
        high=float(total["maxPerHour"]),
        low_month=float(total.get("minPerMonth", total["minPerHour"] * HOURS_OF_MONTH)),
        high_month=float(total.get("maxPerMonth", total["maxPerHour"] * HOURS_OF_MONTH)),
        currency=str(total["currency"]),
        unknown=tuple(str(name) for name in total.get("unknown", ())),
    )


def cost_rows(before: Cost | None, after: Cost | None) -> Iterator[str]:
    """Write the difference of the cost of an hour and of a month in one row; empty when it does not change."""
    if before == after:
        return
    hour, month = (
        " → ".join(_amount(side, digits, is_month=is_month) for side in (before, after))
        for is_month, digits in ((False, 2), (True, 0))
    )
    currency = next(side.currency for side in (after, before) if side is not None)
    yield f"{currency} for the instances alone: {hour} per hour, {month} per month{_without(before, after)}"


def _without(before: Cost | None, after: Cost | None) -> str:
    """Name the services that a total leaves out; both totals, where they leave out different ones."""
    old, new = (", ".join(side.unknown) if side is not None else "" for side in (before, after))
    if before is None or after is None or old == new:
        names = new or old
        return f", without {names} (price unknown)" if names else ""
    return f", before without {old or 'none'}, after without {new or 'none'} (price unknown)"


def _amount(cost: Cost | None, digits: int, *, is_month: bool) -> str:
    if cost is None:
        return "unknown"
    amounts = (cost.low_month, cost.high_month) if is_month else (cost.low, cost.high)
    low, high = (f"{amount:,.{digits}f}" for amount in amounts)
    return low if low == high else f"{low}\N{EN DASH}{high}"


def _models(output: Output | None) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = output.fit.get("models", {}) if output is not None else {}
    return found


def _differs(before: object, after: object) -> bool:
    if not isinstance(before, int) or not isinstance(after, int):
        return False
    return abs(after - before) > _NOTICEABLE * before
