"""Compiled templates that someone edited so that a caller is no longer authenticated: `lisa policy` finds each edit."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.policy.template import FACTS, rule

from lisa_compiler.output.gateway_authentication import TRUSTED
from lisa_compiler.policy.rules import Facts
from lisa_compiler.policy.rules.api_methods import path_of
from lisa_compiler.policy.templates import Template, read_templates

GENERATED = Path(__file__).parents[3] / "generated"
ELSEWHERE = "arn:aws:lambda:us-east-1:999999999999:function:other"

Properties = dict[str, Any]


def compiled(component: str) -> Template:
    (found,) = (one for one in read_templates(GENERATED, "dev") if one.component == component)
    return replace(found, resources=copy.deepcopy(dict(found.resources)))


def facts() -> Facts:
    (function,) = of_type(compiled("api-base"), "Lambda::Function")
    variables = function["Environment"]["Variables"]
    (task,) = of_type(compiled("serve"), "ECS::TaskDefinition")
    values = {one["Name"]: one["Value"] for one in task["ContainerDefinitions"][0]["Environment"]}
    assert variables["AUTHORITY"] == values["AUTHORITY"]
    return replace(FACTS, trusted={name: values[name] for name in TRUSTED})


def of_type(template: Template, kind: str) -> Iterator[Properties]:
    return (dict_of(properties) for _, properties in template.of_type(f"AWS::{kind}"))


def dict_of(properties: Any) -> Properties:
    assert isinstance(properties, dict)
    return properties


def method(template: Template, verb: str, path: str) -> Properties:
    methods = of_type(template, "ApiGateway::Method")
    (found,) = (one for one in methods if (one["HttpMethod"], path_of(template, one["ResourceId"])) == (verb, path))
    return found


def run_another_task(template: Template) -> None:
    (service,) = of_type(template, "ECS::Service")
    service["TaskDefinition"] = "arn:aws:ecs:us-east-1:123456789012:task-definition/other:3"


def reach_another_target(template: Template) -> None:
    (listener,) = of_type(template, "ElasticLoadBalancingV2::Listener")
    listener["DefaultActions"] = [{"Type": "forward", "TargetGroupArn": "arn:aws:elasticloadbalancing:x"}]


def remove_the_provider(template: Template) -> None:
    (function,) = of_type(template, "Lambda::Function")
    del function["Environment"]["Variables"]["AUTHORITY"]


def authorize_elsewhere(template: Template) -> None:
    (authorizer,) = of_type(template, "ApiGateway::Authorizer")
    authorizer["AuthorizerUri"] = (
        f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ELSEWHERE}/invocations"
    )


def open_a_method(template: Template) -> None:
    method(template, "GET", "/proposals").update(AuthorizationType="NONE")


def use_another_authorizer(template: Template) -> None:
    method(template, "GET", "/session").update(AuthorizerId="abc123")


def answer_preflights_with_the_function(template: Template) -> None:
    method(template, "OPTIONS", "/session")["Integration"]["Type"] = "AWS_PROXY"


def name_a_route_as_an_open_one(template: Template) -> None:
    edited = method(template, "GET", "/proposals")
    edited.update(AuthorizationType="NONE", ResourceId={"Ref": "Other"})
    added = {"Type": "AWS::ApiGateway::Resource", "Properties": {"PathPart": "docs", "ParentId": {"Ref": "Other"}}}
    dict_of(template.resources)["Other"] = added


def give_the_function_an_address(template: Template) -> None:
    dict_of(template.resources)["Address"] = {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}


def let_the_website_call_a_function(template: Template) -> None:
    method(template, "GET", "/{proxy+}")["Integration"].update(Type="AWS_PROXY", IntegrationHttpMethod="POST")


EDITS: list[tuple[str, Callable[[Template], None], str]] = [
    ("serve", run_another_task, "The service runs a task definition that is not in the template."),
    ("serve", reach_another_target, "The listener forwards to a target group that is not in the template."),
    ("api-base", remove_the_provider, "`AUTHORITY` is `None`, but the configuration sets"),
    ("api-base", authorize_elsewhere, "The authorizer calls a function that is not in the template."),
    ("models-api", open_a_method, "`GET /proposals` does not use the authorizer of the API."),
    ("chat", use_another_authorizer, "`GET /session` does not use the authorizer of the API."),
    ("chat", answer_preflights_with_the_function, "`OPTIONS /session` does not use the authorizer of the API."),
    ("models-api", name_a_route_as_an_open_one, "docs` does not use the authorizer of the API."),
    ("rag", give_the_function_an_address, "The function has a URL that bypasses the authorizer."),
    ("ui", let_the_website_call_a_function, "`GET /{proxy+}` does not use the authorizer of the API."),
]


@pytest.mark.parametrize(("component", "edit", "said"), EDITS, ids=[edit.__name__ for _, edit, _ in EDITS])
def test_policy_finds_an_edit(component: str, edit: Callable[[Template], None], said: str) -> None:
    template = compiled(component)
    edit(template)
    (found,) = rule("authenticated-callers").check(template, facts())
    assert said in found.message


@pytest.mark.parametrize("environment", ["airgap", "dev", "prod"])
def test_compiled_methods_are_authorized_as_planned(environment: str) -> None:
    for template in read_templates(GENERATED, environment):
        if template.component not in {"serve", "api-base"}:
            assert list(rule("authenticated-callers").check(template, FACTS)) == []
