"""Interruptions: what is unavailable while a change is deployed, or changes its address."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from lisa_compiler.review.capacity import groups
from lisa_compiler.review.durations import start_duration
from lisa_compiler.review.formatting import format_range, join_list, pluralize, resource_reference
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output, Resource
from lisa_compiler.review.resources import Effect, ResourceChange

SERVING_TYPES = frozenset(
    {
        "AWS::ApiGateway::DomainName",
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::Stage",
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::DynamoDB::Table",
        "AWS::EC2::NatGateway",
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
        "AWS::EC2::VPCEndpoint",
        "AWS::ECS::Cluster",
        "AWS::ECS::Service",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::KMS::Key",
        "AWS::Lambda::Function",
        "AWS::OpenSearchService::Domain",
        "AWS::RDS::DBInstance",
        "AWS::Route53::HostedZone",
        "AWS::Route53::RecordSet",
        "AWS::S3::Bucket",
    }
)
"""Types that serve or carry requests or are called by name: a replacement affects other resources."""
_SIGN_IN = "AWS::SecretsManager::Secret"
_STORES = frozenset({"AWS::RDS::DBInstance", "AWS::OpenSearchService::Domain"})
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


def find_interruptions(changes: Iterable[ResourceChange], after: Output) -> Iterator[Impact]:
    """Find interrupted and replaced resources, one impact for each stack that exists before and after."""
    parts: dict[str, list[str]] = defaultdict(list)
    interrupted: dict[str, list[Resource]] = defaultdict(list)
    for change in changes:
        resource = change.after
        if change.before is None or resource is None:
            continue
        if change.effect is Effect.INTERRUPTED:
            interrupted[resource.component].append(resource)
            parts[resource.component].append(_interrupted(change, resource, after))
        elif change.effect in (Effect.REPLACED, Effect.MAYBE_REPLACED) and resource.type in SERVING_TYPES:
            parts[resource.component].append(_replaced(change, resource))
    for component, words in parts.items():
        text = f"**{after.stacks[component].title}**: {'; '.join(words)}."
        yield Impact(ImpactCategory.INTERRUPTION, text + _unavailable(interrupted[component], after))


def find_password_changes(changes: Iterable[ResourceChange]) -> Iterator[Impact]:
    """Find secrets that get a new password while the database, which CloudFormation does not update, keeps its own.

    A changed GenerateSecretString generates a new value; `{{resolve:…}}` is read again when the resource that
    contains it is updated, not when the secret is.
    """
    for change in changes:
        is_kept = change.before is not None and change.effect < Effect.REPLACED
        if change.resource.type == _SIGN_IN and is_kept and "GenerateSecretString" in changed_properties(change):
            yield Impact(
                ImpactCategory.MANUAL_STEPS,
                f"The {resource_reference(change.resource)} gets a new user name and password, but the existing "
                "database keeps the previous ones. Set the same credentials in both; until then the RAG repository "
                "cannot connect.",
            )


def find_vpc_moves(changes: Iterable[ResourceChange]) -> Iterator[Impact]:
    """Find stores that would have to move to another VPC, which neither RDS nor OpenSearch Service supports."""
    own = list(changes)
    moved = {
        change.resource.component
        for change in own
        if change.resource.type == "AWS::EC2::SecurityGroup" and "VpcId" in changed_properties(change)
    }
    for change in own:
        stays = change.resource.component in moved and Effect.ADDED is not change.effect is not Effect.REMOVED
        if stays and change.resource.type in _STORES:
            yield Impact(
                ImpactCategory.MANUAL_STEPS,
                f"The {resource_reference(change.resource)} cannot move to another VPC. Keep its VPC, or delete "
                "it first.",
            )


def changed_properties(change: ResourceChange) -> list[str]:
    """The properties at the top that change, the resource's own first."""
    own = [str(difference.path[0]) for difference in change.differences]
    return list(dict.fromkeys([*own, *(str(path[0]) for path in change.caused_by)]))


def _interrupted(change: ResourceChange, resource: Resource, after: Output) -> str:
    if resource.type == "AWS::AutoScaling::AutoScalingGroup":
        return _rolling(resource)
    if resource.type == "AWS::ECS::Service":
        group = groups(after).get(resource.component)
        instances = "each instance"
        if group is not None:
            instances = f"{format_range(group.minimum, group.maximum)} instance{'' if group.maximum == 1 else 's'}"
        return f"its container restarts on {instances}; each is unavailable while it restarts"
    why = join_list(f"`{name}`" for name in changed_properties(change))
    return f"the {resource_reference(resource)} restarts or fails over ({why})"


def _rolling(group: Resource) -> str:
    policy = group.attributes.get("UpdatePolicy", {}).get("AutoScalingRollingUpdate", {})
    stay = _remaining(group)
    text = f"its instances are replaced, {policy.get('MaxBatchSize', 1)} at a time"
    text += f"; {pluralize(stay, 'remains', 'remain')} in service" if stay else "; **none remains in service**"
    pause = _minutes(str(policy.get("PauseTime", "")))
    if policy.get("WaitOnResourceSignals"):
        text += f"; each new instance must be ready within {pause}, or the update is rolled back"
    elif pause:
        text += f"; the next is replaced after {pause}, even if the new one is not ready"
    return text


def _unavailable(interrupted: Iterable[Resource], after: Output) -> str:
    """How long a model is unavailable, as a sentence; empty while an instance remains in service.

    Args:
        interrupted: interrupted resources of one stack.
        after: the output that is deployed.
    """
    own = {resource.type: resource for resource in interrupted}
    group, service = own.get("AWS::AutoScaling::AutoScalingGroup"), own.get("AWS::ECS::Service")
    launches = group is not None and not _remaining(group)
    found = group or service
    if found is None or not (launches or service is not None):
        return ""
    duration = start_duration(after, found.component, drains=True, launches=launches)
    if duration is None:
        return ""
    capacity = groups(after).get(found.component)
    is_each = not launches and capacity is not None and capacity.maximum > 1
    return f" {'Each instance' if is_each else 'The model'} is unavailable for {duration}."


def _remaining(group: Resource) -> int:
    """Instances that a rolling update leaves in service."""
    policy = group.attributes.get("UpdatePolicy", {}).get("AutoScalingRollingUpdate", {})
    return int(policy.get("MinInstancesInService", 0))


def _minutes(duration: str) -> str:
    match = _DURATION.fullmatch(duration)
    if match is None:
        return duration
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return f"{hours * 60 + minutes} minutes" if not seconds else f"{hours * 3600 + minutes * 60 + seconds} seconds"


def _replaced(change: ResourceChange, resource: Resource) -> str:
    verb = "may be replaced" if change.effect is Effect.MAYBE_REPLACED else "is replaced"
    text = (
        f"the {resource_reference(resource)} {verb} ({join_list(f'`{name}`' for name in changed_properties(change))})"
    )
    if resource.type == "AWS::ElasticLoadBalancingV2::LoadBalancer":
        text += " and gets a new address"
    return text
