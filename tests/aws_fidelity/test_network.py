"""The VPC that LISA creates: egress of each zone, addresses, and the types of the parameters that name its subnets."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import Project, templates

from lisa_compiler.compile.pipeline import compile_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("airgap", "dev", "prod")
FIVE_ZONES = [f"us-east-1{letter}" for letter in "bcdef"]
ANYWHERE = "0.0.0.0/0"


class Network:
    """A networking template, read as EC2 routes packets."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.resources = template["Resources"]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            name: each["Properties"] for name, each in self.resources.items() if each["Type"] == f"AWS::EC2::{kind}"
        }

    def zone(self, subnet: str) -> str:
        """Its zone by name, or by its place among the account's zones."""
        zone = self.of_type("Subnet")[subnet]["AvailabilityZone"]
        return zone if isinstance(zone, str) else str(zone["Fn::Select"][0])

    def default_route(self, subnet: str) -> dict[str, Any] | None:
        [table] = [
            association["RouteTableId"]["Ref"]
            for association in self.of_type("SubnetRouteTableAssociation").values()
            if association["SubnetId"]["Ref"] == subnet
        ]
        routes = [
            route
            for route in self.of_type("Route").values()
            if route["RouteTableId"]["Ref"] == table and route["DestinationCidrBlock"] == ANYWHERE
        ]
        assert len(routes) <= 1
        return routes[0] if routes else None

    def egress_zone(self, subnet: str) -> str | None:
        """The zone that traffic of a private subnet leaves through; None without a way out."""
        route = self.default_route(subnet)
        if route is None:
            return None
        public = self.of_type("NatGateway")[route["NatGatewayId"]["Ref"]]["SubnetId"]["Ref"]
        way_out = self.default_route(public)
        assert way_out is not None
        assert "GatewayId" in way_out
        return self.zone(public)

    def without_egress_when_fails(self, zone: str) -> set[str]:
        """Private subnets of other zones that lose their way out with a zone."""
        private = [name for name in self.of_type("Subnet") if name.startswith("Private")]
        return {name for name in private if self.zone(name) != zone and self.egress_zone(name) == zone}


def network(folder: Path, **changes: Any) -> Network:
    return Network(templates(Project(folder).write(**changes).compile().files)["networking"])


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"removalPolicy": "destroy"}, 1),
        ({"removalPolicy": "retain"}, 2),
        ({"removalPolicy": "retain", "natGateways": 1}, 1),
        ({"removalPolicy": "destroy", "natGateways": 2}, 2),
        ({"removalPolicy": "retain", "availabilityZones": FIVE_ZONES[:3]}, 3),
        ({"removalPolicy": "retain", "availabilityZones": FIVE_ZONES, "natGateways": 2}, 2),
    ],
)
def test_number_of_nat_gateways(tmp_path: Path, changes: dict[str, Any], count: int) -> None:
    found = network(tmp_path, **changes)
    gateways = found.of_type("NatGateway")
    assert len(gateways) == len(found.of_type("EIP")) == count
    private = [name for name in found.of_type("Subnet") if name.startswith("Private")]
    assert {found.egress_zone(name) for name in private} == {found.zone(f"PublicSubnet{n + 1}") for n in range(count)}


def test_failure_of_a_zone_leaves_others_their_egress(tmp_path: Path) -> None:
    found = network(tmp_path, removalPolicy="retain", availabilityZones=FIVE_ZONES[:3])
    assert not any(found.without_egress_when_fails(zone) for zone in FIVE_ZONES[:3])


def test_one_nat_gateway_takes_the_other_zone_along(tmp_path: Path) -> None:
    """The fault, in a production environment: the second zone was no help when the first failed."""
    found = network(tmp_path, removalPolicy="retain", natGateways=1)
    assert found.without_egress_when_fails("0") == {"PrivateSubnet2"}


def test_subnets_are_in_the_zones_that_are_configured(tmp_path: Path) -> None:
    found = network(tmp_path, availabilityZones=FIVE_ZONES)
    kinds = {re.sub(r"\d", "", name) for name in found.of_type("Subnet")}
    assert kinds == {"PublicSubnet", "PrivateSubnet", "IsolatedSubnet"}
    for kind in kinds:
        assert [found.zone(f"{kind}{number + 1}") for number in range(5)] == FIVE_ZONES


def test_addresses_are_distinct_and_stay_when_zones_are_added(tmp_path: Path) -> None:
    two, five = network(tmp_path), network(tmp_path, availabilityZones=FIVE_ZONES)
    blocks = {name: ipaddress.ip_network(each["CidrBlock"]) for name, each in five.of_type("Subnet").items()}
    vpc = ipaddress.ip_network(next(iter(five.of_type("VPC").values()))["CidrBlock"])
    assert len(blocks) == 15
    assert all(block.subnet_of(vpc) for block in blocks.values())  # type: ignore[arg-type]
    assert len({block.network_address for block in blocks.values()}) == 15
    before = {name: each["CidrBlock"] for name, each in two.of_type("Subnet").items()}
    assert before == {name: str(blocks[name]) for name in before}
    assert before["IsolatedSubnet2"] == "10.0.1.64/26"


def test_gateway_endpoints_are_in_every_route_table(tmp_path: Path) -> None:
    found = network(tmp_path, removalPolicy="retain")
    tables = set(found.of_type("RouteTable"))
    assert len(tables) == 4
    for endpoint in found.of_type("VPCEndpoint").values():
        assert {table["Ref"] for table in endpoint["RouteTableIds"]} == tables


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_parameters_have_the_types_that_they_are_read_with(environment: str) -> None:
    """CloudFormation resolves a list from a StringList alone, and a value from a String."""
    stacks = templates(compile_environment(ROOT, environment).files)
    published = {
        each["Properties"]["Name"]: each["Properties"]["Type"]
        for template in stacks.values()
        for each in template["Resources"].values()
        if each["Type"] == "AWS::SSM::Parameter" and isinstance(each["Properties"]["Name"], str)
    }
    read = {
        (name, parameter["Default"]): parameter["Type"]
        for component, template in stacks.items()
        for name, parameter in template.get("Parameters", {}).items()
        if parameter["Type"].startswith("AWS::SSM::Parameter::Value<") and parameter["Default"] in published
    }
    assert any("<List<" in kind for kind in read.values())
    for (_, default), kind in read.items():
        assert published[default] == ("StringList" if "<List<" in kind else "String"), default
