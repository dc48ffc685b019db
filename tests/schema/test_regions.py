"""The region table."""

from __future__ import annotations

import datetime

import pytest

from lisa_schema import regions
from lisa_schema.regions import lambda_runtime_deprecation, nearest_regions, partition, partitions, region


@pytest.mark.parametrize(
    ("name", "identifier", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
    ],
)
def test_partition_and_dns_suffix(name: str, identifier: str, suffix: str) -> None:
    found = region(name)
    assert found is not None
    assert (found.partition.id, found.dns_suffix, found.arn_prefix) == (identifier, suffix, f"arn:{identifier}")
    assert name in found.partition.regions
    assert found.is_iso == ("iso" in name)
    assert found.is_gov == ("gov" in name)


def test_every_partition_has_regions() -> None:
    assert len(partitions()) == 8
    assert all(partition(identifier).regions for identifier in partitions())


@pytest.mark.parametrize("name", ["", "us-esat-1", "us-east-12", "us-middle-1", "aws-global", "US-EAST-1", "xx-east-1"])
def test_unknown_regions(name: str) -> None:
    assert region(name) is None


def test_the_nearest_regions() -> None:
    assert nearest_regions("us-esat-1")[0] == "us-east-1"
    assert nearest_regions("us-gov-wset-1")[0] == "us-gov-west-1"
    assert nearest_regions("moon") == ()


def test_instance_types_of_a_commercial_region() -> None:
    found = region("us-east-1")
    assert found is not None
    assert found.offers("g5.xlarge") is True


def test_types_that_govcloud_does_not_list_are_not_known() -> None:
    found = region("us-gov-east-1")
    assert found is not None
    assert found.offers("m5.large") is True
    assert found.offers("p4d.24xlarge") is None


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("us-east-9", "aws"),
        ("eu-northeast-1", "aws"),
        ("us-gov-central-1", "aws-us-gov"),
        ("eusc-de-west-1", "aws-eusc"),
    ],
)
def test_region_that_is_newer_than_the_table_has_its_partition(name: str, identifier: str) -> None:
    found = region(name)
    assert found is not None
    assert (found.is_listed, found.partition.id, found.offers("m5.large")) == (False, identifier, None)
    assert found.supports("AWS::ECS::Service") is None
    assert found.service_principal("logs") == f"logs.{name}.{found.dns_suffix}"


def test_region_that_was_asked_lacks_what_it_does_not_list() -> None:
    found = region("eu-south-2")
    assert found is not None
    assert found.offers("p4d.24xlarge") is False


@pytest.mark.parametrize("name", ["us-iso-east-1", "us-isof-south-1", "eusc-de-east-1"])
def test_what_unpublished_regions_offer_is_not_known(name: str) -> None:
    found = region(name)
    assert found is not None
    assert found.offers("m5.large") is None
    assert found.lambda_runtimes is None
    assert found.supports("AWS::ECS::Service") is True


def test_sovereign_cloud_is_neither_isolated_nor_govcloud() -> None:
    found = region("eusc-de-east-1")
    assert found is not None
    assert not found.is_iso
    assert not found.is_gov
    assert found.service_principal("logs") == "logs.eusc-de-east-1.amazonaws.eu"
    assert found.gateway_endpoint("s3") == "com.amazonaws.eusc-de-east-1.s3"
    # No endpoint is listed for it, which proves nothing.
    assert found.supports("AWS::Route53::HostedZone") is None


def test_resource_types() -> None:
    govcloud, isolated = region("us-gov-west-1"), region("us-iso-east-1")
    assert govcloud is not None
    assert isolated is not None
    assert govcloud.supports("AWS::ECS::Service") is True
    assert isolated.supports("AWS::ECS::Service") is True
    assert govcloud.supports("AWS::Other::Thing") is None
    assert isolated.supports("AWS::Other::Thing") is None


def test_a_resource_type_on_the_list_of_what_lacks_is_not_supported() -> None:
    found = region("us-gov-west-1")
    assert found is not None
    without = regions.Region(
        name=found.name,
        partition=found.partition,
        instance_types=None,
        has_all_types=False,
        services=None,
        lacks=frozenset({"AWS::ECS::Service"}),
        lambda_runtimes=None,
        load_balancer_account=None,
        unusual_principals={},
    )
    assert without.supports("AWS::ECS::Service") is False


def test_lambda_runtimes_and_their_deprecation() -> None:
    found = region("us-west-2")
    assert found is not None
    assert found.lambda_runtimes is not None
    assert "python3.13" in found.lambda_runtimes
    assert lambda_runtime_deprecation("python3.9") == datetime.date(2025, 12, 15)
    assert lambda_runtime_deprecation("python9.9") is None


def test_the_table_has_a_date() -> None:
    assert isinstance(regions.TABLE_DATE, datetime.date)
