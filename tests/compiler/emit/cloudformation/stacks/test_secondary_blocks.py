"""An imported VPC with several address ranges: what the VPC may do, hosts of all of them may do."""

from __future__ import annotations

import copy
import ipaddress
import json
from typing import Any

import pytest
from tests.compiler.conftest import MINIMAL, Project, resources, templates

FIRST, SECOND = "10.1.0.0/16", "100.64.0.0/16"
VPC = {
    "vpcId": "vpc-0123456789abcdef0",
    "availabilityZones": ["us-east-1a", "us-east-1b"],
    "isolatedSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "cidrBlock": FIRST,
    "existingEndpoints": ["com.amazonaws.us-east-1.logs", "ecr.api"],
    "createEndpoints": True,
    "routeTableIds": ["rtb-0123456789abcdef0"],
}


def _compile(folder: Any, **vpc: Any) -> dict[str, dict[str, Any]]:
    project = Project(folder)
    project.write(
        restApiConfig={**copy.deepcopy(dict(MINIMAL["restApiConfig"])), "internetFacing": False},
        deployRag=True,
        ragRepositories=[{"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "lisa"}}],
        egressAddresses=["203.0.113.0/24"],
        vpc={**VPC, **vpc},
    )
    return templates(project.compile().files)


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return _compile(tmp_path_factory.mktemp("two"), secondaryCidrBlocks=[SECOND])


@pytest.fixture(scope="module")
def with_one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return _compile(tmp_path_factory.mktemp("one"))


def _rules(stacks: dict[str, dict[str, Any]]) -> list[tuple[str, str, int, str]]:
    """Group, direction, port and address range of each rule."""
    return [
        (f"{component}/{group['Properties']['GroupDescription']}", direction, rule.get("FromPort", 0), rule["CidrIp"])
        for component, template in stacks.items()
        for group in resources(template, "AWS::EC2::SecurityGroup")
        for direction in ("SecurityGroupIngress", "SecurityGroupEgress")
        for rule in group["Properties"].get(direction, [])
        if "CidrIp" in rule
    ]


def test_each_rule_of_the_vpc_has_all_its_address_ranges(stacks: dict[str, dict[str, Any]]) -> None:
    found = _rules(stacks)
    first = [rule[:3] for rule in found if rule[3] == FIRST]
    assert first == [rule[:3] for rule in found if rule[3] == SECOND]
    ingress = {group.rpartition(": ")[2] for group, direction, _ in first if direction == "SecurityGroupIngress"}
    assert ingress == {"REST API load balancer", "Load balancers of the models", "VPC endpoints"}
    egress = {group.partition("/")[0] for group, direction, _ in first if direction == "SecurityGroupEgress"}
    assert egress == {"networking", "serve", "model-small"}


def test_the_first_address_range_alone_compiles_as_before(
    stacks: dict[str, dict[str, Any]], with_one: dict[str, dict[str, Any]]
) -> None:
    assert [rule for rule in _rules(stacks) if rule[3] != SECOND] == _rules(with_one)


def test_no_value_of_a_template_has_the_first_address_range_without_the_others(
    stacks: dict[str, dict[str, Any]],
) -> None:
    """Variables, policies, parameters and user data: what names one range of the VPC must name all."""
    for component, template in stacks.items():
        for logical_id, resource in template["Resources"].items():
            text = json.dumps(resource)
            assert (FIRST in text) == (SECOND in text), f"{component}/{logical_id}"
            assert not _within(text, FIRST), f"{component}/{logical_id}"


def _within(text: str, block: str) -> list[str]:
    """Other networks in a text that are a part of a block."""
    network = ipaddress.ip_network(block)
    words = {word.strip('"\\,[]{} ') for word in text.split()}
    found = []
    for word in words:
        try:
            inner = ipaddress.ip_network(word)
        except ValueError:
            continue
        if inner.version == 4 and inner != network and inner.subnet_of(network):
            found.append(word)
    return found
