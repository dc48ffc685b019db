"""Exposure: reachable endpoints and network rules, and authentication of callers, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from lisa_compiler.output.gateway_authentication import (
    COMPONENT,
    TASK_DEFINITION,
    Access,
    Authentication,
    read_authentication,
)
from lisa_compiler.review.differences import shown
from lisa_compiler.review.formatting import resource_reference
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output, Resource

_ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})
_WAYS = {"SecurityGroupIngress": "in", "SecurityGroupEgress": "out"}
_PEERS = (
    *("CidrIp", "CidrIpv6", "SourceSecurityGroupId", "DestinationSecurityGroupId"),
    *("SourcePrefixListId", "DestinationPrefixListId"),
)
_PLACEHOLDER_CIDRS = frozenset({"127.0.0.1/32", "255.255.255.255/32"})
"""Placeholders that keep CloudFormation from adding a rule that allows all outbound traffic."""

_TRUSTED = {
    "AUTHORITY": "identity provider",
    "CLIENT_ID": "client ID",
    "ADMIN_GROUP": "administrator group",
    "JWT_GROUPS_PROP": "groups claim",
    "TOKEN_TABLE_NAME": "API token table",
}
_OWNERS = {"serve": "the gateway", "api-base": "API Gateway"}


def compare_exposure(before: Output, after: Output) -> Iterator[Impact]:
    """Find what becomes reachable, and what is no longer reachable."""
    for key in dict.fromkeys([*after.resources, *before.resources]):
        was, will = before.resources.get(key), after.resources.get(key)
        yield from _security_groups(was, will)
        if was is not None and will is not None:
            yield from _load_balancers(was, will)
            yield from _listeners(was, will)
            yield from _methods(was, will)
            yield from _databases(was, will)
            yield from _sign_in(was, will)
            yield from _plain_text_tokens(was, will)
    yield from _authentication(before, after)
    yield from _public_routes(before, after)


def is_internet_facing(resource: Resource) -> bool:
    """Return whether a resource is an internet-facing load balancer."""
    is_balancer = resource.type == "AWS::ElasticLoadBalancingV2::LoadBalancer"
    return is_balancer and resource.properties.get("Scheme") == "internet-facing"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of a security group.

    Attributes:
        way: `in` or `out`.
        protocol: `tcp` …; `-1` for all of them.
        ports: first and last; None for every port.
        peer: a network, or the group that may be at the other end.
    """

    way: str
    protocol: str
    ports: tuple[int, int] | None
    peer: str

    @property
    def is_public(self) -> bool:
        return self.way == "in" and self.peer in _ANYWHERE

    def covers(self, other: _Rule) -> bool:
        """Return whether this rule allows everything that another rule allows."""
        same = self.way == other.way and self.protocol in ("-1", other.protocol)
        ports = self.ports is None or (
            other.ports is not None and self.ports[0] <= other.ports[0] <= other.ports[1] <= self.ports[1]
        )
        return same and ports and (self.peer == other.peer or _contains(self.peer, other.peer))

    def __str__(self) -> str:
        ports = "all ports" if self.ports is None else "-".join(map(str, dict.fromkeys(self.ports)))
        what = ports if self.protocol == "-1" else f"{self.protocol} {ports}"
        peer = "**anywhere**" if self.peer in _ANYWHERE else f"`{self.peer}`"
        return f"{self.way}: {what} {'from' if self.way == 'in' else 'to'} {peer}"


def _security_groups(was: Resource | None, will: Resource | None) -> Iterator[Impact]:
    holder = will or was
    if holder is None or holder.type != "AWS::EC2::SecurityGroup":
        return
    old, new = _rules(was), _rules(will)
    name = f"security group `{holder.properties.get('GroupDescription', holder.logical_id)}`"
    more = [rule for rule in new if not any(known.covers(rule) for known in old)]
    less = [rule for rule in old if not any(known.covers(rule) for known in new)]
    if more:
        category = ImpactCategory.EXPOSURE if any(rule.is_public for rule in more) else ImpactCategory.BROADER_ACCESS
        yield Impact(category, f"{'The' if was else 'A new'} {name} allows{' more' if was else ''}:", _lines(more))
    if less and will is not None:
        yield Impact(ImpactCategory.REDUCED_RISK, f"The {name} allows less:", _lines(less))


def _lines(rules: list[_Rule]) -> tuple[str, ...]:
    return tuple(str(rule) for rule in rules)


def _rules(group: Resource | None) -> list[_Rule]:
    properties = group.properties if group else {}
    return [
        _rule(rule, way)
        for name, way in _WAYS.items()
        for rule in properties.get(name, ())
        if rule.get("CidrIp") not in _PLACEHOLDER_CIDRS
    ]


def _rule(rule: Mapping[str, Any], way: str) -> _Rule:
    protocol, low = str(rule.get("IpProtocol")), rule.get("FromPort")
    ports = None if protocol == "-1" or low is None else (int(low), int(rule.get("ToPort", low)))
    peer = next((rule[name] for name in _PEERS if name in rule), "")
    return _Rule(way, protocol, ports, shown(peer))


def _contains(wide: str, narrow: str) -> bool:
    try:
        networks = ip_network(wide), ip_network(narrow)
    except ValueError:
        return False
    return networks[0].version == networks[1].version and networks[1].subnet_of(networks[0])  # type: ignore[arg-type]


def _load_balancers(was: Resource, will: Resource) -> Iterator[Impact]:
    if is_internet_facing(will) and not is_internet_facing(was):
        yield Impact(ImpactCategory.EXPOSURE, f"The load balancer of {_component_label(will)} becomes internet-facing.")
    if is_internet_facing(was) and not is_internet_facing(will):
        yield Impact(
            ImpactCategory.REDUCED_RISK, f"The load balancer of {_component_label(will)} is no longer internet-facing."
        )


def _listeners(was: Resource, will: Resource) -> Iterator[Impact]:
    if was.type != will.type or will.type != "AWS::ElasticLoadBalancingV2::Listener":
        return
    old, new = was.properties.get("Protocol"), will.properties.get("Protocol")
    if old == "HTTPS" and new == "HTTP":
        yield Impact(
            ImpactCategory.EXPOSURE,
            f"The load balancer of {_component_label(will)} no longer encrypts traffic (HTTP instead of HTTPS).",
        )
    if old == "HTTP" and new == "HTTPS":
        yield Impact(
            ImpactCategory.REDUCED_RISK,
            f"The load balancer of {_component_label(will)} encrypts traffic (HTTPS instead of HTTP).",
        )


def _methods(was: Resource, will: Resource) -> Iterator[Impact]:
    if was.type != will.type or will.type != "AWS::ApiGateway::Method":
        return
    old, new = was.properties.get("AuthorizationType"), will.properties.get("AuthorizationType")
    name = f"API method `{will.properties.get('HttpMethod')}` of `{will.logical_id}`"
    if new == "NONE" and old != "NONE":
        yield Impact(ImpactCategory.EXPOSURE, f"The {name} no longer requires authentication.")
    if old == "NONE" and new != "NONE":
        yield Impact(ImpactCategory.REDUCED_RISK, f"The {name} requires authentication.")


def _databases(was: Resource, will: Resource) -> Iterator[Impact]:
    is_public = [side.properties.get("PubliclyAccessible") is True for side in (was, will)]
    if will.type == "AWS::RDS::DBInstance" and is_public == [False, True]:
        yield Impact(ImpactCategory.EXPOSURE, f"The {resource_reference(will)} becomes publicly accessible.")


def _sign_in(was: Resource, will: Resource) -> Iterator[Impact]:
    """Identity settings that the gateway and the API's authorizer trust."""
    old, new = _environment(was), _environment(will)
    for name, words in _TRUSTED.items():
        if name in old and old.get(name) != new.get(name):
            change = f"`{shown(old[name])}` \N{RIGHTWARDS ARROW} `{shown(new.get(name, ''))}`"
            yield Impact(
                ImpactCategory.EXPOSURE, f"{_component_label(will).capitalize()} trusts a different {words}: {change}."
            )


def _plain_text_tokens(was: Resource, will: Resource) -> Iterator[Impact]:
    """Whether the gateway accepts API tokens that its table has in plain text; it does without the variable."""
    old, new = (_environment(side) for side in (was, will))
    if will.type != TASK_DEFINITION or not all("TOKEN_TABLE_NAME" in each for each in (old, new)):
        return
    accepted, accepts = (each.get("LEGACY_TOKENS") != "false" for each in (old, new))
    if accepts and not accepted:
        yield Impact(ImpactCategory.BROADER_ACCESS, "The gateway accepts API tokens that are stored in plain text.")
    if accepted and not accepts:
        yield Impact(
            ImpactCategory.REDUCED_RISK,
            "The gateway rejects API tokens that are stored in plain text; run `lisa tokens hash` before the "
            "deployment to keep them valid.",
        )


def _authentication(before: Output, after: Output) -> Iterator[Impact]:
    """Whether the gateway authenticates callers; its task definition may have got another logical id."""
    olds, news = _gateways(before), _gateways(after)
    for key, new in news.items():
        old = olds.get(key) or next(iter(olds.values()), None)
        if old is None or (old.access is new.access and set(new.problems) <= set(old.problems)):
            continue
        name = _OWNERS[COMPONENT]
        if new.access is Access.ANYONE and old.access is not Access.ANYONE:
            yield Impact(
                ImpactCategory.EXPOSURE,
                f"Authentication is off: {name} accepts requests without a token.",
                new.problems,
            )
        elif new.access is Access.AUTHENTICATED and old.access is Access.ANYONE:
            yield Impact(ImpactCategory.REDUCED_RISK, f"Authentication is on: {name} requires a token.")
        elif new.access is Access.UNKNOWN:
            yield Impact(
                ImpactCategory.EXPOSURE,
                f"The template does not show whether {name} authenticates callers.",
                new.problems,
            )


def _gateways(output: Output) -> dict[str, Authentication]:
    stack = output.stacks.get(COMPONENT)
    return {
        resource.logical_id: read_authentication(resource.properties)
        for resource in (stack.resources.values() if stack else ())
        if resource.type == TASK_DEFINITION
    }


def _environment(resource: Resource) -> Mapping[str, Any]:
    if resource.type == "AWS::Lambda::Function":
        variables = resource.properties.get("Environment", {}).get("Variables", {})
        return variables if isinstance(variables, Mapping) else {}
    if resource.type != "AWS::ECS::TaskDefinition":
        return {}
    containers = resource.properties.get("ContainerDefinitions", ())
    plain = {entry["Name"]: entry.get("Value") for one in containers for entry in one.get("Environment", ())}
    return plain | {entry["Name"]: entry.get("ValueFrom") for one in containers for entry in one.get("Secrets", ())}


def _public_routes(before: Output, after: Output) -> Iterator[Impact]:
    """New API methods without an authorizer, in one impact."""
    new = [
        resource
        for key, resource in after.resources.items()
        if key not in before.resources
        and resource.type == "AWS::ApiGateway::Method"
        and resource.properties.get("AuthorizationType") == "NONE"
        and resource.properties.get("HttpMethod") != "OPTIONS"
    ]
    if new:
        names = ", ".join(f"`{resource.logical_id}`" for resource in new)
        yield Impact(ImpactCategory.EXPOSURE, f"New API methods require no authentication: {names}.")


def _component_label(resource: Resource) -> str:
    """Return the reader's name of the component that a resource belongs to."""
    return _OWNERS.get(resource.component, f"`{resource.component}`")
