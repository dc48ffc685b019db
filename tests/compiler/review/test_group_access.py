"""Impacts of `accessConfig`: what callers may use more, and what less."""

from __future__ import annotations

import json
from typing import Any

from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.output import Output

from .outputs import output, resource
from .template_changes import told

MORE, LESS = ImpactCategory.BROADER_ACCESS, ImpactCategory.REDUCED_RISK


def access(settings: dict[str, Any] | None) -> Output:
    """An output whose published configuration has this `accessConfig`."""
    value = json.dumps({} if settings is None else {"accessConfig": settings})
    return output({"models-api": {"ConfigurationParameter": resource("SSM::Parameter", Value=value)}})


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[ImpactCategory, str]:
    return told(access(before), access(after))


def group(**entry: Any) -> dict[str, Any]:
    return {"default": "closed", "groups": {"science": entry}}


def test_models_and_repositories_are_compared() -> None:
    found = changes(group(models=["a", "b"], repositories=["docs"]), group(models=["b", "c"], repositories=["*"]))
    assert found == {
        MORE: "The group `science` may use more:\nmodels: `c`\nall RAG repositories",
        LESS: "The group `science` may use less:\nmodels: `a`",
    }


def test_limits_are_compared() -> None:
    before = group(
        models=["*"], perCaller={"requestsPerMinute": 10, "dailyTokens": 2000}, perGroup={"tokensPerMinute": 5}
    )
    after = group(
        models=["*"], perCaller={"requestsPerMinute": 20, "monthlyTokens": 9000}, perGroup={"tokensPerMinute": 4}
    )
    assert changes(before, after) == {
        MORE: "The group `science` may use more:\n"
        "requests per minute of each caller: 10 → 20\ntokens per day of each caller: 2,000 → no limit",
        LESS: "The group `science` may use less:\n"
        "tokens per month of each caller: no limit → 9,000\ntokens per minute together: 5 → 4",
    }


def test_first_access_configuration_narrows_and_its_removal_widens() -> None:
    closed = {"default": "closed", "groups": {"science": {"models": ["a"], "repositories": ["*"]}}}
    less = (
        "The group `science` may use less:\nall models except `a`\n"
        "Callers in no listed group may use less:\nall models\nall RAG repositories"
    )
    assert changes(None, closed) == {LESS: less}
    more = (
        "The group `science` may use more:\nall models\n"
        "Callers in no listed group may use more:\nall models\nall RAG repositories"
    )
    assert changes(closed, None) == {MORE: more}


def test_group_that_is_removed_has_the_access_of_everyone() -> None:
    before = {"groups": {"science": {"models": ["a"]}}, "everyone": {"models": ["a", "b"]}}
    assert changes(before, {"everyone": {"models": ["a", "b"]}}) == {
        MORE: "The group `science` may use more:\nmodels: `b`"
    }


def test_writing_what_is_the_default_changes_nothing() -> None:
    assert changes(None, {"default": "open", "everyone": {"models": ["*"]}}) == {}
