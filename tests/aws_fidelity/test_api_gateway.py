"""The compiled API and its functions within the limits of API Gateway and Lambda."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import templates

from aws_fidelity import api_gateway
from aws_fidelity.api_gateway import answered, faults_of_paths, methods
from lisa_compiler.compile.pipeline import compile_environment
from lisa_lambdas.authorizer.policy import policy_for
from lisa_lambdas.proxy import ANSWER_LIMIT
from lisa_lambdas.repository.stores import Hit
from lisa_lambdas.rest import RestApi
from lisa_oidc import Caller
from runtime.lambdas.proxy_events import CONTEXT, ORIGIN, content, proxy_event, refusal

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENTS = ("airgap", "dev", "prod")
PYTHON = sys.version_info[:2]
LONGER_THAN_API = {"/repository/{repositoryId}/bulk"}
"""Ingestion goes on behind API Gateway's 504 (docs/rag.md); the others share its function."""


@functools.cache
def compiled(environment: str) -> api_gateway.Templates:
    return templates(compile_environment(REPOSITORY, environment).files)


@pytest.fixture(params=ENVIRONMENTS)
def api(request: pytest.FixtureRequest) -> api_gateway.Templates:
    return compiled(request.param)


def test_functions_answer_within_integration_timeout(api: api_gateway.Templates) -> None:
    """A function that outlives its request works for a caller who has got 504."""
    seconds = {
        (method.path, method.function["Timeout"])
        for method in methods(api)
        if method.function and not method.path.startswith("/repository")
    }
    assert len(seconds) >= 5
    assert [found for found in seconds if found[1] > api_gateway.INTEGRATION_SECONDS] == []


def test_authorizer_answers_within_integration_timeout(api: api_gateway.Templates) -> None:
    functions = [
        found["Properties"]["Timeout"]
        for found in api["api-base"]["Resources"].values()
        if found["Type"] == "AWS::Lambda::Function"
    ]
    assert functions == [api_gateway.INTEGRATION_SECONDS]


def test_only_ingestion_outlives_integration_timeout(api: api_gateway.Templates) -> None:
    """The others of its function are bounded in the function: see test_search_gives_up_before_api_gateway."""
    outliving = {
        method.path
        for method in methods(api)
        if method.function and method.function["Timeout"] > api_gateway.INTEGRATION_SECONDS
    }
    assert outliving >= LONGER_THAN_API
    assert all(path.startswith("/repository") for path in outliving)


def test_paths_are_accepted(api: api_gateway.Templates) -> None:
    assert faults_of_paths(api) == []


def test_path_faults_are_noticed() -> None:
    def resource(part: str, parent: str) -> dict[str, Any]:
        return {"Type": "AWS::ApiGateway::Resource", "Properties": {"PathPart": part, "ParentId": {"Ref": parent}}}

    stack = {
        "A": resource("{a+}", "Root"),
        "B": resource("b", "A"),
        "C": resource("{c}", "Root"),
        "D": resource("d e", "Root"),
    }
    assert len(faults_of_paths({"x": {"Resources": stack}})) == 3


def test_path_variables_are_required_parameters(api: api_gateway.Templates) -> None:
    for method in methods(api):
        if method.function:
            wanted = {part.strip("{+}") for part in method.path.split("/") if part.startswith("{")}
            given = {name.rpartition(".")[2] for name in method.properties.get("RequestParameters", {})}
            assert given == wanted, method.path


def test_each_path_of_functions_answers_preflights_without_authorizer(api: api_gateway.Templates) -> None:
    found = list(methods(api))
    preflights = {method.path: method for method in found if method.verb == "OPTIONS"}
    for method in (one for one in found if one.function):
        allowed = preflights[method.path].properties
        assert allowed["AuthorizationType"] == "NONE"
        answer = allowed["Integration"]["IntegrationResponses"][0]["ResponseParameters"]
        verbs = answer["method.response.header.Access-Control-Allow-Methods"].strip("'").split(",")
        assert method.verb in verbs or method.verb == "ANY"
        declared = allowed["MethodResponses"][0]["ResponseParameters"]
        assert set(answer) == set(declared)


def test_stage_name_is_accepted_and_has_no_variables(api: api_gateway.Templates) -> None:
    (stage,) = (
        found["Properties"]
        for found in api["api-deployment"]["Resources"].values()
        if found["Type"] == "AWS::ApiGateway::Stage"
    )
    assert api_gateway.STAGE_NAME.fullmatch(stage["StageName"])
    assert "Variables" not in stage


def test_authorizer_is_asked_for_each_request(api: api_gateway.Templates) -> None:
    """Its policy denies by path, and a kept one would be that of another caller where the header is the same."""
    (authorizer,) = (
        found["Properties"]
        for found in api["api-base"]["Resources"].values()
        if found["Type"] == "AWS::ApiGateway::Authorizer"
    )
    assert authorizer["AuthorizerResultTtlInSeconds"] == 0
    assert authorizer["IdentitySource"] == "method.request.header.Authorization"


def test_policy_is_within_limit() -> None:
    caller = Caller(subject="s" * 255, username="u" * 255, groups=(), is_admin=False, expires=0)
    arn = f"arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:{'a' * 10}/{'S' * 128}/DELETE/{'p' * 512}"
    assert len(json.dumps(policy_for(caller, arn)).encode()) <= api_gateway.POLICY_BYTES


def test_binary_files_of_web_application_are_declared(api: api_gateway.Templates) -> None:
    """API Gateway turns what is not declared into UTF-8; svg, scripts and styles are text."""
    text = {".css", ".html", ".js", ".json", ".map", ".md", ".svg", ".txt", ".webmanifest"}
    images = {".avif", ".gif", ".ico", ".jpg", ".png", ".webp"}
    suffixes = {path.suffix for path in (REPOSITORY / "runtime/web/dist").rglob("*") if path.is_file()}
    assert suffixes - text <= images
    (gateway,) = (
        found["Properties"]
        for found in api["api-base"]["Resources"].values()
        if found["Type"] == "AWS::ApiGateway::RestApi"
    )
    assert "image/*" in gateway["BinaryMediaTypes"]


def large_answer(characters: int) -> dict[str, Any]:
    api = RestApi(ORIGIN)
    hit = Hit("d" * 32, "s3://b/k", 0, "x" * characters, None, 0.5)
    api.get("/x")(lambda: {"docs": [{"text": hit.text}]})
    return api.resolve(proxy_event("GET", "/x"), CONTEXT)


def test_answer_beyond_limit_says_so() -> None:
    """A search with `topK` 100 finds up to 100 chunks of 10,000 characters."""
    assert large_answer(ANSWER_LIMIT - 10_000)["statusCode"] == 200
    answer = large_answer(ANSWER_LIMIT)
    assert answered(answer, PYTHON) == 413
    assert refusal(answer) == (413, "TooLarge")
    assert "Request less" in content(answer)["message"]


SEARCH = "/repository/{repositoryId}/similaritySearch"


def test_search_is_a_method_of_get_and_post_behind_the_authorizer(api: api_gateway.Templates) -> None:
    found = {method.verb: method for method in methods(api) if method.path == SEARCH}
    assert set(found) == {"GET", "OPTIONS", "POST"}
    assert {found[verb].properties["AuthorizationType"] for verb in ("GET", "POST")} == {"CUSTOM"}
    answer = found["OPTIONS"].properties["Integration"]["IntegrationResponses"][0]["ResponseParameters"]
    assert answer["method.response.header.Access-Control-Allow-Methods"] == "'GET,OPTIONS,POST'"
