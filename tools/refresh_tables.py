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
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "schema" / "lisa_schema" / "data"

# Regions that botocore 1.44.5 lists and the pinned version does not yet.
NEWER_REGIONS = {"aws": ("me-west-1", "sa-west-1")}

GATEWAY_ENDPOINTS = ("dynamodb", "s3")

UNPUBLISHED = ("aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
PARTITIONS = ("aws", "aws-us-gov", "aws-cn", *UNPUBLISHED)

# Families that no ECS host is made of: Apple hosts, high-performance computing behind EFA, terabyte-memory hosts, FPGA
# and transcoding cards, accelerators that are not GPUs, and instances from before VPC.
LEFT_OUT = (
    *("mac-m3ultra", "mac-m4", "mac-m4max", "mac-m4pro", "mac1", "mac2", "mac2-m1ultra", "mac2-m2", "mac2-m2pro"),
    *("hpc6a", "hpc6id", "hpc7a", "hpc7g", "hpc8a"),
    *("u-3tb1", "u-6tb1", "u7i-12tb", "u7i-6tb", "u7i-8tb", "u7in-16tb", "u7in-24tb", "u7in-32tb"),
    *("f2", "vt1", "dl2q", "inf1", "inf2", "trn1", "trn1n", "trn2", "trn2u"),
    *("a1", "c1", "c3", "d2", "h1", "i2", "m1", "m2", "m3", "r3", "t1"),
)

# Types that moto's record of us-east-1 no longer has and other regions still offer, as
# https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html gives them.
SUPPLEMENT: dict[str, list[Any]] = {
    "p3.2xlarge": [8, 62464, "x86_64", 1, "V100", 16384, "NVIDIA", 0, 0, "Up to 10 Gigabit", False],
    "p3.8xlarge": [32, 249856, "x86_64", 4, "V100", 16384, "NVIDIA", 0, 0, "10 Gigabit", False],
    "p3.16xlarge": [64, 499712, "x86_64", 8, "V100", 16384, "NVIDIA", 0, 0, "25 Gigabit", False],
}

# Why families are left out, as messages name it. Names are those of botocore and moto.
UNUSABLE: dict[str, tuple[str, ...]] = {
    "AWS Neuron accelerators": ("inf1", "inf2", "trn1", "trn1n", "trn2", "trn2u", "trn3"),
    "Arm processors": ("a1", "hpc7g", "m9g", "m9gd", "p6e-gb200", "p6e-gb300"),
    "AMD GPUs": ("g4ad",),
    "Gaudi accelerators": ("dl1",),
    "Qualcomm accelerators": ("dl2q",),
    "FPGAs": ("f1", "f2"),
    "media transcoding cards": ("vt1",),
    "Apple hardware": LEFT_OUT[:9],
    "an interconnect for high-performance computing": ("hpc6a", "hpc6id", "hpc7a", "hpc8a"),
    "terabytes of memory": tuple(name for name in LEFT_OUT if name.startswith("u-") or name.startswith("u7i")),
    "hardware of a previous generation": (
        *("c1", "c3", "cc1", "cc2", "cg1", "cr1", "d2", "g2", "g3", "g3s", "h1", "hi1", "hs1", "i2", "m1", "m2", "m3"),
        *("p2", "r3", "t1"),
    ),
}
BARE_METAL = "bare metal"
NO_FACTS = "no facts"

COLUMNS = (
    *("vcpus", "memoryMiB", "architecture", "gpus", "gpuName", "gpuMemoryMiB", "gpuManufacturer"),
    *("nvmeGB", "nvmeDisks", "network", "current"),
)

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
}


def instance_row(record: dict[str, Any]) -> list[Any]:
    """One row of the instance table from one answer of DescribeInstanceTypes."""
    gpu = (record.get("GpuInfo") or {}).get("Gpus", [None])[0]
    storage = record.get("InstanceStorageInfo") or {}
    nvme = storage if storage.get("NvmeSupport") in {"required", "supported"} else {}
    architectures = record["ProcessorInfo"]["SupportedArchitectures"]
    return [
        record["VCpuInfo"]["DefaultVCpus"],
        record["MemoryInfo"]["SizeInMiB"],
        "x86_64" if "x86_64" in architectures else "arm64",
        # A slice of a GPU (g6f) counts as one GPU with the slice's memory.
        (gpu.get("LogicalGpuCount") or gpu["Count"]) if gpu else 0,
        gpu["Name"] if gpu else None,
        gpu["MemoryInfo"]["SizeInMiB"] if gpu else 0,
        gpu["Manufacturer"] if gpu else None,
        nvme.get("TotalSizeInGB", 0),
        sum(disk["Count"] for disk in nvme.get("Disks", [])),
        record["NetworkInfo"]["NetworkPerformance"],
        record["CurrentGeneration"],
    ]


def instance_rows() -> dict[str, list[Any]]:
    """Every row of the instance table, by family and then by size."""
    records = _packaged("moto", "ec2/resources/instance_types.json.gz")
    rows = {
        name: instance_row(record)
        for name, record in records.items()
        if not record["BareMetal"] and name.partition(".")[0] not in LEFT_OUT
    }
    rows = SUPPLEMENT | rows
    return dict(sorted(rows.items(), key=lambda row: (row[0].partition(".")[0], row[1][0], row[1][1], row[0])))


def unusable_types(rows: dict[str, list[Any]]) -> dict[str, str]:
    """Types that exist and that no host is made of, by reason."""
    reasons = {family: reason for reason, families in UNUSABLE.items() for family in families}
    names = {*_packaged("moto", "ec2/resources/instance_types.json.gz"), *instance_type_enumeration()} - set(rows)
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        family, _, size = name.partition(".")
        reason = reasons.get(family, "terabytes of memory" if family.startswith("u") else NO_FACTS)
        by_reason[BARE_METAL if size.startswith("metal") and family not in reasons else reason].append(name)
    return {reason: " ".join(found) for reason, found in sorted(by_reason.items())}


def instance_type_enumeration() -> list[str]:
    """The names of all instance types in botocore's description of EC2."""
    versions = sorted(path.name for path in _resource("botocore", "data/ec2").iterdir())
    shapes = _packaged("botocore", f"data/ec2/{versions[-1]}/service-2.json.gz")["shapes"]
    names: list[str] = shapes["InstanceType"]["enum"]
    return names


def registered_memory(types: dict[str, list[Any]]) -> dict[str, int]:
    """MiB that instances register with ECS, by type, where registered_memory.json has a figure."""
    text = (Path(__file__).resolve().parent / "registered_memory.json").read_text(encoding="utf-8")
    return {name: mib for name, (mib, _) in json.loads(text)["types"].items() if name in types}


def regions(types: dict[str, list[Any]]) -> dict[str, Any]:
    """The region table, for the types that the instance table has."""
    import partition_facts

    partitions = {p["id"]: p for p in _packaged("botocore", "data/partitions.json")["partitions"]}
    endpoints = {p["partition"]: p["services"] for p in _packaged("botocore", "data/endpoints.json")["partitions"]}
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
    packaged = _offerings(region)
    if packaged.is_file():
        offered.update(entry["InstanceType"] for entry in json.loads(gzip.decompress(packaged.read_bytes())))
    enumerated = _packaged("cfnlint", "data/schemas/extensions/aws_ec2_instance/instancetype_enum.json")
    offered.update(enumerated.get(region, {}).get("enum", ()))
    return offered or None


def _offerings(region: str) -> Path:
    """What DescribeInstanceTypeOfferings answered in a region. cfn-lint's list alone does not prove what is missing."""
    return _resource("moto", f"ec2/resources/instance_type_offerings/region/{region}.json.gz")


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
    source = _resource("cfnlint", f"data/schemas/providers/{region}.json")
    if not source.is_file():
        return None
    has = json.loads(source.read_text())
    everywhere = _packaged("cfnlint", "data/schemas/providers/us-east-1.json")
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
    lifecycle = _packaged("cfnlint", "data/AdditionalSpecs/LmbdRuntimeLifecycle.json")
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
    described = _packaged("botocore", "data/partitions.json")["partitions"]
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
        "databaseClasses": store_facts.database_classes(_packaged),
        **volumes,
        "searchTypes": store_facts.all_search_types(_packaged),
    }
    unusable = {"schemaVersion": 1, "date": date, "sources": {name: sources[name] for name in ("botocore", "moto")}}
    return {
        "instances.json": _one_line_each(instances, "types", rows),
        "stores.json": _one_line_each(stores, "regions", store_facts.search_types(_packaged)),
        "unusable_instances.json": _one_line_each(unusable, "types", unusable_types(rows)),
        "regions.json": _one_line_each(region_table, "regions", regions(rows)),
    }


def _one_line_each(header: dict[str, Any], key: str, entries: dict[str, Any]) -> str:
    head = "".join(f"{json.dumps(name)}: {json.dumps(value)},\n" for name, value in header.items())
    body = ",\n".join(f"{json.dumps(n)}: {json.dumps(e, separators=(',', ':'))}" for n, e in entries.items())
    return f"{{\n{head}{json.dumps(key)}: {{\n{body}\n}}\n}}\n"


def _resource(package: str, path: str) -> Path:
    """A file of an installed package, which is not imported: that takes seconds."""
    specification = util.find_spec(package)
    if specification is None or specification.origin is None:
        raise SystemExit(f"{package} is not installed: install the development requirements first")
    return Path(specification.origin).parent / path


@cache
def _packaged(package: str, path: str) -> Any:
    content = _resource(package, path).read_bytes()
    return json.loads(gzip.decompress(content) if path.endswith(".gz") else content)


if __name__ == "__main__":
    sys.exit(main())
