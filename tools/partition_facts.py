"""What the AWS CDK has for each Region: service principals, gateway endpoints, accounts that load balancers log from.

Read by refresh_tables.py. Names are never built from a partition's DNS suffix: each service has its own pattern. The
CDK runs on Node.js, which starts when this module is imported.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

from lisa_compiler.emit.cloudformation.environment import node

os.environ["JSII_NODE"] = str(node())

import aws_cdk as cdk
from aws_cdk import aws_ec2, region_info

# Services that act in a deployment, as their principals begin.
SERVICES = (
    *("apigateway", "ec2", "ecs-tasks", "es", "lambda", "logdelivery.elasticloadbalancing", "logging.s3", "logs"),
    *("monitoring.rds", "vpc-flow-logs"),
)


def usual_principal(service: str) -> str:
    """The principal of a service that has one name in all regions."""
    return f"{service}.amazonaws.com"


def unusual_principals(region: str, dns_suffix: str) -> dict[str, str]:
    """The principals of a region that are named differently, by service."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = {
            name: region_info.Default.service_principal(usual_principal(name), region, dns_suffix) for name in SERVICES
        }
    return {name: principal for name, principal in found.items() if principal != usual_principal(name)}


def load_balancer_account(region: str) -> str | None:
    """The account that load balancers of a region write access logs from; None where they use a service principal."""
    account: str | None = region_info.RegionInfo.get(region).elbv2_account
    return account


def gateway_endpoint(service: str) -> str:
    """The name of a service's gateway endpoint, with `{region}` for the region."""
    resolved: Any = cdk.Stack().resolve(aws_ec2.GatewayVpcEndpointAwsService(service).name)
    empty, parts = resolved["Fn::Join"]
    return str(empty).join("{region}" if part == {"Ref": "AWS::Region"} else part for part in parts)
