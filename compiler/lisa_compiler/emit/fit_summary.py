"""What SUMMARY.md says of fit and cost beside the table of models."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from lisa_compiler.fit.verdict import Verdict
from lisa_compiler.fit.wording import facts_from
from lisa_compiler.prices.cost import HOURS_OF_MONTH, money, rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lisa_compiler.fit.assessment import Assessment
    from lisa_compiler.prices.cost import ServiceCost, TotalCost

_UNKNOWN = "unknown"
_NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class CostTable:
    """The table of costs.

    Attributes:
        introduction: what the figures are, and what they leave out.
        rows: the cells of each service, and of the total.
    """

    introduction: str
    rows: tuple[tuple[str, ...], ...]


def fit_reasons(assessment: Assessment) -> list[str]:
    """Write why a model does not fit, may not, or why that is unknown; empty when all fit."""
    return [
        f"Fit of {model.identifier}: **{model.answer.verdict}**: {model.answer.reason} "
        f"(facts: {facts_from(model.question.facts)})."
        for model in assessment.models
        if model.answer.verdict is not Verdict.FITS
    ]


def cost_lines(assessment: Assessment) -> CostTable:
    """Price the instances of each service at minimum and maximum capacity."""
    total = assessment.total
    rows = [_row(cost) for cost in assessment.costs]
    if total is not None and total.currency is not None:
        rows.append(_total_row(total))
    return CostTable(" ".join(_introduction(assessment)), tuple(rows))


def _introduction(assessment: Assessment) -> Iterator[str]:
    currency = next((cost.price.currency for cost in assessment.costs if cost.price is not None), None)
    if currency is None:
        yield (
            f"Prices in {assessment.region} are unknown. Import them with `lisa prices import`, which works offline."
        )
        return
    yield (
        f"On-demand prices of the instances alone, in {currency}; a month has {HOURS_OF_MONTH} hours. Storage, network "
        "traffic, load balancers, databases and discounts are not included."
    )
    if any(cost.hours is not None for cost in assessment.costs):
        yield "Prices per hour are those outside of scheduled windows; prices per month count the windows."
    if any(cost.price is not None and cost.price.is_old for cost in assessment.costs):
        yield "Prices marked **old** are more than 180 days older than the newest table."


def _row(cost: ServiceCost) -> tuple[str, ...]:
    name = cost.name.replace("|", "\\|")
    if cost.price is None:
        return (name, cost.instance_type, _UNKNOWN, _NOTHING, *[_UNKNOWN] * 4)
    as_of = f"{cost.price.as_of.isoformat()}{' **old**' if cost.price.is_old else ''}"
    low, high = cost.price.per_hour * cost.low, cost.price.per_hour * cost.high
    amounts = _amounts((low, high), cost.monthly() or (Decimal(0), Decimal(0)))
    return (name, cost.instance_type, rate(cost.price.per_hour), as_of, *amounts)


def _total_row(total: TotalCost) -> tuple[str, ...]:
    known = "Total" if not total.unknown else "Total without unknown prices"
    return (f"**{known}**", _NOTHING, _NOTHING, _NOTHING, *_amounts((total.low, total.high), total.monthly))


def _amounts(hourly: tuple[Decimal, Decimal], monthly: tuple[Decimal, Decimal]) -> tuple[str, ...]:
    return (*map(rate, hourly), *map(money, monthly))
