"""Partition facts in templates: what the AWS CDK and botocore have for each Region, and nothing built from a suffix."""

from __future__ import annotations

import copy
import json
import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from tests.compiler.conftest import MINIMAL, TGI, Project, mirrored, resources, templates

from lisa_compiler.emit.cloudformation.environment import node
from lisa_compiler.emit.cloudformation.protocol import CONTEXT
from lisa_schema.regions import Region, partition, partitions, region, region_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

os.environ["JSII_NODE"] = str(node())

import aws_cdk as cdk
from aws_cdk import aws_ec2, aws_iam, aws_s3, region_info
from aws_cdk import aws_elasticloadbalancingv2 as elbv2

REGIONS = region_names()
FIRST_REGIONS = tuple(partition(name).regions[0] for name in partitions())
PRINCIPAL_SERVICES = ("apigateway", "ec2", "ecs-tasks", "es", "lambda", "monitoring.rds", "vpc-flow-logs")
SERVICE_LINKED = {"autoscaling.amazonaws.com", "opensearchservice.amazonaws.com"}
"""Services in the paths of service-linked roles, which are alike in all partitions."""
RAG: list[dict[str, Any]] = [
    {"repositoryId": "sql", "type": "pgvector", "rdsConfig": {"username": "lisa"}},
    {
        "repositoryId": "search",
        "type": "opensearch",
        "opensearchConfig": {
            "dataNodes": 2,
            "dataNodeInstanceType": "r7g.large.search",
            "masterNodes": 0,
            "masterNodeInstanceType": "r7g.large.search",
            "volumeSize": 20,
        },
    },
]


def known(name: str) -> Region:
    found = region(name)
    assert found is not None
    return found


@cache
def cdk_templates() -> dict[str, dict[str, Any]]:
    """By Region, a stack that the CDK makes: gateway endpoints, and a load balancer that writes access logs."""
    app = cdk.App(analytics_reporting=False, context=dict(CONTEXT), tree_metadata=False)
    for name in REGIONS:
        stack = cdk.Stack(app, name, env=cdk.Environment(account="123456789012", region=name))
        endpoints = {
            service: aws_ec2.GatewayVpcEndpointOptions(service=aws_ec2.GatewayVpcEndpointAwsService(service))
            for service in ("s3", "dynamodb")
        }
        vpc = aws_ec2.Vpc(stack, "Vpc", availability_zones=[f"{name}a", f"{name}b"], gateway_endpoints=endpoints)
        balancer = elbv2.ApplicationLoadBalancer(stack, "LoadBalancer", vpc=vpc)
        balancer.log_access_logs(aws_s3.Bucket(stack, "Logs"))
        for service in PRINCIPAL_SERVICES:
            principal = aws_iam.ServicePrincipal(f"{service}.amazonaws.com")
            aws_iam.Role(stack, f"Role-{service}", assumed_by=principal, description=service)
    assembly = app.synth()
    return {name: assembly.get_stack_artifact(assembly.get_stack_by_name(name).id).template for name in REGIONS}


def endpoint_names(template: dict[str, Any], name: str) -> set[str]:
    """Names of the gateway endpoints, the Region of the stack filled in."""
    found = [each["Properties"]["ServiceName"] for each in resources(template, "AWS::EC2::VPCEndpoint")]
    return {
        each
        if isinstance(each, str)
        else "".join(name if part == {"Ref": "AWS::Region"} else part for part in each["Fn::Join"][1])
        for each in found
    }


def test_partitions_and_suffixes_are_those_of_botocore() -> None:
    session = botocore.session.Session()
    suffixes = {each["id"]: each["outputs"]["dnsSuffix"] for each in session.get_data("partitions")["partitions"]}
    for name in REGIONS:
        found = known(name)
        assert session.get_partition_for_region(name) == found.partition.id
        assert suffixes[found.partition.id] == found.dns_suffix


def test_every_partition_and_region_of_botocore_is_known() -> None:
    known_to_botocore = {
        each["id"]: {name for name in each["regions"] if not name.endswith("-global")}
        for each in botocore.session.Session().get_data("partitions")["partitions"]
    }
    assert set(partitions()) == set(known_to_botocore)
    missing = {id_: names - set(partition(id_).regions) for id_, names in known_to_botocore.items()}
    assert not any(missing.values()), missing


def test_suffixes_are_those_of_the_cdk() -> None:
    compared = {
        name: (info.partition, info.domain_suffix)
        for name in REGIONS
        if (info := region_info.RegionInfo.get(name)).domain_suffix
    }
    assert len(compared) > 40
    assert compared == {name: (known(name).partition.id, known(name).dns_suffix) for name in compared}


@pytest.mark.parametrize("name", REGIONS)
def test_gateway_endpoints_are_named_as_by_the_cdk(name: str) -> None:
    mine = {known(name).gateway_endpoint(service) for service in ("s3", "dynamodb")}
    assert mine == endpoint_names(cdk_templates()[name], name)


@pytest.mark.parametrize("name", REGIONS)
def test_service_principals_are_those_of_the_cdk(name: str) -> None:
    trusted = {
        role["Properties"]["Description"]: role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
        for role in resources(cdk_templates()[name], "AWS::IAM::Role")
        if role["Properties"].get("Description") in PRINCIPAL_SERVICES
    }
    assert trusted == {service: {"Service": known(name).service_principal(service)} for service in PRINCIPAL_SERVICES}


@pytest.mark.parametrize("name", REGIONS)
def test_load_balancers_log_from_the_account_that_the_cdk_knows(name: str) -> None:
    [policy] = resources(cdk_templates()[name], "AWS::S3::BucketPolicy")
    [principal] = [
        statement["Principal"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "s3:PutObject" and "delivery.logs.amazonaws.com" not in str(statement["Principal"])
    ]
    account = known(name).load_balancer_account
    if account is None:
        assert principal == {"Service": known(name).service_principal("logdelivery.elasticloadbalancing")}
    else:
        assert f":iam::{account}:root" in json.dumps(principal)


def compiled_in(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    rest = copy.deepcopy(MINIMAL["restApiConfig"])
    rest["loadBalancerConfig"]["sslCertIamArn"] = f"{known(name).arn_prefix}:iam::123456789012:server-certificate/test"
    changes: dict[str, Any] = {
        "ecsModels": [{**mirrored(TGI), "instanceType": "g4dn.xlarge"}],
        "pypiConfig": {"indexUrl": "https://pypi.example.com/simple"},
    }
    project = Project(folder).write(
        region=name, restApiConfig=mirrored(rest), deployRag=True, ragRepositories=RAG, **changes
    )
    return templates(project.compile().files)


def values(node: Any, key: str) -> Iterator[Any]:
    """Every value of a key, at any depth."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from values(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from values(value, key)


@pytest.mark.parametrize("name", FIRST_REGIONS)
def test_templates_hold_the_facts_of_their_region(tmp_path: Path, name: str) -> None:
    """One Region of each partition, with every stack: principals, endpoints, ARNs and hosts."""
    found = known(name)
    compiled = compiled_in(tmp_path, name)
    assert len(compiled) > 10
    services = (*PRINCIPAL_SERVICES, "logdelivery.elasticloadbalancing", "logging.s3", "logs")
    principals = {found.service_principal(service) for service in services}
    foreign = {partition(other).dns_suffix for other in partitions()} - {found.dns_suffix}
    for component, template in compiled.items():
        text = json.dumps(template)
        used = {each for each in values(template, "Principal") if isinstance(each, str) and each != "*"}
        used |= {
            service
            for each in values(template, "Principal")
            if isinstance(each, dict)
            for service in ([each["Service"]] if isinstance(each.get("Service"), str) else each.get("Service", []))
        }
        assert used <= principals, (component, used - principals)
        assert set(re.findall(r"arn:(aws[a-z-]*):", text)) <= {found.partition.id}, component
        hosts = set(re.findall(r"[a-z0-9.-]+", text)) - principals - SERVICE_LINKED
        wrong = {host for host in hosts for suffix in foreign if host.endswith(f".{suffix}")}
        assert wrong == set(), component
    cdk_names = endpoint_names(cdk_templates()[name], name)
    mine = endpoint_names(compiled["networking"], name)
    assert mine <= cdk_names
    assert found.gateway_endpoint("s3") in mine


@pytest.mark.parametrize("name", ["us-iso-east-1", "us-isob-west-1", "us-east-1"])
def test_access_logs_of_load_balancers(tmp_path: Path, name: str) -> None:
    """An isolated Region whose account the CDK knows, one without, and a Region with ELB's service principal."""
    statement = next(
        statement
        for policy in resources(compiled_in(tmp_path, name)["core"], "AWS::S3::BucketPolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "load-balancers" in json.dumps(statement["Resource"])
    )
    expected = {
        "us-iso-east-1": {"AWS": "770363063475"},
        "us-isob-west-1": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "us-east-1": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
    }
    assert statement["Principal"] == expected[name]
