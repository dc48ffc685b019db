"""AWS partitions and regions, and what each has. The table is data/regions.json, made by refresh_tables.py.

What isolated Regions and the AWS European Sovereign Cloud offer is in no source of the table: what is not known is
None. A Region that is newer than the table is known by its name alone, which tells its partition.
"""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from lisa_schema.instances import instance_type_names

_PLAUSIBLE = re.compile(r"-(north|south|east|west|central|northeast|northwest|southeast|southwest)-[1-9]\Z")
_UNKNOWN_TO_S5CMD = frozenset({"aws-eusc"})
"""Partitions that the SDK in s5cmd 2.3 lacks: it uses the host names of the commercial one there."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of AWS: a set of regions with their own accounts, ARNs and DNS suffix.

    Attributes:
        id: the second part of an ARN: `aws`, `aws-us-gov`, `aws-eusc`, `aws-iso-b`.
        dns_suffix: what service host names end with: `amazonaws.com`, `c2s.ic.gov`.
        regions: names of its regions, sorted.
    """

    id: str
    dns_suffix: str
    regions: tuple[str, ...]

    @property
    def is_iso(self) -> bool:
        """Whether it is one of the isolated partitions, without a way to the internet."""
        return self.id.startswith("aws-iso")

    @property
    def is_gov(self) -> bool:
        """Whether it is GovCloud (US)."""
        return self.id == "aws-us-gov"

    @property
    def arn_prefix(self) -> str:
        """How its ARNs begin: `arn:aws-iso`."""
        return f"arn:{self.id}"


@dataclass(frozen=True, slots=True)
class Region:
    """A region and what it has, as far as it is known.

    Attributes:
        name: `us-gov-west-1`.
        partition: the partition it belongs to.
        instance_types: those of the instance table that it is known to offer; None when not known.
        has_all_types: whether it offers no others, since it was asked; otherwise others are not known.
        services: where no list of resource types is published, the services with an endpoint, named as in resource
            types; None elsewhere.
        lacks: resource types that CloudFormation does not have there; None when not known.
        lambda_runtimes: Python runtimes that a function can be created with, oldest first; None when not known.
        load_balancer_account: account that load balancers write access logs from; None where they use the service
            principal `logdelivery.elasticloadbalancing`.
        unusual_principals: by service, principals that are not `<service>.amazonaws.com`.
        is_listed: whether the table has it; otherwise it is not known whether the Region exists.
    """

    name: str
    partition: Partition
    instance_types: frozenset[str] | None
    has_all_types: bool
    services: frozenset[str] | None
    lacks: frozenset[str] | None
    lambda_runtimes: tuple[str, ...] | None
    load_balancer_account: str | None
    unusual_principals: Mapping[str, str]
    is_listed: bool = True

    @property
    def is_iso(self) -> bool:
        """Whether it lies in an isolated partition."""
        return self.partition.is_iso

    @property
    def is_gov(self) -> bool:
        """Whether it lies in GovCloud (US)."""
        return self.partition.is_gov

    @property
    def arn_prefix(self) -> str:
        """How ARNs begin there: `arn:aws-us-gov`."""
        return self.partition.arn_prefix

    @property
    def dns_suffix(self) -> str:
        """What service host names end with there."""
        return self.partition.dns_suffix

    @property
    def s5cmd_endpoint(self) -> str | None:
        """Address of S3 that s5cmd needs to be given; None where it derives the address from the Region's name."""
        if self.partition.id not in _UNKNOWN_TO_S5CMD:
            return None
        return f"https://s3.{self.name}.{self.dns_suffix}"

    def service_principal(self, service: str) -> str:
        """The principal of an AWS service (`ecs-tasks`, `monitoring.rds`) in trust and resource policies.

        Raises:
            KeyError: the table has no principal of that service.
        """
        if service not in _table()["principals"].split():
            raise KeyError(service)
        return self.unusual_principals.get(service, f"{service}.amazonaws.com")

    def gateway_endpoint(self, service: str) -> str:
        """The name of the gateway endpoint of `s3` or `dynamodb` in a VPC.

        Raises:
            KeyError: the service has none.
        """
        name: str = _table()["gatewayEndpoints"][service]
        return name.format(region=self.name)

    def offers(self, instance_type: str) -> bool | None:
        """Whether it offers an instance type of the table; None when not known."""
        if self.instance_types is not None and instance_type in self.instance_types:
            return True
        return False if self.instance_types is not None and self.has_all_types else None

    def supports(self, resource_type: str) -> bool | None:
        """Whether CloudFormation can make a resource of a type there; None when not known.

        Where no list of resource types is published, all that is known is which services have an endpoint: such a
        service's types count as supported, and a service without one as unknown, since its absence proves nothing.
        """
        if resource_type not in _resource_types():
            return None
        if self.lacks is not None:
            return resource_type not in self.lacks
        if self.services is not None and resource_type.split("::")[1] in self.services:
            return True
        return None


@cache
def region(name: str) -> Region | None:
    """The region of that exact name; one that is not listed where the name is of the form of one, else None."""
    entry = _table()["regions"].get(name)
    if entry is None:
        return _unlisted(name)
    home = partition(entry["partition"])
    return Region(
        name=name,
        partition=home,
        instance_types=_expanded(entry["instanceTypes"]),
        has_all_types=entry["isComplete"],
        services=_known(entry["services"]),
        lacks=_known(entry["lacks"]),
        lambda_runtimes=None if entry["services"] is not None else tuple(_table()["lambdaRuntimes"]),
        load_balancer_account=entry["loadBalancerAccount"],
        unusual_principals=entry["principals"],
    )


def _unlisted(name: str) -> Region | None:
    if not _PLAUSIBLE.search(name) or any(sorted(name) == sorted(known) for known in region_names()):
        return None
    patterns: dict[str, str] = _table()["regionPatterns"]
    home = next((identifier for identifier, pattern in patterns.items() if re.fullmatch(pattern, name)), None)
    if home is None:
        return None
    found = partition(home)
    return Region(
        name=name,
        partition=found,
        instance_types=None,
        has_all_types=False,
        services=None,
        lacks=None,
        lambda_runtimes=None,
        load_balancer_account=None,
        unusual_principals={"logs": f"logs.{name}.{found.dns_suffix}"},
        is_listed=False,
    )


@cache
def partition(identifier: str) -> Partition:
    """The partition of that identifier, one of `partitions()`.

    Raises:
        KeyError: unknown partition.
    """
    table = _table()
    names = tuple(sorted(name for name, entry in table["regions"].items() if entry["partition"] == identifier))
    return Partition(id=identifier, dns_suffix=table["partitions"][identifier], regions=names)


def partitions() -> tuple[str, ...]:
    """Identifiers of all partitions, the commercial one first."""
    return tuple(_table()["partitions"])


def region_names() -> tuple[str, ...]:
    """Names of all regions, sorted within their partition."""
    return tuple(_table()["regions"])


def nearest_regions(name: str, n: int = 3) -> tuple[str, ...]:
    """The region names most like a wrong one, best first: one with the same letters in another order, then others."""
    wanted = name.strip().lower()
    matches = difflib.get_close_matches(wanted, region_names(), n, cutoff=0.6)
    return tuple(sorted(matches, key=lambda match: sorted(match) != sorted(wanted)))


def lambda_runtime_deprecation(runtime: str) -> datetime.date | None:
    """The day on which Lambda deprecates a Python runtime (`python3.9`); None for one that the table does not have."""
    day = _table()["lambdaRuntimes"].get(runtime)
    return datetime.date.fromisoformat(day) if day else None


def _expanded(offered: dict[str, str] | None) -> frozenset[str] | None:
    if offered is None:
        return None
    families = set(offered["families"].split())
    whole = {name for name in instance_type_names() if name.partition(".")[0] in families}
    return frozenset(whole.union(offered["types"].split()))


def _known(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


@cache
def _resource_types() -> frozenset[str]:
    return frozenset(_table()["resourceTypes"].split())


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("lisa_schema") / "data" / "regions.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


TABLE_DATE = datetime.date.fromisoformat(_table()["date"])
"""The day whose state the region table tells."""
