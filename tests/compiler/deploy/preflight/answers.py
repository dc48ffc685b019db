"""Answers of an account's services that differ from those of a healthy account."""

from __future__ import annotations

from typing import Any

from . import healthy as account
from .healthy import ACCOUNT, GPU, KEY, NOW, STANDARD


def stacks(*names: str, status: str = "UPDATE_COMPLETE") -> dict[str, Any]:
    found = [{"StackName": name, "StackStatus": status, "CreationTime": NOW} for name in names]
    return {"cloudformation:DescribeStacks": account.one_by_one("Stacks", found)}


def stack_resources(*physical_ids: str) -> dict[str, Any]:
    found = [
        {
            "LogicalResourceId": f"R{index}",
            "PhysicalResourceId": one,
            "ResourceType": "AWS::X::Y",
            "LastUpdatedTimestamp": NOW,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for index, one in enumerate(physical_ids)
    ]
    return {"cloudformation:ListStackResources": account.one_by_one("StackResourceSummaries", found)}


def customer_key(*principals: str, state: str = "Enabled", grants: tuple[str, ...] = ()) -> dict[str, Any]:
    metadata = {"KeyId": "1234abcd", "Arn": KEY, "KeyManager": "CUSTOMER", "KeyState": state}
    granted = [{"KeyId": KEY, "GrantId": "g", "GranteePrincipal": one} for one in grants]
    return {
        "ec2:GetEbsDefaultKmsKeyId": {"KmsKeyId": KEY},
        "kms:DescribeKey": {"KeyMetadata": metadata},
        "kms:GetKeyPolicy": account.key_policy(*principals),
        "kms:ListGrants": {"Grants": granted, "Truncated": False},
    }


def images(**changes: Any) -> dict[str, Any]:
    found = [account.image(STANDARD), account.image(GPU, **changes)]
    return {"ec2:DescribeImages": account.one_by_one("Images", found)}


def quotas(**values: float) -> dict[str, Any]:
    found = {"L-1216C47A": 64.0, "L-DB2E81BA": 64.0} | {code.replace("_", "-"): value for code, value in values.items()}
    return {"service-quotas:ListServiceQuotas": account.quotas(found)}


ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def zones(*names: str, private: bool = False) -> dict[str, Any]:
    found = [
        {"Id": f"/hostedzone/{name}", "Name": f"{name}.", "CallerReference": "x", "Config": {"PrivateZone": private}}
        for name in names
    ]
    return {"HostedZones": found, "Marker": "", "IsTruncated": False, "MaxItems": "100"}


def parameters(**values: str) -> Any:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        kinds = {name: "gpu" if "/gpu/" in name else "standard" for name in asked["Names"]}
        return {"Parameters": [{"Name": name, "Value": values[kind], "Version": 1} for name, kind in kinds.items()]}

    return answer
