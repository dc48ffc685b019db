"""Starts MiniStack with stand-ins for what its CloudFormation does not know, so that it takes assemblies as they are.

| what | stand-in |
|---|---|
| AWS::EC2::EIP, AWS::EC2::NatGateway, AWS::EC2::FlowLog, AWS::IAM::ServiceLinkedRole | an id; nothing is made |
| AWS::ApplicationAutoScaling::*, AWS::CloudWatch::Alarm with metric math | an id; nothing is made |
| AWS::EC2::EIP while the folder has a file `no-addresses` | a failure, as at an account's limit |
| public parameters of the images of ECS | an image that it knows |
| description of a stack that a change set made | that of its template |
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.app import main
from ministack.services import cloudformation, ssm
from ministack.services.cloudformation import handlers, provisioners

TYPES = {
    "AWS::EC2::EIP": ("eipalloc", "AllocationId"),
    "AWS::EC2::NatGateway": ("nat", "NatGatewayId"),
    "AWS::EC2::FlowLog": ("fl", "Id"),
    "AWS::IAM::ServiceLinkedRole": ("role", "RoleName"),
    "AWS::ApplicationAutoScaling::ScalableTarget": ("target", "Id"),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("policy", "Arn"),
}
IMAGES = "/aws/service/ecs/optimized-ami/amazon-linux-2023/"


def creation(prefix: str, attribute: str) -> Callable[..., tuple[str, dict[str, str]]]:
    """What CloudFormation calls to make a resource: it gets an id, and the attribute that templates ask for."""

    def create(*_arguments: object) -> tuple[str, dict[str, str]]:
        if prefix == "eipalloc" and Path("no-addresses").exists():
            raise ValueError("The maximum number of addresses has been reached.")
        identity = f"{prefix}-{uuid.uuid4().hex[:17]}"
        return identity, {attribute: identity}

    return create


def described(describe: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Fill descriptions in before stacks are described."""

    def describe_stacks(parameters: Any) -> Any:
        for stack in cloudformation._stacks.values():
            stack["Description"] = stack.get("_template", {}).get("Description", "")
        return describe(parameters)

    return describe_stacks


if __name__ == "__main__":
    handlers._ACTION_HANDLERS["DescribeStacks"] = described(handlers._ACTION_HANDLERS["DescribeStacks"])
    for resource_type, (prefix, attribute) in TYPES.items():
        provisioners._RESOURCE_HANDLERS.setdefault(
            resource_type, {"create": creation(prefix, attribute), "delete": lambda *_: None}
        )
    provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"] = {
        "create": creation("alarm", "Arn"),
        "delete": lambda *_: None,
    }
    image = next(iter(ssm._PUBLIC_AMI_PARAMETERS.values()))
    for kind in ("", "gpu/"):
        ssm._PUBLIC_AMI_PARAMETERS.setdefault(f"{IMAGES}{kind}recommended/image_id", image)
    main()
