"""An existing VPC, described for the configuration, against moto's EC2."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws
from tests.schema.test_rules import diagnose

from lisa_compiler.aws import vpc
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.aws.vpc import Subnet, SubnetType, VpcError


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield vpc.client("us-east-1", None)


class Network:
    """A VPC whose subnets are made in an order that is not that of their zones."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        self.id: str = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self._next = 0

    def subnet(self, zone: str, table: str | None = None, name: str | None = None) -> str:
        self._next += 1
        made = self.ec2.create_subnet(VpcId=self.id, CidrBlock=f"10.0.{self._next}.0/24", AvailabilityZone=zone)
        subnet: str = made["Subnet"]["SubnetId"]
        if table:
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        if name:
            self.ec2.create_tags(Resources=[subnet], Tags=[{"Key": "Name", "Value": name}])
        return subnet

    def table(self, **target: str) -> str:
        table: str = self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        if target:
            self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        return table

    def internet(self) -> str:
        gateway: str = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(VpcId=self.id, InternetGatewayId=gateway)
        return self.table(GatewayId=gateway)

    def nat(self, subnet: str) -> str:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        gateway = self.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
        return self.table(NatGatewayId=gateway)


def test_subnets_are_told_apart_by_their_default_route(ec2: Any) -> None:
    network = Network(ec2)
    internet = network.internet()
    public_b, public_a = network.subnet("us-east-1b", internet, "web b"), network.subnet("us-east-1a", internet)
    nat = network.nat(public_a)
    private_a, private_b = network.subnet("us-east-1a", nat), network.subnet("us-east-1b", nat)
    isolated_b, isolated_a = network.subnet("us-east-1b"), network.subnet("us-east-1a")  # the main table has no default
    described = vpc.describe(ec2, network.id)
    text = vpc.as_yaml(described)
    assert yaml.safe_load(text) == {
        "vpc": {
            "vpcId": network.id,
            "cidrBlock": "10.0.0.0/16",
            "availabilityZones": ["us-east-1a", "us-east-1b"],
            "privateSubnetIds": [private_a, private_b],
            "publicSubnetIds": [public_a, public_b],
            "isolatedSubnetIds": [isolated_a, isolated_b],
        }
    }
    assert f"    - {public_b} # us-east-1b 10.0.1.0/24 web b\n" in text
    assert described.excluded == ()


def test_a_transit_gateway_is_private_egress(ec2: Any) -> None:
    network = Network(ec2)
    transit = ec2.create_transit_gateway(Description="")["TransitGateway"]["TransitGatewayId"]
    table = network.table(TransitGatewayId=transit)
    subnets = [network.subnet(zone, table) for zone in ("us-east-1a", "us-east-1b")]
    described = vpc.describe(ec2, network.id)
    assert [found.id for found in described.subnets[SubnetType.PRIVATE]] == subnets
    assert "  publicSubnetIds: []\n" in vpc.as_yaml(described)
    assert described.endpoints is None


def test_isolated_vpc_is_described_with_its_endpoints_and_route_tables(ec2: Any) -> None:
    network = Network(ec2)
    table = network.table()
    subnets = [network.subnet(zone, table) for zone in ("us-east-1a", "us-east-1b")]
    for service, kind in (("ecr.api", "Interface"), ("s3", "Gateway")):
        ec2.create_vpc_endpoint(
            VpcId=network.id, ServiceName=f"com.amazonaws.us-east-1.{service}", VpcEndpointType=kind
        )
    block = yaml.safe_load(vpc.as_yaml(vpc.describe(ec2, network.id)))["vpc"]
    assert (block["privateSubnetIds"], block["isolatedSubnetIds"]) == ([], subnets)
    assert (block["existingEndpoints"], block["createEndpoints"]) == (["ecr.api", "s3"], True)
    assert block["routeTableIds"] == [table]


def test_all_address_ranges_are_printed_and_compile(ec2: Any) -> None:
    network = Network(ec2)
    ec2.associate_vpc_cidr_block(VpcId=network.id, CidrBlock="100.64.0.0/16")
    gone = ec2.associate_vpc_cidr_block(VpcId=network.id, CidrBlock="100.65.0.0/16")["CidrBlockAssociation"]
    ec2.disassociate_vpc_cidr_block(AssociationId=gone["AssociationId"])
    for zone in ("us-east-1a", "us-east-1b"):
        network.subnet(zone)
    block = yaml.safe_load(vpc.as_yaml(vpc.describe(ec2, network.id)))["vpc"]
    assert (block["cidrBlock"], block["secondaryCidrBlocks"]) == ("10.0.0.0/16", ["100.64.0.0/16"])
    changes = ["restApiConfig.internetFacing=false", f"vpc={json.dumps(block)}"]
    assert [found.message for found in diagnose(changes) if found.is_error] == []


def test_the_largest_subnet_of_a_zone_is_chosen() -> None:
    subnets = [
        Subnet(f"subnet-{zone}{number}", zone, f"10.0.{number}.0/{length}", "", SubnetType.PRIVATE)
        for zone in ("us-east-1b", "us-east-1a")
        for number, length in ((16, 24), (32, 22), (8, 24))
    ]
    described = vpc.select_subnets("vpc-1", "10.0.0.0/16", subnets)
    chosen = described.subnets[SubnetType.PRIVATE]
    assert [subnet.id for subnet in chosen] == ["subnet-us-east-1a32", "subnet-us-east-1b32"]
    assert len(described.excluded) == 4


def test_kinds_that_lack_zones_of_the_instances_are_left_out() -> None:
    def subnet(zone: str, reach: SubnetType) -> Subnet:
        return Subnet(f"{reach}-{zone}", f"us-east-1{zone}", "10.0.0.0/24", "", reach)

    public = [subnet(zone, SubnetType.PUBLIC) for zone in "cd"]
    private = [subnet(zone, SubnetType.PRIVATE) for zone in "abc"]
    described = vpc.select_subnets("vpc-1", "10.0.0.0/16", [*public, *private])
    assert described.availability_zones == ("us-east-1a", "us-east-1b", "us-east-1c")
    assert described.subnets[SubnetType.PUBLIC] == ()
    assert described.excluded == tuple(public)


def test_local_zones_are_left_out() -> None:
    zones = ("us-east-1-bos-1a", "us-east-1a", "us-east-1b")
    subnets = [Subnet(f"subnet-{zone}", zone, "10.0.0.0/24", "", SubnetType.PRIVATE) for zone in zones]
    assert vpc.select_subnets("vpc-1", "10.0.0.0/16", subnets).availability_zones == zones[1:]


@pytest.mark.parametrize(
    ("reach", "zones"),
    [(SubnetType.PUBLIC, "abc"), (SubnetType.PRIVATE, "a"), (SubnetType.ISOLATED, "c")],
)
def test_vpc_without_two_zones_for_instances_is_an_error(reach: SubnetType, zones: str) -> None:
    subnets = [Subnet(f"subnet-{zone}", f"us-east-1{zone}", "10.0.0.0/24", "", reach) for zone in zones]
    with pytest.raises(VpcError, match="neither private nor isolated subnets in two Availability Zones"):
        vpc.select_subnets("vpc-1", "10.0.0.0/16", subnets)


ROUTES = ({}, {"GatewayId": "igw-1"}, {"NatGatewayId": "nat-1"}, {"TransitGatewayId": "tgw-1"})


@pytest.mark.parametrize("seed", range(60))
def test_what_is_printed_compiles(seed: int) -> None:
    """Random VPCs: any number of subnets of each kind and zone, with any endpoints, or none that can be read."""
    chance = random.Random(seed)
    zones = [f"us-east-1{letter}" for letter in "abcdef"[: chance.randint(1, 6)]] + ["us-east-1-bos-1a"]
    tables = [
        {
            "RouteTableId": f"rtb-{number:08x}",
            "Associations": [{"Main": True}] if number == 0 else [],
            "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", **route}] if route else [],
        }
        for number, route in enumerate(chance.sample(ROUTES, len(ROUTES)))
    ]
    subnets = []
    for number in range(chance.randint(1, 14)):
        subnet = f"subnet-{number:08x}"
        address = {"CidrBlock": f"10.0.{number}.0/{chance.choice((24, 26, 28))}"} if chance.random() < 0.9 else {}
        subnets.append({"SubnetId": subnet, "AvailabilityZone": chance.choice(zones), **address})
        if chance.random() < 0.8:
            chance.choice(tables)["Associations"].append({"SubnetId": subnet})
    names = ("s3", "dynamodb", "ecr.api", "ecr.dkr", "logs", "ecs", "kms", "secretsmanager")
    services = [f"com.amazonaws.us-east-1.{one}" for one in chance.sample(names, chance.randint(0, len(names)))]
    answers = {
        "describe_subnets": {"Subnets": subnets},
        "describe_route_tables": {"RouteTables": tables},
        "describe_vpc_endpoints": {"VpcEndpoints": [{"ServiceName": one, "State": "available"} for one in services]},
    }
    try:
        described = vpc.describe(Described(answers, refuses_endpoints=chance.random() < 0.2), "vpc-0123456789abcdef0")
    except VpcError:
        return
    assert described.subnets[SubnetType.PRIVATE] or described.subnets[SubnetType.ISOLATED]
    text = vpc.as_yaml(described)
    changes = [
        f"restApiConfig.internetFacing={'true' if described.subnets[SubnetType.PUBLIC] else 'false'}",
        f"vpc={json.dumps(yaml.safe_load(text)['vpc'])}",
        "deployRag=true",
        "ragRepositories=[{repositoryId: docs, type: pgvector, rdsConfig: {username: postgres}}]",
    ]
    assert [found.message for found in diagnose(changes) if found.is_error] == []


class Described:
    """EC2 as its answers have it."""

    def __init__(self, answers: dict[str, Any], *, refuses_endpoints: bool) -> None:
        self.answers = answers
        self.refuses_endpoints = refuses_endpoints
        self.meta = SimpleNamespace(region_name="us-east-1")

    def describe_vpcs(self, **_: Any) -> dict[str, Any]:
        return {"Vpcs": [{"CidrBlock": "10.0.0.0/16"}]}

    def get_paginator(self, operation: str) -> SimpleNamespace:
        if operation == "describe_vpc_endpoints" and self.refuses_endpoints:
            error = {"Error": {"Code": "UnauthorizedOperation", "Message": "not authorized"}}
            raise ClientError(error, "DescribeVpcEndpoints")
        return SimpleNamespace(paginate=lambda **_: [self.answers[operation]])


@pytest.mark.parametrize(
    ("route", "reach"),
    [
        ({"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}, SubnetType.PUBLIC),
        ({"DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1"}, SubnetType.PUBLIC),
        ({"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "vgw-1"}, SubnetType.PRIVATE),
        ({"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1"}, SubnetType.PRIVATE),
        ({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "blackhole"}, SubnetType.ISOLATED),
        ({"DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "igw-1"}, SubnetType.ISOLATED),
        ({"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"}, SubnetType.ISOLATED),
    ],
)
def test_what_a_route_means(route: dict[str, str], reach: SubnetType) -> None:
    subnet = {"SubnetId": "subnet-1", "AvailabilityZone": "a", "CidrBlock": "10.0.0.0/24"}
    table = {"Associations": [{"Main": True}], "Routes": [route]}
    (found,) = vpc.classify([subnet], [table])
    assert found.reach is reach


def test_a_vpc_that_does_not_exist(ec2: Any) -> None:
    with pytest.raises(VpcError, match="vpc-00000000 does not exist in us-east-1"):
        vpc.describe(ec2, "vpc-00000000")


def test_a_vpc_without_subnets(ec2: Any) -> None:
    with pytest.raises(VpcError, match="has no subnets"):
        vpc.describe(ec2, Network(ec2).id)


def test_a_refusal_of_aws_is_explained() -> None:
    client = boto3.client("ec2", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stub.add_client_error("describe_vpcs", "UnauthorizedOperation", "You are not authorized.")
        with pytest.raises(VpcError, match="You are not authorized"):
            vpc.describe(client, "vpc-00000000")


def test_no_credentials_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(VpcError, match="no credentials found"):
        vpc.describe(vpc.client("us-east-1", None), "vpc-00000000")
    with pytest.raises(DeployError, match="Check `profile` or --profile"):
        vpc.client("us-east-1", "no-such-profile")
