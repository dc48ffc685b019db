"""Which methods of the API answer without the authorizer, and that the others use it and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lisa_compiler.plan.routes import API_ROUTES
from lisa_compiler.policy.rules.rule import Violation
from lisa_compiler.policy.templates import Template

_WEBSITE: Final = "ui"
_DEPTH: Final = 20
"""Parts of a path at most, so that resources that refer to each other end."""

_OPEN: Final = {(one.method, one.path) for one in API_ROUTES if one.open}


def open_methods(template: Template) -> Iterator[Violation]:
    """Find methods that answer without the authorizer, although the plan has them behind it."""
    for logical_id, method in template.of_type("AWS::ApiGateway::Method"):
        if _is_authorized(method) or _is_public(template, method):
            continue
        path = path_of(template, method.get("ResourceId"))
        yield Violation(logical_id, f"`{method.get('HttpMethod')} {path}` does not use the authorizer of the API.")
    for logical_id, address in template.of_type("AWS::Lambda::Url"):
        if address.get("AuthType") != "AWS_IAM":
            yield Violation(logical_id, "The function has a URL that bypasses the authorizer.")


def path_of(template: Template, resource: Any) -> str:
    """Return the path of a method's resource; `?` begins it where a resource is not in the template."""
    parts: list[str] = []
    while len(parts) < _DEPTH:
        name = resource.get("Ref") if isinstance(resource, Mapping) else None
        if name == "ApiRootId":
            return "/" + "/".join(reversed(parts))
        properties = template.resources.get(str(name), {}).get("Properties", {})
        if "PathPart" not in properties:
            break
        parts.append(str(properties["PathPart"]))
        resource = properties.get("ParentId")
    return "?/" + "/".join(reversed(parts))


def _is_authorized(method: Mapping[str, Any]) -> bool:
    return method.get("AuthorizationType") == "CUSTOM" and method.get("AuthorizerId") == {"Ref": "AuthorizerId"}


def _is_public(template: Template, method: Mapping[str, Any]) -> bool:
    """Return whether a method is a preflight answer, the documentation of the API or a file of the website."""
    integration = method.get("Integration", {})
    if method.get("HttpMethod") == "OPTIONS":
        return bool(integration.get("Type") == "MOCK")
    if template.component == _WEBSITE:
        reads = method.get("HttpMethod") == "GET" and integration.get("IntegrationHttpMethod") == "GET"
        return reads and integration.get("Type") == "AWS" and ":s3:path/" in str(integration.get("Uri"))
    return (method.get("HttpMethod"), path_of(template, method.get("ResourceId"))) in _OPEN
