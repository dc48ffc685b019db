"""Read in the account which AMIs an environment's SSM parameters name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lisa_compiler.deploy.account import explained
from lisa_compiler.deploy.errors import DeployError
from lisa_compiler.plan.amis import AmiLock, LockedAmi, PinnedAmi, UnpinnedAmi

if TYPE_CHECKING:
    from lisa_compiler.deploy.account import Account
    from lisa_compiler.plan import Deployment

_ID = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
_AT_ONCE = 10
"""Parameters that GetParameters takes (API reference of Systems Manager)."""

ARCHITECTURE = "x86_64"
"""Architecture of the images and of the instance types that LISA deploys."""


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
        DeployError: a parameter does not exist or names no AMI, or instances cannot boot the AMI.
    """
    names = list(parameters)
    values = _values(account, names)
    if missing := [name for name in names if name not in values]:
        raise DeployError(
            f"The account has no SSM parameter {', '.join(missing)} in {account.region}: correct amiParameter, or set "
            "amiId."
        )
    for name, (value, _) in values.items():
        if not _ID.fullmatch(value):
            raise DeployError(
                f"The SSM parameter {name} does not name an AMI (“{value[:80]}”): choose one whose value is an id such "
                "as ami-0123456789abcdef0, for example …/image_id."
            )
    found = _images(account, sorted({value for value, _ in values.values()}))
    problems = [f"\n  {name}: {reason}" for name, (value, _) in values.items() for reason in _problems(value, found)]
    if problems:
        raise DeployError(f"Instances cannot boot these AMIs:{''.join(problems)}\nChoose other ones.")
    amis = {name: _locked(found[value], version) for name, (value, version) in values.items()}
    return AmiLock(region=account.region, amis=amis)


def _values(account: Account, names: list[str]) -> dict[str, tuple[str, int]]:
    """Value and version by the name that was given; a parameter that does not exist is left out."""
    ssm = account.client("ssm")
    values = {}
    for start in range(0, len(names), _AT_ONCE):
        with explained("Reading SSM parameters (ssm:GetParameters)"):
            answer = ssm.get_parameters(Names=names[start : start + _AT_ONCE])
        for parameter in answer["Parameters"]:
            values[parameter["Name"] + parameter.get("Selector", "")] = (parameter["Value"], parameter["Version"])
    return values


def _images(account: Account, ids: list[str]) -> dict[str, dict[str, Any]]:
    with explained("Reading AMIs (ec2:DescribeImages)"):
        # Filters instead of ImageIds: an AMI that does not exist is then left out instead of failing all of them.
        pages = account.client("ec2").get_paginator("describe_images")
        found = pages.paginate(Filters=[{"Name": "image-id", "Values": ids}], IncludeDeprecated=True)
        return {image["ImageId"]: image for page in found for image in page["Images"]}


def _problems(image_id: str, found: dict[str, dict[str, Any]]) -> Iterator[str]:
    image = found.get(image_id)
    if image is None:
        yield f"{image_id} does not exist, or is not shared with the account"
        return
    if image.get("State") != "available":
        yield f"{image_id} is in the state {image.get('State')}"
    if image.get("Architecture") != ARCHITECTURE:
        yield f"{image_id} is for {image.get('Architecture')} processors, and images are built for {ARCHITECTURE}"


def _locked(image: dict[str, Any], version: int) -> LockedAmi:
    return LockedAmi(
        id=image["ImageId"],
        name=image.get("Name", ""),
        owner=image.get("OwnerId", ""),
        creation_date=image.get("CreationDate", ""),
        deprecation_time=image.get("DeprecationTime"),
        version=version,
    )
