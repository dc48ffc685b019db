"""Change: two outputs of an environment compared, as impacts on the deployment, highest risk first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lisa_compiler.review.artifacts import changed_weights, compare_artifacts
from lisa_compiler.review.capacity import Capacity, Group, groups, hosts, least, most
from lisa_compiler.review.containers import compare_containers
from lisa_compiler.review.data_loss import find_data_loss, find_deletion_protected, find_retention_changes, holds_data
from lisa_compiler.review.differences import ABSENT, Difference, differences
from lisa_compiler.review.exposure import compare_exposure, is_internet_facing
from lisa_compiler.review.fit import Cost, compare_fit, cost_of
from lisa_compiler.review.formatting import join_list, pluralize, resource_reference
from lisa_compiler.review.iam_changes import compare_permissions
from lisa_compiler.review.impact import Impact, ImpactCategory, sort_by_risk
from lisa_compiler.review.interruptions import SERVING_TYPES, find_password_changes, find_vpc_moves
from lisa_compiler.review.machine_images import compare_amis
from lisa_compiler.review.name_conflicts import find_name_collisions, name_conflicts
from lisa_compiler.review.outages import find_outages
from lisa_compiler.review.output import Output, Stack
from lisa_compiler.review.resources import Effect, ResourceChange, compare_resources
from lisa_compiler.review.routes import compare_routes
from lisa_compiler.review.safeguards import compare_safeguards
from lisa_compiler.review.schedules import compare_schedules
from lisa_compiler.review.trusted_authorities import compare_authorities

_MODEL = "model-"
_NAMED = 6
"""Resources that a line names; further ones are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChange:
    """What a change of the output does.

    Attributes:
        environment: name of the environment.
        settings: changed configuration values, without defaults.
        impacts: consequences, highest risk first.
        resources: effect on each resource; empty when a new deployment is created.
        capacity_before: minimum and maximum capacity.
        capacity_after: the same afterwards.
        cost_before: what the instances cost; None when it is unknown.
        cost_after: the same afterwards.
        hosts: services whose instances change: title, before, after.
        added: new stacks.
        removed: stacks that are no longer configured.
        weights: names of the models and adapters whose staged weights are new or have other content.
    """

    environment: str
    settings: tuple[Difference, ...] = ()
    impacts: tuple[Impact, ...] = ()
    resources: tuple[ResourceChange, ...] = ()
    capacity_before: tuple[Capacity, Capacity] = (Capacity(), Capacity())
    capacity_after: tuple[Capacity, Capacity] = (Capacity(), Capacity())
    cost_before: Cost | None = None
    cost_after: Cost | None = None
    hosts: tuple[tuple[str, Group, Group], ...] = ()
    added: tuple[Stack, ...] = ()
    removed: tuple[Stack, ...] = ()
    weights: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.settings or self.impacts or self.resources)

    @property
    def by_effect(self) -> list[ResourceChange]:
        """The changed resources, those with the most severe effect first."""
        return sorted(self.resources, key=lambda resource: -resource.effect)


def compare(environment: str, before: Output | None, after: Output | None) -> OutputChange:
    """Compare an environment's output on two sides; None where there is none."""
    if after is None:
        return _removed_environment(before) if before else OutputChange(environment=environment)
    return replace(_compare(environment, before, after), weights=changed_weights(before, after))


def _compare(environment: str, before: Output | None, after: Output) -> OutputChange:
    if before is None:
        return _new(after)
    settings = tuple(differences(before.configuration(), after.configuration()))
    if any(before.stacks[name].place != after.stacks[name].place for name in after.stacks if name in before.stacks):
        return _new_deployment(before, after, settings)
    resources = compare_resources(before, after)
    impacts = [
        *find_data_loss(resources, after),
        *find_retention_changes(before, after),
        *compare_exposure(before, after),
        *name_conflicts(resources, before, after),
        *find_password_changes(resources),
        *find_vpc_moves(resources),
        *find_deletion_protected(resources),
        *find_outages(resources, before, after),
        *compare_authorities(before, after),
        *compare_permissions(before, after),
        *_compare_group_access(before, after),
        *_external_models(settings),
        *compare_safeguards(before, after),
        *compare_containers(before, after),
        *_stacks(before, after),
        *_resource_changes(resources, before, after),
        *compare_amis(before, after),
        *compare_fit(before, after),
        *compare_routes(before, after),
        *compare_artifacts(before, after),
    ]
    if before.version != after.version:
        impacts.append(
            Impact(ImpactCategory.CODE_CHANGED, f"Compiled with LISA {after.version} instead of {before.version}.")
        )
    return OutputChange(
        environment=environment,
        settings=settings,
        impacts=sort_by_risk(impacts),
        resources=resources,
        capacity_before=(least(before), most(before)),
        capacity_after=(least(after), most(after)),
        cost_before=cost_of(before),
        cost_after=cost_of(after),
        hosts=tuple(_hosts(before, after)),
        added=tuple(stack for name, stack in after.stacks.items() if name not in before.stacks),
        removed=tuple(stack for name, stack in before.stacks.items() if name not in after.stacks),
    )


def _new(after: Output) -> OutputChange:
    public = [f"`{stack}`" for stack, id_ in after.resources if is_internet_facing(after.resources[stack, id_])]
    impacts = [
        Impact(ImpactCategory.ADDED, f"New environment: {_size_summary(after)}.", tuple(_services(after, after.stacks)))
    ]
    impacts += compare_authorities(None, after)
    impacts += compare_fit(None, after)
    impacts += compare_schedules(None, after)
    if public:
        impacts.append(Impact(ImpactCategory.EXPOSURE, f"Internet-facing load balancer: {join_list(public)}."))
    return OutputChange(
        environment=after.environment,
        impacts=sort_by_risk(impacts),
        capacity_after=(least(after), most(after)),
        cost_after=cost_of(after),
        added=tuple(after.stacks.values()),
    )


def _removed_environment(before: Output) -> OutputChange:
    text = (
        "The environment is no longer in generated/. Its deployment remains until you destroy it: "
        f"{_size_summary(before)}."
    )
    return OutputChange(
        environment=before.environment,
        impacts=(Impact(ImpactCategory.ORPHANED, text, tuple(_data(before))),),
        capacity_before=(least(before), most(before)),
        cost_before=cost_of(before),
        removed=tuple(before.stacks.values()),
    )


def _new_deployment(before: Output, after: Output, settings: tuple[Difference, ...]) -> OutputChange:
    old, new = next(
        (before.stacks[name], stack)
        for name, stack in after.stacks.items()
        if name in before.stacks and before.stacks[name].place != stack.place
    )
    impacts = [
        Impact(
            ImpactCategory.NEW_DEPLOYMENT,
            f"All resources are created again: {_size_summary(after)}, with names like `{new.name}`. "
            f"The existing deployment ({_size_summary(before)}, with names like `{old.name}`) keeps running and "
            "incurring cost until you destroy it.",
        ),
        *find_name_collisions(before, after),
        *compare_authorities(before, after),
    ]
    if data := list(_data(before)):
        text = "The new deployment starts without data. The existing deployment keeps:"
        impacts.append(Impact(ImpactCategory.ORPHANED, text, tuple(data)))
    return OutputChange(
        environment=after.environment,
        settings=settings,
        impacts=sort_by_risk(impacts),
        capacity_before=(least(before), most(before)),
        capacity_after=(least(after), most(after)),
        cost_before=cost_of(before),
        cost_after=cost_of(after),
    )


def _hosts(before: Output, after: Output) -> Iterator[tuple[str, Group, Group]]:
    old, new = groups(before), groups(after)
    for component in new:
        if component in old and old[component] != new[component]:
            yield after.stacks[component].title, old[component], new[component]


def _size_summary(output: Output) -> str:
    stack = next(iter(output.stacks.values()))
    sizes = f"{pluralize(len(output.stacks), 'stack')} with {pluralize(len(output.resources), 'resource')}"
    return f"{sizes} in {stack.region} of account {stack.account}"


def _data(output: Output) -> Iterator[str]:
    for resource in output.resources.values():
        if holds_data(resource) and resource.type not in {"AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"}:
            yield resource_reference(resource)


def _services(output: Output, components: Iterable[str]) -> Iterator[str]:
    own = groups(output)
    for component in components:
        if component in own:
            yield f"{output.stacks[component].title}: {hosts(own[component])}"


def _stacks(before: Output, after: Output) -> Iterator[Impact]:
    own = groups(after)
    for component, stack in after.stacks.items():
        if component not in before.stacks:
            on = f" on {hosts(own[component])}" if component in own else ""
            size = pluralize(len(stack.resources), "resource")
            yield Impact(ImpactCategory.ADDED, f"**{stack.title}**{on}: new stack `{stack.name}` with {size}.")
    for component, stack in before.stacks.items():
        if component not in after.stacks:
            served = (
                " Requests for this model fail once the gateway is deployed." if component.startswith(_MODEL) else ""
            )
            left = f"`lisa deploy --allow-destroy` destroys its stack `{stack.name}` before deploying the other stacks."
            yield Impact(
                ImpactCategory.REMOVED, f"**{stack.title}** is no longer part of the deployment.{served} {left}"
            )


def _resource_changes(changes: Iterable[ResourceChange], before: Output, after: Output) -> Iterator[Impact]:
    """Serving resources that are added to or removed from an existing stack."""
    own = [change for change in changes if change.resource.type in SERVING_TYPES]
    for effect, category, words, sides in (
        (Effect.REMOVED, ImpactCategory.REMOVED, "removes", after.stacks),
        (Effect.ADDED, ImpactCategory.ADDED, "adds", before.stacks),
    ):
        for component in sides:
            found = [c.resource for c in own if c.effect is effect and c.resource.component == component]
            if effect is Effect.REMOVED:  # resources with data are reported by find_data_loss
                found = [resource for resource in found if not holds_data(resource)]
            names = [resource_reference(resource) for resource in found]
            shown = names if len(names) <= _NAMED else [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more"]
            if found:
                yield Impact(category, f"**{sides[component].title}** {words} {join_list(shown)}.")


def _external_models(settings: Iterable[Difference]) -> Iterator[Impact]:
    for difference in settings:
        if difference.path[:2] != ("litellmConfig", "model_list"):
            continue
        if len(difference.path) == 2:
            sides = ({e["model_name"]: e for e in side or () if side is not ABSENT} for side in _lists(difference))
            old, new = sides
        elif len(difference.path) == 3:
            key = str(difference.path[2])
            old, new = ({key: side} if side is not ABSENT else {} for side in (difference.before, difference.after))
        else:
            continue
        for name in new.keys() - old.keys():
            yield Impact(
                ImpactCategory.BROADER_ACCESS,
                f"The gateway serves `{name}` and sends requests for it {_target(new[name])}.",
            )
        for name in old.keys() - new.keys():
            yield Impact(ImpactCategory.REMOVED, f"The gateway no longer serves `{name}`.")


def _lists(difference: Difference) -> tuple[list[Any], list[Any]]:
    before, after = ([] if side is ABSENT else side for side in (difference.before, difference.after))
    return before, after


def _target(entry: Mapping[str, Any]) -> str:
    parameters = entry.get("litellm_params", {})
    model = str(parameters.get("model", ""))
    provider = model.partition("/")[0]
    if parameters.get("api_base"):
        return f"to `{parameters['api_base']}`"
    if provider in {"bedrock", "sagemaker", "sagemaker_chat"}:
        return f"to {provider.partition('_')[0].capitalize()} (`{model.partition('/')[2]}`)"
    return f"outside the account, to the provider `{provider}`"


def _compare_group_access(before: Output, after: Output) -> Iterator[Impact]:
    if before.configuration().get("accessConfig") != after.configuration().get("accessConfig"):
        from lisa_compiler.review.group_access import compare_group_access  # noqa: PLC0415  # models: 0.2 s

        yield from compare_group_access(before, after)
