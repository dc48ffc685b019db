"""What is compiled for every environment: no server closes a connection before its load balancer, and stops fit."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from tests.compiler.conftest import resources, templates

import parts
from lisa_compiler.compile.pipeline import compile_environment
from lisa_gateway.supervisor.settings import GATEWAY_STOP_MARGIN_SECONDS, SupervisorSettings
from lisa_schema.connection_times import KEEP_ALIVE_VARIABLES

NEVER_CLOSE = {"tei", "tgi"}
"""Containers whose servers keep idle connections as long as the client does; see docs/decisions/0035-connections.md."""
SERVICES = [
    (path.parts[-3], path.name.removesuffix(".template.json"))
    for path in sorted((parts.ROOT / "generated").glob("*/cloudformation/*.template.json"))
    if '"AWS::ECS::TaskDefinition"' in path.read_text(encoding="utf-8")
]
"""Environment and component of every service that runs a container; what is tested is compiled from the sources."""


@functools.cache
def compiled(environment: str) -> dict[str, dict[str, Any]]:
    return templates(compile_environment(parts.ROOT, environment).files)


@pytest.fixture(params=SERVICES, ids="-".join)
def template(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    environment, component = request.param
    return compiled(environment)[component]


def of_type(template: Mapping[str, Any], kind: str) -> dict[str, Any]:
    (found,) = resources(template, kind)
    return dict(found["Properties"])


def attributes(properties: Mapping[str, Any], key: str) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in properties[key]}


def idle_timeout(template: Mapping[str, Any]) -> int:
    balancer = of_type(template, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    return int(attributes(balancer, "LoadBalancerAttributes")["idle_timeout.timeout_seconds"])


def container(template: Mapping[str, Any]) -> dict[str, Any]:
    found = of_type(template, "AWS::ECS::TaskDefinition")["ContainerDefinitions"][0]
    return dict(found)


def variables(template: Mapping[str, Any]) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in container(template)["Environment"]}


def kind(template: Mapping[str, Any]) -> str:
    """The container of a service: `rest-api`, or the inference container that the model's registration names."""
    if container(template)["Name"] == "rest-api":
        return "rest-api"
    parameters = resources(template, "AWS::SSM::Parameter")
    (found,) = set(re.findall(r'inferenceContainer[\\"]+:\s*[\\"]+(\w+)', json.dumps(parameters)))
    return str(found)


def test_there_are_services() -> None:
    assert len(SERVICES) > 3


def test_the_server_keeps_idle_connections_longer(template: Mapping[str, Any]) -> None:
    server = kind(template)
    if server in NEVER_CLOSE:
        assert server not in KEEP_ALIVE_VARIABLES
        return
    assert int(variables(template)[KEEP_ALIVE_VARIABLES[server]]) > idle_timeout(template)


def test_the_stop_timeout_is_longer_than_the_drain(template: Mapping[str, Any]) -> None:
    drain = int(variables(template).get("DRAIN_TIMEOUT", 90))
    needed = drain
    if kind(template) == "rest-api":
        litellm = SupervisorSettings.model_fields["litellm_stop_seconds"].default
        needed += GATEWAY_STOP_MARGIN_SECONDS + int(litellm)
    assert container(template)["StopTimeout"] > needed


def test_requests_in_flight_have_as_long_before_a_stop(template: Mapping[str, Any]) -> None:
    group = attributes(of_type(template, "AWS::ElasticLoadBalancingV2::TargetGroup"), "TargetGroupAttributes")
    assert int(group["deregistration_delay.timeout_seconds"]) >= int(variables(template).get("DRAIN_TIMEOUT", 90))
