"""Read in the account which AMIs an environment's SSM parameters name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.aws.session import translate_aws_errors
from lisa_compiler.plan.amis import ARCHITECTURE, AmiLock, LockedAmi, PinnedAmi, UnpinnedAmi

if TYPE_CHECKING:
    from lisa_compiler.aws.account import Account
    from lisa_compiler.plan import Deployment

AMI_ID = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
"""Form of an AMI's ID."""

_AT_ONCE = 10
"""Parameters that GetParameters takes (API reference of Systems Manager)."""


def pinned_parameters(deployment: Deployment) -> dict[str, tuple[str, ...]]:
    """The parameters that the lock file pins, each with the services whose instances need it."""
    found: dict[str, tuple[str, ...]] = {}
    for service in deployment.services:
        if isinstance(service.ami, PinnedAmi | UnpinnedAmi):
            found[service.ami.parameter] = (*found.get(service.ami.parameter, ()), service.id)
    return dict(sorted(found.items()))


def read_amis(account: Account, parameters: Iterable[str]) -> AmiLock:
    """Read what parameters name now, and what EC2 says of it.

    Args:
        account: the account, in the environment's region.
        parameters: their names.

    Raises:
        DeployError: a parameter does not exist or contains no AMI ID, or instances cannot boot the AMI.
    """
    names = list(parameters)
    with translate_aws_errors("Reading SSM parameters (ssm:GetParameters)"):
        values = parameter_values(account.client("ssm"), names)
    if missing := [name for name in names if name not in values]:
        raise DeployError(
            f"The account has no SSM parameter {', '.join(missing)} in {account.region}: correct amiParameter, or set "
            "amiId."
        )
    for name, (value, _) in values.items():
        if not AMI_ID.fullmatch(value):
            raise DeployError(
                f"The SSM parameter {name} does not contain an AMI ID (“{value[:80]}”): use one with an ID such "
                "as ami-0123456789abcdef0, for example …/image_id."
            )
    with translate_aws_errors("Reading AMIs (ec2:DescribeImages)"):
        found = describe_images(account.client("ec2"), sorted({value for value, _ in values.values()}))
    problems = [f"\n  {name}: {reason}" for name, (value, _) in values.items() for reason in _problems(value, found)]
    if problems:
        raise DeployError(f"Instances cannot boot these AMIs:{''.join(problems)}\nUse other AMIs.")
    amis = {name: _locked(found[value], version) for name, (value, version) in values.items()}
    return AmiLock(region=account.region, amis=amis)


def parameter_values(ssm: Any, names: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Value and version of SSM parameters, by the name that was given; one that does not exist is left out."""
    values = {}
    for start in range(0, len(names), _AT_ONCE):
        for parameter in ssm.get_parameters(Names=list(names[start : start + _AT_ONCE]))["Parameters"]:
            values[parameter["Name"] + parameter.get("Selector", "")] = (parameter["Value"], parameter["Version"])
    return values


def describe_images(ec2: Any, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What EC2 says of AMIs, by ID; one that does not exist, or is not shared with the account, is left out."""
    # Filters instead of ImageIds: an AMI that does not exist would otherwise fail the request for all of them.
    filters = [{"Name": "image-id", "Values": list(ids)}]
    pages = ec2.get_paginator("describe_images").paginate(Filters=filters, IncludeDeprecated=True)
    return {image["ImageId"]: image for page in pages for image in page["Images"]}


def _problems(image_id: str, found: dict[str, dict[str, Any]]) -> Iterator[str]:
    image = found.get(image_id)
    if image is None:
        yield f"{image_id} does not exist, or is not shared with the account"
        return
    if image.get("State") != "available":
        yield f"{image_id} is in the state {image.get('State')}"
    if image.get("Architecture") != ARCHITECTURE:
        yield f"{image_id} is for {image.get('Architecture')} processors, but images are built for {ARCHITECTURE}"


def _locked(image: dict[str, Any], version: int) -> LockedAmi:
    return LockedAmi(
        id=image["ImageId"],
        name=image.get("Name", ""),
        owner=image.get("OwnerId", ""),
        creation_date=image.get("CreationDate", ""),
        deprecation_time=image.get("DeprecationTime"),
        version=version,
    )
