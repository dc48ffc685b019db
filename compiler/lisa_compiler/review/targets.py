"""Targets: find the file, resource or value that a path, logical id or name refers to."""

from __future__ import annotations

import re

from lisa_compiler.provenance.index import Place
from lisa_compiler.review.output import Output, Resource
from lisa_compiler.review.update_behavior import name_property
from lisa_schema.errors import LisaError

_TEMPLATE = re.compile(r"(?:generated/[^/]+/)?cloudformation/([^/:]+)\.template\.json(?::(.+))?\Z")
_OUTPUT = re.compile(r"generated/[^/]+/(.+)\Z")
_HASHED = re.compile(r"[0-9A-F]{8}\Z")
_NAMED = 4
"""Resources that an error names."""


class ExplainError(LisaError):
    """The target is neither a generated value nor a configuration key."""


def find(output: Output, target: str) -> Place:
    """Find the target; a Place without a name is a complete stack.

    Raises:
        ExplainError: there is nothing of that name, or more than one.
    """
    if match := _TEMPLATE.search(target):
        component, inner = match.groups()
        if component not in output.stacks:
            raise ExplainError(f"Unknown stack `{component}`. Use one of: {', '.join(output.stacks)}.")
        return _resource(output, inner, component) if inner else Place(component, "")
    file = match[1] if (match := _OUTPUT.search(target)) else target
    if file in output.digests:
        return Place("", file)
    component, slash, inner = target.partition("/")
    if slash and component in output.stacks:
        return _resource(output, inner, component)
    return Place(target, "") if target in output.stacks else _resource(output, target, None)


def _resource(output: Output, text: str, component: str | None) -> Place:
    logical_id, _, path = text.removeprefix("Resources.").partition(".")
    path = path.removeprefix("Properties.").removeprefix("Properties")
    found = [
        resource
        for resource in output.resources.values()
        if component in (None, resource.component) and _is_named(resource, logical_id, text)
    ]
    if len(found) == 1:
        return Place(found[0].component, found[0].logical_id, path if _has_id(found[0], logical_id) else "")
    if found:
        names = [f"`{resource.component}/{resource.logical_id}`" for resource in found]
        raise ExplainError(f"`{logical_id}` is in several stacks. Specify {' or '.join(names[:_NAMED])}.")
    raise ExplainError(
        f"`{text}` is neither a configuration key nor a file or resource in generated/{output.environment}. Specify a "
        "key as `ecsModels[0].instanceType`, a file by its path, a resource as `serve/TokenTable`."
    )


def _is_named(resource: Resource, logical_id: str, text: str) -> bool:
    name = name_property(resource.type)
    given = resource.properties.get(name) if name else None
    return _has_id(resource, logical_id) or given == text


def _has_id(resource: Resource, logical_id: str) -> bool:
    return logical_id in (resource.logical_id, _HASHED.sub("", resource.logical_id))
