"""Regenerate the tables of instances, Regions and stores: `python tools/refresh_tables.py`.

The facts come from packages that are development requirements, so that no AWS account and no network is needed:

- moto ships what EC2's DescribeInstanceTypes and DescribeInstanceTypeOfferings answer in each commercial region;
- cfn-lint ships the instance types and the CloudFormation resource types of each region, GovCloud and China included,
  and the dates of the Lambda runtimes;
- botocore ships the partitions with their DNS suffixes, which services have an endpoint in which region, and the names
  of all instance types, those included that no host is made of;
- the AWS CDK ships the service principals, gateway endpoints and load balancer accounts of each region.

Instance types, resource types and Lambda runtimes of the isolated partitions (aws-iso and similar) and of the AWS
European Sovereign Cloud (aws-eusc) are in none of these packages: they are null, and the services with an endpoint are
listed instead. cfn-lint has lists of resource types for them, but these are copies of the one of us-east-1.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import sys
from collections import defaultdict
from importlib import metadata
from pathlib import Path
from typing import Any

from instance_facts import COLUMNS, instance_rows, registered_memory, unusable_types
from packaged_data import packaged, resource

DATA = Path(__file__).resolve().parents[1] / "schema" / "lisa_schema" / "data"

# Regions that botocore 1.44.5 lists and the pinned version does not yet.
NEWER_REGIONS = {"aws": ("me-west-1", "sa-west-1")}

GATEWAY_ENDPOINTS = ("dynamodb", "s3")

UNPUBLISHED = ("aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
PARTITIONS = ("aws", "aws-us-gov", "aws-cn", *UNPUBLISHED)


# The service part of a resource type, the name of its endpoint in botocore, and the types that the stacks use.
TRACKED: dict[str, tuple[str, tuple[str, ...]]] = {
    "ApiGateway": (
        "apigateway",
        (
            *("Account", "ApiKey", "Authorizer", "BasePathMapping", "Deployment", "DomainName", "GatewayResponse"),
            *("Method", "Model", "RequestValidator", "Resource", "RestApi", "Stage", "UsagePlan", "UsagePlanKey"),
        ),
    ),
    "ApplicationAutoScaling": ("application-autoscaling", ("ScalableTarget", "ScalingPolicy")),
    "AutoScaling": ("autoscaling", ("AutoScalingGroup", "LifecycleHook", "ScalingPolicy", "ScheduledAction")),
    "CertificateManager": ("acm", ("Certificate",)),
    "CloudWatch": ("monitoring", ("Alarm", "Dashboard")),
    "DynamoDB": ("dynamodb", ("GlobalTable", "Table")),
    "EC2": (
        "ec2",
        (
            *("EIP", "FlowLog", "Instance", "InternetGateway", "LaunchTemplate", "NatGateway", "NetworkInterface"),
            *("Route", "RouteTable", "SecurityGroup", "SecurityGroupEgress", "SecurityGroupIngress", "Subnet"),
            *("SubnetRouteTableAssociation", "VPC", "VPCEndpoint", "VPCGatewayAttachment"),
        ),
    ),
    "ECR": ("api.ecr", ("Repository",)),
    "ECS": (
        "ecs",
        ("CapacityProvider", "Cluster", "ClusterCapacityProviderAssociations", "Service", "TaskDefinition"),
    ),
    "ElasticLoadBalancingV2": (
        "elasticloadbalancing",
        ("Listener", "ListenerCertificate", "ListenerRule", "LoadBalancer", "TargetGroup"),
    ),
    "Events": ("events", ("Rule",)),
    "IAM": ("iam", ("InstanceProfile", "ManagedPolicy", "Policy", "Role", "RolePolicy", "ServiceLinkedRole")),
    "KMS": ("kms", ("Alias", "Key")),
    "Lambda": ("lambda", ("Alias", "EventSourceMapping", "Function", "LayerVersion", "Permission", "Version")),
    "Logs": ("logs", ("LogGroup", "MetricFilter", "ResourcePolicy")),
    "OpenSearchService": ("es", ("Domain",)),
    "RDS": ("rds", ("DBInstance", "DBParameterGroup", "DBSubnetGroup")),
    "Route53": ("route53", ("HostedZone", "RecordSet", "RecordSetGroup")),
    "S3": ("s3", ("Bucket", "BucketPolicy")),
    "SNS": ("sns", ("Subscription", "Topic", "TopicPolicy")),
    "SQS": ("sqs", ("Queue", "QueuePolicy")),
    "SSM": ("ssm", ("Parameter",)),
    "SecretsManager": ("secretsmanager", ("ResourcePolicy", "RotationSchedule", "Secret", "SecretTargetAttachment")),
    "WAFv2": ("wafv2", ("WebACLAssociation",)),
}


def regions(types: dict[str, list[Any]]) -> dict[str, Any]:
    """The region table, for the types that the instance table has."""
    import partition_facts

    partitions = {p["id"]: p for p in packaged("botocore", "data/partitions.json")["partitions"]}
    endpoints = {p["partition"]: p["services"] for p in packaged("botocore", "data/endpoints.json")["partitions"]}
    table: dict[str, Any] = {}
    for partition in PARTITIONS:
        unpublished = partition in UNPUBLISHED
        known = {*partitions[partition]["regions"], *NEWER_REGIONS.get(partition, ())}
        suffix = partitions[partition]["outputs"]["dnsSuffix"]
        for name in sorted(region for region in known if not region.endswith("-global")):
            offered = None if unpublished else instance_types_offered(name)
            table[name] = {
                "partition": partition,
                "instanceTypes": None if offered is None else compact(types, offered),
                "isComplete": _offerings(name).is_file(),
                "services": services(endpoints[partition], name) if unpublished else None,
                "lacks": None if unpublished else missing_resource_types(name),
                "principals": partition_facts.unusual_principals(name, suffix),
                "loadBalancerAccount": partition_facts.load_balancer_account(name),
            }
    return table


def instance_types_offered(region: str) -> set[str] | None:
    """What either source says that a region offers; None when no source has the region."""
    offered: set[str] = set()
    offerings = _offerings(region)
    if offerings.is_file():
        offered.update(entry["InstanceType"] for entry in json.loads(gzip.decompress(offerings.read_bytes())))
    enumerated = packaged("cfnlint", "data/schemas/extensions/aws_ec2_instance/instancetype_enum.json")
    offered.update(enumerated.get(region, {}).get("enum", ()))
    return offered or None


def _offerings(region: str) -> Path:
    """What DescribeInstanceTypeOfferings answered in a region. cfn-lint's list alone does not prove what is missing."""
    return resource("moto", f"ec2/resources/instance_type_offerings/region/{region}.json.gz")


def compact(types: dict[str, list[Any]], offered: set[str]) -> dict[str, str]:
    """What a region offers, as the families that it has whole and the single types of the others."""
    families: dict[str, list[str]] = defaultdict(list)
    for name in types:
        families[name.partition(".")[0]].append(name)
    whole = sorted(family for family, names in families.items() if offered.issuperset(names))
    single = [name for family, names in families.items() if family not in whole for name in names if name in offered]
    return {"families": " ".join(whole), "types": " ".join(single)}


def missing_resource_types(region: str) -> list[str] | None:
    """The tracked resource types that CloudFormation lacks in a region; None when cfn-lint has no list of it."""
    source = resource("cfnlint", f"data/schemas/providers/{region}.json")
    if not source.is_file():
        return None
    has = json.loads(source.read_text())
    everywhere = packaged("cfnlint", "data/schemas/providers/us-east-1.json")
    return [name for name in tracked_resource_types() if name in everywhere and name not in has]


def tracked_resource_types() -> list[str]:
    """The resource types that the table tells something about."""
    return sorted(f"AWS::{service}::{name}" for service, (_, names) in TRACKED.items() for name in names)


def services(endpoints: dict[str, Any], region: str) -> list[str]:
    """The services (as resource types name them) that have an endpoint in a region."""
    return sorted(
        service
        for service, (endpoint, _) in TRACKED.items()
        if (entry := endpoints.get(endpoint))
        and (region in entry["endpoints"] or not entry.get("isRegionalized", True))
    )


def lambda_runtimes(date: str) -> dict[str, dict[str, str]]:
    """The Python runtimes that a function can be created with on a date, oldest first, with their deprecation."""
    lifecycle = packaged("cfnlint", "data/AdditionalSpecs/LmbdRuntimeLifecycle.json")
    python = {name: entry for name, entry in lifecycle.items() if name.startswith("python3.")}
    usable = {name: entry["deprecated"] for name, entry in python.items() if entry["create-block"] > date}
    return dict(sorted(usable.items(), key=lambda item: int(item[0].removeprefix("python3."))))


def main() -> int:
    """Write the tables; the date is today's unless --date gives another."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--date", default=datetime.datetime.now(tz=datetime.UTC).date().isoformat())
    parser.add_argument("--output", type=Path, default=DATA, help="folder of the tables")
    options = parser.parse_args()
    for name, text in tables(options.date).items():
        (options.output / name).write_text(text, encoding="utf-8", newline="\n")
    return 0


def tables(date: str) -> dict[str, str]:
    """The tables as text, by file name."""
    import partition_facts
    import store_facts

    sources = {package: metadata.version(package) for package in ("aws-cdk-lib", "botocore", "cfn-lint", "moto")}
    rows = instance_rows()
    described = packaged("botocore", "data/partitions.json")["partitions"]
    partitions = {p["id"]: p["outputs"]["dnsSuffix"] for p in described}
    patterns = {p["id"]: p["regionRegex"] for p in described}
    instances = {
        "schemaVersion": 1,
        "date": date,
        "sources": {"moto": sources["moto"]},
        "columns": list(COLUMNS),
        "registeredMiB": registered_memory(rows),
    }
    region_table = {
        "schemaVersion": 1,
        "date": date,
        "sources": sources,
        "partitions": {name: partitions[name] for name in PARTITIONS},
        "regionPatterns": {name: patterns[name] for name in PARTITIONS},
        "principals": " ".join(partition_facts.SERVICES),
        "gatewayEndpoints": {service: partition_facts.gateway_endpoint(service) for service in GATEWAY_ENDPOINTS},
        "resourceTypes": " ".join(tracked_resource_types()),
        "lambdaRuntimes": lambda_runtimes(date),
    }
    volumes = json.loads((Path(__file__).resolve().parent / "opensearch_volumes.json").read_text(encoding="utf-8"))
    stores = {
        "schemaVersion": 1,
        "date": date,
        "sources": {"cfn-lint": sources["cfn-lint"], "volumes": volumes.pop("source")},
        "databaseClasses": store_facts.database_classes(packaged),
        **volumes,
        "searchTypes": store_facts.all_search_types(packaged),
    }
    unusable = {"schemaVersion": 1, "date": date, "sources": {name: sources[name] for name in ("botocore", "moto")}}
    return {
        "instances.json": _one_line_each(instances, "types", rows),
        "stores.json": _one_line_each(stores, "regions", store_facts.search_types(packaged)),
        "unusable_instances.json": _one_line_each(unusable, "types", unusable_types(rows)),
        "regions.json": _one_line_each(region_table, "regions", regions(rows)),
    }


def _one_line_each(header: dict[str, Any], key: str, entries: dict[str, Any]) -> str:
    head = "".join(f"{json.dumps(name)}: {json.dumps(value)},\n" for name, value in header.items())
    body = ",\n".join(f"{json.dumps(n)}: {json.dumps(e, separators=(',', ':'))}" for n, e in entries.items())
    return f"{{\n{head}{json.dumps(key)}: {{\n{body}\n}}\n}}\n"


if __name__ == "__main__":
    sys.exit(main())
