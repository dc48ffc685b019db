"""The VPC that a configuration names, and certificates of ACM."""

from __future__ import annotations

from typing import Any

import pytest
from tests.compiler.deploy.strict_aws import DENIED

from lisa_compiler.deploy.preflight import Status

from . import healthy as account
from .conftest import VPC, Examine
from .healthy import NOW, REGION

pytestmark = pytest.mark.filterwarnings("ignore:.*does not match an error shape")

VPC_ID = str(VPC["vpcId"])
PRIVATE, OTHER_PRIVATE = VPC["privateSubnetIds"]
PUBLIC = VPC["publicSubnetIds"]
SERVICES = (
    *("autoscaling", "cloudformation", "dynamodb", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry"),
    *("elasticloadbalancing", "logs", "s3", "ssm"),
)
OTHER_SERVICES = tuple(service for service in SERVICES if service not in ("dynamodb", "ecr.api"))


def subnets(free: int = 50, without: str = "") -> Any:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["Filters"][0]["Name"] == "default-for-az":
            return account.default_subnets(asked)
        assert asked["Filters"] == [{"Name": "vpc-id", "Values": [VPC_ID]}]
        found = [
            {"SubnetId": one, "AvailabilityZone": f"{REGION}{zone}", "AvailableIpAddressCount": free}
            for zone, one in zip("abab", (PRIVATE, OTHER_PRIVATE, *PUBLIC), strict=True)
            if one != without
        ]
        return account.one_by_one("Subnets", found)(asked)

    return answer


def tables(*routes: dict[str, Any], subnet: str | None = None) -> Any:
    """The main route table has the routes; or the table of a subnet has, beside a main one without any."""
    local = {"DestinationCidrBlock": "10.20.0.0/16", "GatewayId": "local", "State": "active"}
    main: dict[str, Any] = {"Associations": [{"Main": True}], "Routes": [local]}
    if subnet is None:
        return account.one_by_one("RouteTables", [{**main, "Routes": [local, *routes]}])
    own = {"Associations": [{"Main": False, "SubnetId": subnet}], "Routes": [local, *routes]}
    return account.one_by_one("RouteTables", [main, own])


def attributes(*, support: bool = True, hostnames: bool = True) -> Any:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["Attribute"] == "enableDnsSupport":
            return {"VpcId": VPC_ID, "EnableDnsSupport": {"Value": support}}
        return {"VpcId": VPC_ID, "EnableDnsHostnames": {"Value": hostnames}}

    return answer


def endpoints(*services: str, state: str = "available") -> Any:
    found = [{"ServiceName": f"com.amazonaws.{REGION}.{one}", "State": state} for one in services]
    return account.one_by_one("VpcEndpoints", found)


NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-0123", "State": "active"}


def vpcs(*further: str) -> Any:
    blocks = [
        {"CidrBlock": one, "CidrBlockState": {"State": "associated"}, "AssociationId": f"a-{one}"}
        for one in ("10.20.0.0/16", *further)
    ]
    return account.one_by_one(
        "Vpcs", [{"VpcId": VPC_ID, "CidrBlock": "10.20.0.0/16", "CidrBlockAssociationSet": blocks}]
    )


def vpc(**changes: Any) -> dict[str, Any]:
    return {
        "ec2:DescribeVpcs": vpcs(),
        "ec2:DescribeSubnets": subnets(),
        "ec2:DescribeRouteTables": tables(NAT),
        "ec2:DescribeVpcAttribute": attributes(),
        "ec2:DescribeVpcEndpoints": endpoints(),
    } | {f"ec2:{name}": answer for name, answer in changes.items()}


def test_a_vpc_with_a_way_out_is_fine(examine: Examine) -> None:
    found = examine(vpc(), of="imported vpc")
    assert found.of("vpc")[VPC_ID].status is Status.OK
    assert {subject: one.status for subject, one in found.of("egress").items()} == {
        PRIVATE: Status.OK,
        OTHER_PRIVATE: Status.OK,
    }
    assert found.of("subnet") == {}
    assert found.of("network-quota").keys() == {"Application Load Balancers"}
    assert found.of("zone")["g5.xlarge"].message == "Offered in us-east-1a, us-east-1b."


@pytest.mark.parametrize(
    ("changes", "check", "subject", "message"),
    [
        (
            {"DescribeVpcAttribute": attributes(support=False)},
            "vpc",
            VPC_ID,
            "DNS resolution or DNS host names are off",
        ),
        ({"DescribeVpcAttribute": attributes(hostnames=False)}, "vpc", VPC_ID, "DNS host names are off"),
        ({"DescribeVpcAttribute": account.no_such("InvalidVpcID.NotFound")}, "vpc", VPC_ID, "does not exist"),
        ({"DescribeSubnets": subnets(without=PRIVATE)}, "subnet", PRIVATE, "does not have this subnet"),
        ({"DescribeSubnets": subnets(free=7)}, "subnet", PUBLIC[0], "7 addresses are free"),
        (
            {"DescribeRouteTables": tables(NAT | {"State": "blackhole"})},
            "egress",
            PRIVATE,
            "nat-0123 of its default route no longer exists",
        ),
        (
            {
                "DescribeRouteTables": tables(
                    {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}
                )
            },
            "egress",
            PRIVATE,
            "instances have no public addresses",
        ),
        (
            {"DescribeRouteTables": tables(), "DescribeVpcEndpoints": endpoints(*OTHER_SERVICES)},
            "egress",
            PRIVATE,
            "the VPC has no endpoint for dynamodb, ecr.api.",
        ),
        (
            {"DescribeRouteTables": tables(), "DescribeVpcEndpoints": endpoints(*SERVICES, state="failed")},
            "egress",
            PRIVATE,
            "the VPC has no endpoint for autoscaling",
        ),
        ({"DescribeRouteTables": tables(NAT, subnet=OTHER_PRIVATE)}, "egress", PRIVATE, "It has no default route"),
    ],
)
def test_what_would_fail_in_the_vpc_is_told(
    examine: Examine, changes: dict[str, Any], check: str, subject: str, message: str
) -> None:
    result = examine(vpc(**changes), of="imported vpc").of(check)[subject]
    assert (result.status, message in result.message, bool(result.fix)) == (Status.FAILS, True, True), result


def test_a_subnets_own_route_table_is_used(examine: Examine) -> None:
    found = examine(vpc(DescribeRouteTables=tables(NAT, subnet=OTHER_PRIVATE)), of="imported vpc")
    assert found.of("egress")[OTHER_PRIVATE].status is Status.OK


def test_a_vpc_without_a_way_out_is_told_what_it_cannot_reach(examine: Examine) -> None:
    answers = vpc(DescribeRouteTables=tables(), DescribeVpcEndpoints=endpoints(*SERVICES))
    result = examine(answers, of="imported vpc").of("egress")[PRIVATE]
    assert (result.status, "identity provider" in result.fix) == (Status.WARNING, True)


def test_address_ranges_that_the_configuration_lacks_are_told(examine: Examine) -> None:
    subject = f"{VPC_ID}: address ranges"
    assert subject not in examine(vpc(), of="imported vpc").of("vpc")
    result = examine(vpc(DescribeVpcs=vpcs("100.64.0.0/16")), of="imported vpc").of("vpc")[subject]
    assert (result.status, "lacks 100.64.0.0/16" in result.message) == (Status.WARNING, True)
    assert "lisa vpc describe" in result.fix


def test_an_address_range_that_the_vpc_lacks_fails(examine: Examine) -> None:
    other = account.one_by_one("Vpcs", [{"VpcId": VPC_ID, "CidrBlock": "10.21.0.0/16"}])
    result = [one for one in examine(vpc(DescribeVpcs=other), of="imported vpc").results if one.status is Status.FAILS]
    assert [(one.check, "does not have the address range 10.20.0.0/16" in one.message) for one in result] == [
        ("vpc", True)
    ]


@pytest.mark.parametrize(
    "operation",
    ["DescribeVpcs", "DescribeVpcAttribute", "DescribeRouteTables", "DescribeVpcEndpoints", "DescribeSubnets"],
)
def test_a_vpc_is_unknown_without_a_permission(examine: Examine, operation: str) -> None:
    found = examine(vpc(**{operation: DENIED}), of="imported vpc")
    result = found.of("vpc")[VPC_ID]
    assert (result.status, f"ec2:{operation}" in result.message) == (Status.UNKNOWN, True)
    assert found.of("zone")["g5.xlarge"].status is Status.UNKNOWN


def acm(**changes: Any) -> dict[str, Any]:
    names = ["lisa.example.com", "*.example.com"]
    return {
        "Certificate": {"DomainName": names[0], "SubjectAlternativeNames": names, "Status": "ISSUED", "NotAfter": NOW}
        | changes
    }


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (acm(NotAfter=NOW.replace(year=NOW.year + 2)), Status.OK, "It is for lisa.example.com, *.example.com"),
        (acm(Status="PENDING_VALIDATION"), Status.FAILS, "Its status is PENDING_VALIDATION."),
        (acm(), Status.WARNING, "It expires on"),
        (account.no_such("ResourceNotFoundException"), Status.FAILS, "does not exist."),
        (DENIED, Status.UNKNOWN, "acm:DescribeCertificate"),
    ],
)
def test_a_certificate_of_acm_is_read_in_its_region(
    examine: Examine, answer: Any, status: Status, message: str
) -> None:
    found = examine({"acm:DescribeCertificate": answer}, of="acm")
    (result,) = found.of("certificate").values()
    assert (result.status, message in result.message) == (status, True), result
