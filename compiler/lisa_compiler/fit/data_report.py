"""The answer as JSON: of `lisa fit --format json`, and of generated/<env>/fit.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lisa_compiler.fit.wording import rounded_down
from lisa_compiler.prices.cost import HOURS_OF_MONTH

if TYPE_CHECKING:
    from decimal import Decimal

    from lisa_compiler.fit.assessment import Assessment, ModelAssessment
    from lisa_compiler.fit.facts import ModelFacts
    from lisa_compiler.fit.quantity import Quantity
    from lisa_compiler.fit.question import Question
    from lisa_compiler.fit.suggestions import Suggestion
    from lisa_compiler.fit.verdict import Answer, Budget
    from lisa_compiler.prices.cost import ServiceCost
    from lisa_compiler.prices.table import Price

SCHEMA_VERSION = 1


def answer_as_json(
    question: Question,
    instance: str,
    region: str | None,
    answer: Answer,
    suggestions: tuple[Suggestion, ...],
    *,
    price: Price | None,
) -> dict[str, Any]:
    """Write an answer with its question, its facts and their sources."""
    return {
        "model": question.facts.name,
        "instance": instance,
        "region": region,
        "engine": question.engine,
        "version": None if question.version is None else ".".join(str(part) for part in question.version),
        "verdict": str(answer.verdict),
        "reason": answer.reason or None,
        "rules": [
            {"kind": str(breach.kind), "certain": breach.is_certain, "message": breach.message, "fix": breach.fix}
            for breach in answer.breaches
        ],
        "budget": None if answer.budget is None else _budget(answer.budget),
        "kvTokens": _counts(answer.kv_tokens),
        "concurrency": _quantity(answer.concurrency),
        "context": answer.context,
        "maxContext": _counts(answer.longest),
        "missingGiB": round(answer.missing_gib, 2) or None,
        "suggestions": [
            {
                "change": suggestion.change,
                "instance": suggestion.instance_type,
                "verdict": str(suggestion.answer.verdict),
                "price": price_as_json(suggestion.price),
            }
            for suggestion in suggestions
        ],
        "facts": _facts(question.facts),
        "price": price_as_json(price),
    }


def assessment_as_json(assessment: Assessment) -> dict[str, Any]:
    """Write what is recorded with the output: rounded, so that a small change of the formulas is no change."""
    total = assessment.total
    return {
        "schemaVersion": SCHEMA_VERSION,
        "region": assessment.region,
        "models": {model.identifier: _recorded(model) for model in assessment.models},
        "cost": {
            "scope": "instances alone, on demand",
            "hoursOfMonth": HOURS_OF_MONTH,
            "services": {cost.name: cost_as_json(cost) for cost in assessment.costs},
            "total": None
            if total is None or total.currency is None
            else {
                "currency": total.currency,
                "minPerHour": _amount(total.low),
                "maxPerHour": _amount(total.high),
                **_monthly(assessment),
                "unknown": list(total.unknown),
            },
        },
    }


def cost_as_json(cost: ServiceCost) -> dict[str, Any]:
    """Write what the instances of a service cost."""
    return {
        "instanceType": cost.instance_type,
        "minInstances": cost.low,
        "maxInstances": cost.high,
        **({} if cost.hours is None else {"instanceHoursOfMonth": [float(hours) for hours in cost.hours]}),
        "price": price_as_json(cost.price),
    }


def _monthly(assessment: Assessment) -> dict[str, float]:
    """The prices of a month, where they are not those of an hour times its hours."""
    total = assessment.total
    if total is None or all(cost.hours is None for cost in assessment.costs):
        return {}
    return {"minPerMonth": _amount(total.monthly[0]), "maxPerMonth": _amount(total.monthly[1])}


def price_as_json(price: Price | None) -> dict[str, Any] | None:
    """Write a price; None when it is unknown."""
    if price is None:
        return None
    return {
        "perHour": _amount(price.per_hour),
        "currency": price.currency,
        "asOf": price.as_of.isoformat(),
        **({"old": True} if price.is_old else {}),
    }


def _recorded(model: ModelAssessment) -> dict[str, Any]:
    answer, facts = model.answer, model.question.facts
    tokens = None if answer.kv_tokens is None else rounded_down(answer.kv_tokens.point)
    return {
        "model": facts.name,
        "instance": model.host.name,
        "verdict": str(answer.verdict),
        "reason": answer.reason or None,
        "kvTokens": tokens,
        "facts": {"bytes": str(facts.tensors_from), "shape": str(facts.shape_from)},
    }


def _facts(facts: ModelFacts) -> dict[str, Any]:
    tensors = facts.tensors
    size = None
    if tensors is not None:
        size = {"value": tensors.high, "atLeast": tensors.low, "source": str(facts.tensors_from), "how": tensors.detail}
    shape = None if facts.shape is None else {**facts.shape.as_json(), "source": str(facts.shape_from)}
    return {"bytes": size, "shape": shape}


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "unit": "GiB per GPU",
        "total": _quantity(budget.total),
        "utilization": budget.utilization,
        "usable": _quantity(budget.usable),
        "weights": _quantity(budget.weights),
        "activation": _quantity(budget.activation),
        "other": _quantity(budget.other),
        "cudaGraphs": _quantity(budget.graphs),
        "adapters": _quantity(budget.adapters),
        "kv": _quantity(budget.kv),
    }


def _quantity(quantity: Quantity | None) -> dict[str, float] | None:
    if quantity is None:
        return None
    return {"low": round(quantity.low, 2), "point": round(quantity.point, 2), "high": round(quantity.high, 2)}


def _counts(quantity: Quantity | None) -> dict[str, int] | None:
    if quantity is None:
        return None
    return {"low": int(quantity.low), "point": int(quantity.point), "high": int(quantity.high)}


def _amount(amount: Decimal) -> float:
    return float(round(amount, 6))
