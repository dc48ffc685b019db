"""An existing VPC, described for the configuration, against moto's EC2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import yaml
from botocore.stub import Stubber
from moto import mock_aws

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
    subnet = network.subnet("us-east-1a", network.table(TransitGatewayId=transit))
    described = vpc.describe(ec2, network.id)
    assert [found.id for found in described.subnets[SubnetType.PRIVATE]] == [subnet]
    assert "  publicSubnetIds: []\n" in vpc.as_yaml(described)


def test_subnets_that_break_the_pattern_are_left_out(ec2: Any) -> None:
    network = Network(ec2)
    kept = [network.subnet(zone) for zone in ("us-east-1a", "us-east-1b")]
    extra = network.subnet("us-east-1a")
    described = vpc.describe(ec2, network.id)
    assert [subnet.id for subnet in described.subnets[SubnetType.ISOLATED]] == kept
    assert [subnet.id for subnet in described.excluded] == [extra]


def test_zones_that_lack_a_kind_of_subnet_are_left_out(ec2: Any) -> None:
    network = Network(ec2)
    internet = network.internet()
    network.subnet("us-east-1a", internet)
    network.subnet("us-east-1a")
    alone = network.subnet("us-east-1c")
    described = vpc.describe(ec2, network.id)
    assert described.availability_zones == ("us-east-1a",)
    assert [subnet.id for subnet in described.excluded] == [alone]


def test_no_zone_with_every_kind_is_an_error(ec2: Any) -> None:
    network = Network(ec2)
    network.subnet("us-east-1a", network.internet())
    network.subnet("us-east-1b")
    with pytest.raises(VpcError, match="No Availability Zone"):
        vpc.describe(ec2, network.id)


def test_several_subnets_in_a_zone_go_round_the_zones() -> None:
    subnets = [
        Subnet(f"subnet-{zone}{number}", zone, f"10.0.{number}.0/24", "", SubnetType.PRIVATE)
        for zone in "ba"
        for number in (9, 10)
    ]
    arranged = vpc.select_subnets("vpc-1", "10.0.0.0/16", subnets).subnets[SubnetType.PRIVATE]
    assert [subnet.id for subnet in arranged] == ["subnet-a9", "subnet-b9", "subnet-a10", "subnet-b10"]


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
