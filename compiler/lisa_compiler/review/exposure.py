"""Exposure: what can be reached from where, and what asks callers who they are, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lisa_compiler.review.differences import shown
from lisa_compiler.review.finding import Danger, Finding
from lisa_compiler.review.output import Output, Resource
from lisa_compiler.review.wording import subject

_ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})
_RULES = {"SecurityGroupIngress": "in", "SecurityGroupEgress": "out"}
_PORTS = ("FromPort", "ToPort")


def compare_exposure(before: Output, after: Output) -> Iterator[Finding]:
    """Find what is reachable that was not, and what no longer is."""
    for key in dict.fromkeys([*after.resources, *before.resources]):
        was, will = before.resources.get(key), after.resources.get(key)
        yield from _security_groups(was, will)
        if was is not None and will is not None:
            yield from _load_balancers(was, will)
            yield from _listeners(was, will)
            yield from _methods(was, will)
            yield from _databases(was, will)
            yield from _sign_in(was, will)
    yield from _public_routes(before, after)


def is_internet_facing(resource: Resource) -> bool:
    """Tell whether a resource is a load balancer with public addresses."""
    is_balancer = resource.type == "AWS::ElasticLoadBalancingV2::LoadBalancer"
    return is_balancer and resource.properties.get("Scheme") == "internet-facing"


def _security_groups(was: Resource | None, will: Resource | None) -> Iterator[Finding]:
    holder = will or was
    if holder is None or holder.type != "AWS::EC2::SecurityGroup":
        return
    old, new = _rules(was), _rules(will)
    lead = "The" if was else "A new"
    name = f"security group `{holder.properties.get('GroupDescription', holder.logical_id)}`"
    more, less = [rule for rule in new if rule not in old], [rule for rule in old if rule not in new]
    if more:
        public = any(rule.startswith("in") and "**anywhere**" in rule for rule in more)
        yield Finding(Danger.OPENS if public else Danger.PERMITS, f"{lead} {name} lets more through:", tuple(more))
    if less and will is not None:
        yield Finding(Danger.CLOSES, f"The {name} lets less through:", tuple(less))


def _rules(group: Resource | None) -> list[str]:
    properties = group.properties if group else {}
    return [f"{way}: {_rule(rule, way)}" for name, way in _RULES.items() for rule in properties.get(name, ())]


def _rule(rule: Mapping[str, Any], way: str) -> str:
    protocol = str(rule.get("IpProtocol"))
    low, high = (rule.get(name) for name in _PORTS)
    ports = "every port" if protocol == "-1" or low is None else f"{protocol} {low if low == high else f'{low}-{high}'}"
    network = rule.get("CidrIp") or rule.get("CidrIpv6")
    group = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    peer = "**anywhere**" if network in _ANYWHERE else f"`{shown(network or group or rule.get('SourcePrefixListId'))}`"
    return f"{ports} {'from' if way == 'in' else 'to'} {peer}"


def _load_balancers(was: Resource, will: Resource) -> Iterator[Finding]:
    if is_internet_facing(will) and not is_internet_facing(was):
        yield Finding(Danger.OPENS, f"The {_owner(will)} load balancer gets public addresses.")
    if is_internet_facing(was) and not is_internet_facing(will):
        yield Finding(Danger.CLOSES, f"The {_owner(will)} load balancer loses its public addresses.")


def _listeners(was: Resource, will: Resource) -> Iterator[Finding]:
    if was.type != will.type or will.type != "AWS::ElasticLoadBalancingV2::Listener":
        return
    old, new = was.properties.get("Protocol"), will.properties.get("Protocol")
    if old == "HTTPS" and new == "HTTP":
        yield Finding(Danger.OPENS, f"The {_owner(will)} load balancer no longer encrypts: HTTP instead of HTTPS.")
    if old == "HTTP" and new == "HTTPS":
        yield Finding(Danger.CLOSES, f"The {_owner(will)} load balancer encrypts: HTTPS instead of HTTP.")


def _methods(was: Resource, will: Resource) -> Iterator[Finding]:
    if was.type != will.type or will.type != "AWS::ApiGateway::Method":
        return
    old, new = was.properties.get("AuthorizationType"), will.properties.get("AuthorizationType")
    name = f"API method `{will.properties.get('HttpMethod')}` of `{will.logical_id}`"
    if new == "NONE" and old != "NONE":
        yield Finding(Danger.OPENS, f"The {name} no longer asks who calls.")
    if old == "NONE" and new != "NONE":
        yield Finding(Danger.CLOSES, f"The {name} asks who calls.")


def _databases(was: Resource, will: Resource) -> Iterator[Finding]:
    if will.type == "AWS::RDS::DBInstance" and will.properties.get("PubliclyAccessible") is True:
        if was.properties.get("PubliclyAccessible") is not True:
            yield Finding(Danger.OPENS, f"The {subject(will)} gets a public address.")


def _sign_in(was: Resource, will: Resource) -> Iterator[Finding]:
    """The gateway's own switch, and the administrators' group that it and the API's authorizer are told."""
    old, new = _environment(was), _environment(will)
    if old.get("USE_AUTH") == "true" and new.get("USE_AUTH") == "false":
        yield Finding(Danger.OPENS, f"The {_owner(will)} no longer asks who calls: sign-in is off.")
    if old.get("USE_AUTH") == "false" and new.get("USE_AUTH") == "true":
        yield Finding(Danger.CLOSES, f"The {_owner(will)} asks who calls.")
    for name, words in (("AUTHORITY", "identity provider"), ("ADMIN_GROUP", "group of administrators")):
        if name in old and name in new and old[name] != new[name]:
            text = f"The {_owner(will)} trusts another {words}: `{shown(old[name])}` → `{shown(new[name])}`."
            yield Finding(Danger.OPENS, text)


def _environment(resource: Resource) -> Mapping[str, Any]:
    if resource.type == "AWS::Lambda::Function":
        variables = resource.properties.get("Environment", {}).get("Variables", {})
        return variables if isinstance(variables, Mapping) else {}
    if resource.type != "AWS::ECS::TaskDefinition":
        return {}
    containers = resource.properties.get("ContainerDefinitions", ())
    return {entry["Name"]: entry.get("Value") for one in containers for entry in one.get("Environment", ())}


def _public_routes(before: Output, after: Output) -> Iterator[Finding]:
    """Methods of the API without an authorizer that are new, in one line."""
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
        yield Finding(Danger.OPENS, f"New methods of the API answer without asking who calls: {names}.")


def _owner(resource: Resource) -> str:
    return "REST API's" if resource.component == "serve" else f"{resource.component}'s"
