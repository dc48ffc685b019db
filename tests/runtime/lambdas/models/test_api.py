"""The endpoints of model management, through the handler."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
import yaml

from lisa_lambdas.models.registry import Registry
from runtime.lambdas.models.conftest import Models
from runtime.lambdas.proxy_events import ANN, content, refusal

ENDPOINTS = [
    ("GET", "/models"),
    ("POST", "/models"),
    ("GET", "/models/small"),
    ("PUT", "/models/small"),
    ("DELETE", "/models/small"),
    ("POST", "/models/small/start"),
    ("POST", "/models/small/stop"),
    ("GET", "/proposals"),
    ("GET", "/proposals/20260101T000000-0123abcd"),
    ("DELETE", "/proposals/20260101T000000-0123abcd"),
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_requests_that_bypass_the_authorizer_are_refused(models: Models, method: str, path: str) -> None:
    assert refusal(models.call(method, path, caller=None, body={})) == (401, "Unauthorized")


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_only_administrators_may(models: Models, method: str, path: str) -> None:
    assert refusal(models.call(method, path, caller=ANN, body={})) == (403, "Forbidden")
    assert content(models.call("GET", "/proposals"))["proposals"] == []


def test_a_model_that_is_being_created(models: Models) -> None:
    answer = models.call("GET", "/models")
    assert answer["statusCode"] == 200
    (model,) = content(answer)["models"]
    assert (model["modelId"], model["state"], model["instances"]) == ("small", "Creating", 0)
    assert model["configuration"]["modelName"] == "org/small-model"


def test_a_model_that_is_hosted(models: Models) -> None:
    models.host()
    model = content(models.call("GET", "/models/small"))
    assert model["instances"] == 1
    assert model["state"] in ("Creating", "InService")
    assert model["url"] == "http://small.test.lisa.internal"


def test_a_model_is_stopped_and_started_with_its_capacity(models: Models) -> None:
    models.host()
    answer = models.call("POST", "/models/small/stop")
    assert (answer["statusCode"], content(answer)) == (202, {"modelId": "small", "state": "Stopping"})
    assert models.group() == (0, 0, 0)
    assert refusal(models.call("POST", "/models/small/stop")) == (409, "Conflict")
    answer = models.call("POST", "/models/small/start")
    assert (answer["statusCode"], content(answer)) == (202, {"modelId": "small", "state": "Creating"})
    assert models.group() == (1, 2, 1)
    assert refusal(models.call("POST", "/models/small/start")) == (409, "Conflict")


def test_a_model_that_has_no_group_yet_cannot_be_stopped(models: Models) -> None:
    assert refusal(models.call("POST", "/models/small/stop")) == (409, "Conflict")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/start"), ("POST", "/stop")],
)
def test_a_model_that_is_not_hosted(models: Models, method: str, path: str) -> None:
    answer = models.call(method, f"/models/org/none{path}", body={"deploy": False})
    assert refusal(answer) == (404, "NotFound")
    assert "org/none" in content(answer)["message"]


def test_a_new_model_is_proposed_and_nothing_else(models: Models, another_model: dict[str, Any]) -> None:
    answer = models.call("POST", "/models", body=another_model)
    assert answer["statusCode"] == 202
    proposal = content(answer)
    assert (proposal["kind"], proposal["modelId"], proposal["status"]) == ("create", "other", "pending")
    assert (proposal["author"], proposal["environment"]) == ("ada", "dev")
    assert proposal["file"] == "environments/dev.yaml"
    assert proposal["validation"]["complete"] is True
    assert yaml.safe_load(proposal["patch"]) == {"ecsModels": [another_model]}
    assert content(models.call("GET", f"/proposals/{proposal['id']}")) == proposal
    assert [model["modelId"] for model in content(models.call("GET", "/models"))["models"]] == ["small"]


def test_a_change_is_proposed(models: Models) -> None:
    answer = models.call(
        "PUT", "/models/small", body={"instanceType": "g5.2xlarge", "autoScalingConfig": {"maxCapacity": 4}}
    )
    assert answer["statusCode"] == 202
    assert yaml.safe_load(content(answer)["patch"]) == {
        "ecsModels": [
            {
                "modelName": "org/small-model",
                "modelId": "small",
                "instanceType": "g5.2xlarge",
                "autoScalingConfig": {"maxCapacity": 4},
            }
        ]
    }


def test_the_end_of_a_model_is_proposed(models: Models) -> None:
    answer = models.call("DELETE", "/models/small")
    assert answer["statusCode"] == 202
    assert content(answer)["kind"] == "delete"
    assert yaml.safe_load(content(answer)["patch"])["ecsModels"][0]["deploy"] is False


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modelType": "embedding"}, "does not support"),
        ({"streaming": None}, "does not set `streaming`"),
        ({"instanceType": "g5.huge"}, "g5.huge"),
        ({"instanceTyp": "x"}, "instanceTyp"),
        ({"autoScalingConfig": {"minCapacity": 9}}, "apacity"),
    ],
)
def test_the_compilers_own_rules_are_asked(models: Models, change: dict[str, Any], said: str) -> None:
    answer = models.call("PUT", "/models/small", body=change)
    assert refusal(answer) == (400, "InvalidConfiguration")
    assert said in content(answer)["message"]
    assert content(models.call("GET", "/proposals"))["proposals"] == []


@pytest.mark.parametrize(
    "change", [{}, {"instanceType": "g5.xlarge"}, {"modelId": "new"}, {"modelName": "org/new"}, {"modelId": None}]
)
def test_a_change_that_is_none_or_of_the_name(models: Models, change: dict[str, Any]) -> None:
    assert refusal(models.call("PUT", "/models/small", body=change)) == (400, "BadRequest")


@pytest.mark.parametrize("body", [None, "", "{", "[]", '"x"', '{"modelName": NaN}', '{"modelName": "\\ud800"}', {}])
def test_a_body_that_is_no_model(models: Models, body: object) -> None:
    assert refusal(models.call("POST", "/models", body=body)) == (400, "BadRequest")


def test_a_model_that_is_hosted_already(models: Models, another_model: dict[str, Any]) -> None:
    answer = models.call("POST", "/models", body={**another_model, "modelId": "small"})
    assert refusal(answer) == (409, "Conflict")


def test_a_change_that_is_too_large(models: Models, another_model: dict[str, Any]) -> None:
    check = {"command": ["CMD-SHELL", "x" * 300_000]}
    another_model["containerConfig"] = {**another_model["containerConfig"], "healthCheckConfig": check}
    assert refusal(models.call("POST", "/models", body=another_model)) == (413, "TooLarge")


def test_proposals_are_listed_newest_first_in_pages(models: Models) -> None:
    for number in range(3):
        models.call("PUT", "/models/small", body={"autoScalingConfig": {"maxCapacity": 3 + number}})
    first = content(models.call("GET", "/proposals", query={"limit": "2"}))
    second = content(models.call("GET", "/proposals", query={"limit": "2", "cursor": first["nextCursor"]}))
    ids = [proposal["id"] for proposal in first["proposals"] + second["proposals"]]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True)
    assert second["nextCursor"] is None


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "many"}, {"cursor": "x"}])
def test_a_page_that_is_none(models: Models, query: dict[str, str]) -> None:
    assert refusal(models.call("GET", "/proposals", query=query)) == (400, "BadRequest")


def test_a_proposal_is_withdrawn_once(models: Models) -> None:
    proposal = content(models.call("DELETE", "/models/small"))["id"]
    assert models.call("DELETE", f"/proposals/{proposal}")["statusCode"] == 204
    assert content(models.call("GET", f"/proposals/{proposal}"))["status"] == "withdrawn"
    assert refusal(models.call("DELETE", f"/proposals/{proposal}")) == (404, "NotFound")


def test_a_proposal_that_is_not_there(models: Models) -> None:
    assert refusal(models.call("GET", "/proposals/20260101T000000-0123abcd")) == (404, "NotFound")
    assert refusal(models.call("GET", "/proposals/../models")) == (404, "NotFound")
    assert refusal(models.call("GET", "/proposals/x")) == (400, "BadRequest")


def test_the_documentation_is_for_everyone_and_needs_nothing_from_elsewhere(models: Models) -> None:
    answer = models.call("GET", "/docs", caller=None)
    assert answer["statusCode"] == 200
    page = answer["body"]
    assert "Propose a change of a model" in page
    assert "<script" not in page
    assert "//" not in page
    document = content(models.call("GET", "/openapi.json", caller=None))
    assert set(document["paths"]) >= {"/models", "/models/{model_id}", "/proposals"}


def test_without_its_configuration_nothing_can_be_proposed(models: Models) -> None:
    boto3.client("ssm").delete_parameter(Name="/dev/test/lisa/configuration")
    assert refusal(models.call("DELETE", "/models/small")) == (503, "Unavailable")


@pytest.mark.parametrize("event", [None, [], {}, {"httpMethod": "GET", "path": "/models"}, {"version": "2.0"}])
def test_an_event_that_is_no_request(models: Models, event: Any) -> None:
    from lisa_lambdas.models.handler import handler

    assert refusal(handler(event, None)) == (400, "BadRequest")


def test_a_defect_is_not_told(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "listing", lambda _: 1 / 0)
    assert refusal(models.call("GET", "/models")) == (500, "InternalError")


BROKEN = "/dev/test/lisa/models/broken"


@pytest.mark.parametrize(
    "text",
    ["{", '{"parts": 2}', "[]", "5", '{"modelId": "broken"}', '{"modelId": 5, "minCapacity": "x"}', "null"],
)
def test_a_model_that_cannot_be_read_hides_no_other(
    models: Models, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    boto3.client("ssm").put_parameter(Name=BROKEN, Value=text, Type="String")
    answer = models.call("GET", "/models")
    assert answer["statusCode"] == 200
    found = content(answer)
    assert ([model["modelId"] for model in found["models"]], found["unreadable"]) == (["small"], ["broken"])
    assert BROKEN in caplog.text
    assert content(models.call("GET", "/models/small"))["modelId"] == "small"
    assert refusal(models.call("GET", "/models/broken")) == (503, "Unavailable")
    # A proposal is validated with all models.
    assert refusal(models.call("DELETE", "/models/small")) == (503, "Unavailable")


def test_all_models_are_readable(models: Models) -> None:
    assert content(models.call("GET", "/models"))["unreadable"] == []
