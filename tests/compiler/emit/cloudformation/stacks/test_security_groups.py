"""Who may connect to whom: the compiled security groups, read as EC2 does."""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.compiler.conftest import MINIMAL, Project, configuration, model, templates

from lisa_compiler.plan.egress import Egress, functions_egress, gateway_egress
from lisa_schema.models import Config

GROUPS = "/networking/securityGroups/"
GATEWAY_PORT, MODEL_PORT = 443, 80
SOMEONE_IN_THE_VPC, INTERNET = "10.0.0.9", "198.51.100.7"


@dataclass
class Account:
    """Security groups after some stacks were deployed, and the members of each.

    Attributes:
        rules: rules by group and direction.
        members: groups of each member: of the gateway's instances, the functions and the models' load balancer.
    """

    rules: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)

    def connects(self, client: str, server: str, port: int) -> bool:
        """Whether a client, which is a member or an address, connects to a member."""
        sources = self.members.get(client, set())
        leaves = not sources or any(self._permits(group, "Egress", server, port) for group in sources)
        return leaves and any(self._permits(group, "Ingress", client, port) for group in self.members[server])

    def reaches(self, client: str, address: str, port: int) -> bool:
        """Whether a member may open a connection to an address."""
        return any(self._permits(group, "Egress", address, port) for group in self.members[client])

    def _permits(self, group: str, direction: str, other: str, port: int) -> bool:
        return any(self._matches(rule, other, port) for rule in self.rules[group, direction])

    def _matches(self, rule: Mapping[str, Any], other: str, port: int) -> bool:
        if rule["IpProtocol"] != "-1" and not rule["FromPort"] <= port <= rule["ToPort"]:
            return False
        named = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
        if named is not None:
            return named in self.members.get(other, set())
        # Members have addresses in the VPC.
        address = SOMEONE_IN_THE_VPC if other in self.members else other
        return "CidrIp" in rule and ipaddress.ip_address(address) in ipaddress.ip_network(rule["CidrIp"])


class Stack:
    """A template whose references to security groups are replaced by their names."""

    def __init__(self, component: str, template: Mapping[str, Any]) -> None:
        self._component = component
        self._resources = template["Resources"]
        self._parameters = template.get("Parameters", {})

    def deploy(self, account: Account) -> None:
        """Replace what an earlier template of the stack left."""
        for name, resource in self._resources.items():
            if resource["Type"] == "AWS::EC2::SecurityGroup":
                for direction in ("Ingress", "Egress"):
                    rules = resource["Properties"].get(f"SecurityGroup{direction}", ())
                    account.rules[self._published(name), direction] = [self._resolved(rule) for rule in rules]
        for groups, member in self._members():
            account.members[member] = {str(self._resolved(group)) for group in groups}

    def _members(self) -> Iterator[tuple[list[Any], str]]:
        for resource in self._resources.values():
            properties = resource["Properties"]
            if resource["Type"] == "AWS::ElasticLoadBalancingV2::LoadBalancer":
                yield properties["SecurityGroups"], f"{self._component}/balancer"
            if resource["Type"] == "AWS::EC2::LaunchTemplate":
                yield properties["LaunchTemplateData"]["SecurityGroupIds"], f"{self._component}/instances"
            if resource["Type"] == "AWS::Lambda::Function" and "VpcConfig" in properties:
                yield properties["VpcConfig"]["SecurityGroupIds"], f"{self._component}/functions"

    def _published(self, logical_id: str) -> str:
        for resource in self._resources.values():
            if resource["Type"] == "AWS::SSM::Parameter" and GROUPS in resource["Properties"]["Name"]:
                value = resource["Properties"]["Value"]
                if isinstance(value, dict) and value.get("Fn::GetAtt", [None])[0] == logical_id:
                    return str(resource["Properties"]["Name"]).rpartition(GROUPS)[2]
        return f"{self._component}/{logical_id}"

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, dict):
            if "Fn::GetAtt" in value:
                return self._published(value["Fn::GetAtt"][0])
            if "Ref" in value:
                return self._parameters[value["Ref"]]["Default"].rpartition(GROUPS)[2]
            return {key: self._resolved(item) for key, item in value.items()}
        return value


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stack]:
    project = Project(tmp_path_factory.mktemp("project")).write(
        deployRag=True,
        ragRepositories=[{"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "lisa"}}],
        ecsModels=[model(), model(modelId="second", modelName="org/second")],
    )
    compiled = templates(project.compile().files)
    # `lisa deploy` updates them in the order of the plan.
    return {stack.component: Stack(stack.component, compiled[stack.component]) for stack in project.plan().stacks}


@pytest.fixture
def account(stacks: dict[str, Stack]) -> Account:
    found = Account()
    for stack in stacks.values():
        stack.deploy(found)
    return found


def test_models_are_reached_by_the_gateway_alone(account: Account) -> None:
    balancers = ["model-second/balancer", "model-small/balancer"]
    for balancer in balancers:
        instances = balancer.replace("balancer", "instances")
        assert account.connects("serve/instances", balancer, MODEL_PORT)
        assert account.connects(balancer, instances, MODEL_PORT)
        others = {*account.members, SOMEONE_IN_THE_VPC, INTERNET} - {"serve/instances"}
        assert [one for one in sorted(others) if account.connects(one, balancer, MODEL_PORT)] == []
        reached = [one for one in sorted({*others, "serve/instances"}) if account.connects(one, instances, MODEL_PORT)]
        assert reached == balancers


def test_the_gateway_is_reached_by_its_clients(account: Account) -> None:
    for client in (INTERNET, "rag/functions"):
        assert account.connects(client, "serve/balancer", GATEWAY_PORT)
    assert account.connects("serve/balancer", "serve/instances", 40000)


def test_instances_and_functions_open_only_what_is_configured(account: Account) -> None:
    for member in ("serve/instances", "model-small/instances", "rag/functions"):
        assert [port for port in (22, 80, 443, 3306, 8443) if account.reaches(member, INTERNET, port)] == [443], member
    assert account.reaches("rag/functions", SOMEONE_IN_THE_VPC, 5432)
    assert not account.reaches("serve/instances", SOMEONE_IN_THE_VPC, 5432)


def test_an_update_never_separates_the_gateway_from_a_model(stacks: dict[str, Stack]) -> None:
    """Deployments of earlier versions: one group for all load balancers, which accepts the whole VPC."""
    everything = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
    vpc = {"IpProtocol": "tcp", "CidrIp": "10.0.0.0/22", "FromPort": MODEL_PORT, "ToPort": MODEL_PORT}
    account = Account(
        rules={
            ("modelLoadBalancer", "Ingress"): [vpc],
            ("modelLoadBalancer", "Egress"): [everything],
            ("own", "Ingress"): [],
            ("own", "Egress"): [everything],
        },
        members={"serve/instances": {"own"}}
        | {f"model-{name}/balancer": {"modelLoadBalancer"} for name in ("small", "second")},
    )
    for component, stack in stacks.items():
        stack.deploy(account)
        used = {group for groups in account.members.values() for group in groups}
        assert {group for group, _ in account.rules} >= used, component
        for name in ("small", "second"):
            assert account.connects("serve/instances", f"model-{name}/balancer", MODEL_PORT), (component, name)
    assert list(stacks).index("networking") < list(stacks).index("serve") < list(stacks).index("model-small")


def ports(rules: tuple[Egress, ...]) -> list[tuple[int, str]]:
    return [(rule.port, rule.address) for rule in rules]


def test_ports_follow_from_the_configuration() -> None:
    rest = copy.deepcopy(dict(MINIMAL["restApiConfig"]))
    rest["containerConfig"]["environment"] = {"HTTPS_PROXY": "http://proxy.example.com:3128", "REDIS_PORT": "6390"}
    external = {
        "model_name": "remote",
        "litellm_params": {"model": "openai/m", "api_base": "https://models.example.com:8443/v1", "api_key": "x"},
        "lisa_params": {"model_type": "textgen", "streaming": True},
    }
    changes: dict[str, Any] = {
        "authConfig": {"authority": "https://idp.example.com:9443", "clientId": "lisa"},
        "restApiConfig": rest,
        "litellmConfig": {"model_list": [external]},
        "egressPorts": [9999],
    }
    config = Config.model_validate(configuration(**changes))
    assert ports(gateway_egress(config)) == [(port, "0.0.0.0/0") for port in (443, 3128, 6390, 8443, 9443, 9999)]
    assert ports(functions_egress(config)) == [(port, "0.0.0.0/0") for port in (443, 9443, 9999)]
    narrow = Config.model_validate(configuration(**changes, egressAddresses=["203.0.113.0/24", "pl-0123456789abcdef0"]))
    assert ports(functions_egress(narrow))[:3] == [
        (443, "203.0.113.0/24"),
        (443, "pl-0123456789abcdef0"),
        (443, ""),
    ]
    assert {address for _, address in ports(gateway_egress(narrow))} == {"203.0.113.0/24", "pl-0123456789abcdef0", ""}
    opened = Config.model_validate(configuration(openEgress=True))
    assert ports(gateway_egress(opened)) == ports(functions_egress(opened)) == [(-1, "0.0.0.0/0")]
