"""Regenerate review/update_behavior.json: `python tools/refresh_update_behavior.py`.

What CloudFormation does to a resource when one of its properties changes is in the resource types' own schemas, which
cfn-lint, a development requirement, ships. They know replacement alone: `createOnlyProperties` replace the resource,
`conditionalCreateOnlyProperties` sometimes. What interrupts it without replacing it, and what the conditions come to,
is on the pages of the Template Reference ("Update requires"), and is written below by hand.
"""

from __future__ import annotations

import json
import sys
from importlib import metadata, util
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).resolve().parents[1] / "compiler" / "lisa_compiler" / "review" / "update_behavior.json"
REGIONS = Path(__file__).resolve().parents[1] / "schema" / "lisa_schema" / "data" / "regions.json"

REGION = "us-east-1"
"""Where the schemas are taken from: the region that has every resource type."""

REFERENCE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"

# Not among the types of the region table, because it is part of CloudFormation itself.
CUSTOM_RESOURCE = "AWS::CloudFormation::CustomResource"

# "Update requires: Some interruptions", and the certificate, whose change "triggers a reboot".
INTERRUPTS: dict[str, tuple[str, ...]] = {
    "AWS::AutoScaling::AutoScalingGroup": ("VPCZoneIdentifier",),
    "AWS::RDS::DBInstance": (
        *("BackupRetentionPeriod", "CACertificateIdentifier", "DBInstanceClass", "DBParameterGroupName", "Engine"),
        *("EngineVersion", "MonitoringInterval", "MultiAZ", "PerformanceInsightsKMSKeyId"),
        *("PreferredMaintenanceWindow", "StorageType"),
    ),
}

# Replaced on some condition by the schema, and never in the cases that the stacks can come to.
IN_PLACE: dict[str, tuple[str, ...]] = {
    "AWS::AutoScaling::AutoScalingGroup": ("LaunchTemplate", "MixedInstancesPolicy"),
    "AWS::RDS::DBInstance": ("AutoMinorVersionUpgrade",),
}

# Replaced, although no schema says so: an engine's version without the update policy EnableVersionUpgrade, and what
# the reference marks with "Update requires: Replacement".
REPLACES: dict[str, tuple[str, ...]] = {
    "AWS::OpenSearchService::Domain": ("EngineVersion",),
    "AWS::RDS::DBInstance": ("Port",),
}

# The name that a person gives a resource whose identifier is an ARN or a generated id.
NAMES: dict[str, str] = {
    "AWS::EC2::LaunchTemplate": "LaunchTemplateName",
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    "AWS::SecretsManager::Secret": "Name",
}


def resource_types() -> list[str]:
    """The types that the stacks use, as the region table tracks them."""
    return sorted({*json.loads(REGIONS.read_text())["resourceTypes"].split(), CUSTOM_RESOURCE})


def table() -> dict[str, Any]:
    """The table, from the installed cfn-lint and what is written above."""
    return {
        "schemaVersion": 1,
        "sources": {"cfn-lint": metadata.version("cfn-lint"), "reference": REFERENCE},
        "types": {name: entry for name in resource_types() if (entry := _entry(name)) is not None},
    }


def text(content: dict[str, Any]) -> str:
    """The table as it is committed: a line for each type."""
    types = content["types"]
    head = "".join(f"{json.dumps(key)}: {json.dumps(content[key])},\n" for key in content if key != "types")
    body = ",\n".join(f"{json.dumps(name)}: {json.dumps(types[name], separators=(',', ':'))}" for name in types)
    return f'{{\n{head}"types": {{\n{body}\n}}\n}}\n'


def _entry(name: str) -> dict[str, Any] | None:
    schema = _schema(name)
    if schema is None:
        return None
    interrupts, in_place = INTERRUPTS.get(name, ()), IN_PLACE.get(name, ())
    replaces = [*_paths(schema, "createOnlyProperties"), *REPLACES.get(name, ())]
    conditional = [
        path
        for path in _paths(schema, "conditionalCreateOnlyProperties")
        if path not in interrupts and path not in in_place and path not in replaces
    ]
    entry = {
        "replaces": sorted(replaces),
        "mayReplace": sorted(conditional),
        "interrupts": sorted(interrupts),
        "name": NAMES.get(name) or _name(schema),
    }
    return {key: value for key, value in entry.items() if value}


def _name(schema: dict[str, Any]) -> str | None:
    """The property that is the whole identifier of a resource and is given, not generated."""
    identifier = _paths(schema, "primaryIdentifier")
    generated = _paths(schema, "readOnlyProperties")
    is_text = len(identifier) == 1 and schema["properties"].get(identifier[0], {}).get("type") == "string"
    return identifier[0] if is_text and identifier[0] not in generated else None


def _paths(schema: dict[str, Any], key: str) -> list[str]:
    return [path.removeprefix("/properties/") for path in schema.get(key, ())]


def _schema(name: str) -> dict[str, Any] | None:
    specification = util.find_spec("cfnlint")
    if specification is None or specification.origin is None:
        raise SystemExit("cfn-lint is not installed: install the development requirements first")
    folder = Path(specification.origin).parent / "data" / "schemas"
    digest = json.loads((folder / "providers" / f"{REGION}.json").read_text()).get(name)
    content: dict[str, Any] | None = (
        json.loads((folder / "resources" / f"{digest}.json").read_text()) if digest is not None else None
    )
    return content


def main() -> int:
    """Write the table."""
    OUTPUT.write_text(text(table()), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
