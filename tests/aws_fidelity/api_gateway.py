"""API Gateway's REST API and the Lambda functions behind it, as far as they limit or reject what the stacks compile.

Figures: API Gateway Developer Guide, "Quotas for configuring and running a REST API"; AWS Lambda Developer
Guide, "Lambda quotas". The answer's size is that of Lambda's runtime: awslambdaric, `lambda_runtime_marshaller`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

INTEGRATION_SECONDS = 29
PAYLOAD_BYTES = 10 * 1024 * 1024
LAMBDA_PAYLOAD_BYTES = 6 * 1024 * 1024
REQUEST_LINE_AND_HEADERS_BYTES = 10_240
POLICY_BYTES = 8192
RESOURCES = 300
STAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
PATH_PART = re.compile(r"[A-Za-z0-9._\-:$]+|\{[A-Za-z0-9._\-:$]+\+?\}")

Templates = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Method:
    """A method of the API.

    Attributes:
        path: as API Gateway writes it.
        verb: HTTP method, or `ANY`.
        properties: of the template.
        function: properties of the function behind it; None for another integration.
    """

    path: str
    verb: str
    properties: Mapping[str, Any]
    function: Mapping[str, Any] | None


def _of_type(template: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    return {
        name: found["Properties"] for name, found in template["Resources"].items() if found["Type"] == f"AWS::{kind}"
    }


def methods(templates: Templates) -> Iterator[Method]:
    """All methods of the API, whichever stack adds them."""
    for template in templates.values():
        resources = _of_type(template, "ApiGateway::Resource")
        functions = _of_type(template, "Lambda::Function")
        for properties in _of_type(template, "ApiGateway::Method").values():
            uri = json.dumps(properties["Integration"].get("Uri", ""))
            behind = [found for name, found in functions.items() if f'"{name}"' in uri]
            yield Method(
                _path(properties["ResourceId"], resources),
                properties["HttpMethod"],
                properties,
                next(iter(behind), None),
            )


def _path(reference: Mapping[str, str], resources: Mapping[str, Mapping[str, Any]]) -> str:
    found = resources.get(reference["Ref"])
    if found is None:
        return ""
    return f"{_path(found['ParentId'], resources)}/{found['PathPart']}"


def faults_of_paths(templates: Templates) -> list[str]:
    """Why API Gateway rejects the resources: syntax, greedy variables, siblings, number."""
    faults = []
    children: dict[str, list[str]] = {}
    for template in templates.values():
        resources = _of_type(template, "ApiGateway::Resource")
        for found in resources.values():
            part, parent = found["PathPart"], _path(found["ParentId"], resources)
            children.setdefault(parent, []).append(part)
            if not PATH_PART.fullmatch(part):
                faults.append(f"{parent}/{part}: syntax")
            if "+}" in parent:
                faults.append(f"{parent}/{part}: below a greedy variable")
    for parent, parts in children.items():
        if len(parts) != len(set(parts)):
            faults.append(f"{parent}: a part is there twice")
        if sum(part.startswith("{") for part in parts) > 1:
            faults.append(f"{parent}: two variables")
    if 1 + sum(map(len, children.values())) > RESOURCES:
        faults.append("too many resources")
    return faults


def lambda_answer_bytes(answer: Mapping[str, Any], python: tuple[int, int]) -> int:
    """Bytes that the runtime of a Python version sends for a function's answer."""
    return len(json.dumps(answer, ensure_ascii=python < (3, 12)).encode())


def answered(answer: Mapping[str, Any], python: tuple[int, int]) -> int:
    """Status that a client gets for a function's answer."""
    return 502 if lambda_answer_bytes(answer, python) > LAMBDA_PAYLOAD_BYTES else int(answer["statusCode"])


def accepts_request(method: str, path_and_query: str, headers: Mapping[str, str]) -> bool:
    """Whether the request line and the headers' values are within the limit."""
    return (
        len(f"{method} {path_and_query} HTTP/1.1".encode()) + sum(len(value.encode()) for value in headers.values())
        <= REQUEST_LINE_AND_HEADERS_BYTES
    )
