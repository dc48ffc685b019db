"""The access document in `gateway/routes.json`, and the summary's table of who may use what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lisa_compiler.emit.access_summary import access_rows
from lisa_compiler.emit.routes import PATH, emit_routes
from lisa_compiler.plan.access import repository_access

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.plan import Deployment

    Planned = Callable[..., Deployment]

SCIENCE = {"models": ["small"], "perCaller": {"requestsPerMinute": 1200}, "perGroup": {"dailyTokens": 5}}


def test_without_access_configuration_there_is_no_document(planned: Planned) -> None:
    deployment = planned()
    assert "access" not in json.loads(emit_routes(deployment)[PATH])
    assert access_rows(deployment) == []
    assert repository_access(deployment.config) == {"groups": {}, "everyone": ["*"]}


def test_document_has_every_default_resolved(planned: Planned) -> None:
    deployment = planned(accessConfig={"default": "closed", "groups": {"science": SCIENCE}})
    nothing = {"perCaller": {}, "perGroup": {}}
    assert json.loads(emit_routes(deployment)[PATH])["access"] == {
        "groups": {
            "science": {
                **nothing,
                "models": ["small"],
                "repositories": [],
                "perCaller": {"requestsPerMinute": 1200},
                "perGroup": {"dailyTokens": 5},
            }
        },
        "everyone": {**nothing, "models": [], "repositories": []},
    }
    assert repository_access(deployment.config) == {"groups": {"science": []}, "everyone": []}
    opened = json.loads(emit_routes(planned(accessConfig={"groups": {"science": {}}}))[PATH])["access"]
    assert opened["groups"]["science"]["models"] == opened["everyone"]["models"] == ["*"]


def test_summary_has_a_row_for_each_group_and_for_all_others(planned: Planned) -> None:
    rows = access_rows(planned(accessConfig={"groups": {"science": SCIENCE}, "everyone": {"models": []}}))
    assert [(row["who"], row["models"], row["per_caller"], row["per_group"]) for row in rows] == [
        ("`science`", "small", "1,200 requests/min", "5 tokens/day"),
        ("callers in no listed group", "none", "no limits", "no limits"),
    ]
    alone = access_rows(planned(accessConfig={"everyone": {}}))
    assert [(row["who"], row["models"]) for row in alone] == [("all callers", "all")]
