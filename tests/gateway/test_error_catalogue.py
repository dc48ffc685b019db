"""The error codes: each in the catalogue, each raised somewhere, and the page that is written from them."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
import requests

import lisa_gateway
import write_error_reference
from gateway.conftest import TOKEN
from gateway.processes import ROOT, Gateway
from lisa_gateway import errors
from lisa_gateway.error_catalogue import CATALOGUE

SOURCES = sorted((ROOT / "runtime" / "gateway" / "lisa_gateway").rglob("*.py"))
# LiteLLM's process imports it, which this environment does not have; its errors are of classes in `errors`.
NOT_IMPORTED = {"lisa_gateway.__main__", "lisa_gateway.proxy_authorization"}


def kinds() -> Iterator[type[Any]]:
    """Every class of the gateway that has a code."""
    for module in pkgutil.walk_packages(lisa_gateway.__path__, "lisa_gateway."):
        if module.name not in NOT_IMPORTED:
            importlib.import_module(module.name)
    found: list[type[Any]] = [errors.GatewayError, errors.UpstreamInterruptedError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return iter(dict.fromkeys(found))


def assignments_of(attribute: str) -> Iterator[ast.Assign]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else []
            if any(isinstance(target, ast.Attribute) and target.attr == attribute for target in targets):
                yield node  # type: ignore[misc]


def test_every_error_is_in_the_catalogue() -> None:
    codes = set()
    for kind in kinds():
        entry = CATALOGUE.get(kind.code)
        assert entry is not None, f"{kind.__name__}: add {kind.code} to lisa_gateway/error_catalogue.py"
        status = getattr(kind, "status", 200)
        assert not entry.statuses or status in entry.statuses, kind
        codes.add(kind.code)
    # A class may have several codes, by what it was made with.
    codes |= {node.value.value for node in assignments_of("code") if isinstance(node.value, ast.Constant)}
    assert codes == set(CATALOGUE)


def test_every_error_is_raised_somewhere() -> None:
    called = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(node.func.id)
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name):
                called.add(node.exc.id)
            if isinstance(node, ast.IfExp):
                called.update(each.id for each in (node.body, node.orelse) if isinstance(each, ast.Name))
    unused = {kind.__name__ for kind in kinds()} - called
    assert not unused


def test_texts_say_what_is_wrong_and_what_to_do() -> None:
    assert list(CATALOGUE) == sorted(CATALOGUE)
    for entry in CATALOGUE.values():
        assert entry.meaning.endswith(".")
        assert entry.action.endswith(".")
        assert "|" not in entry.sentence


def test_page_is_what_the_code_says() -> None:
    assert write_error_reference.PAGE.read_text(encoding="utf-8") == write_error_reference.page()


@pytest.mark.parametrize(
    ("method", "path", "given", "code"),
    [
        ("GET", "/v2/serve/models", {"headers": {}}, "invalid_api_key"),
        ("GET", "/nothing", {}, "not_found"),
        ("GET", "/v1/nothing", {}, "not_found"),
        ("DELETE", "/v2/serve/models", {}, "method_not_allowed"),
        ("DELETE", "/v1/listModels", {}, "method_not_allowed"),
        ("GET", "/v2/serve/settings", {}, "forbidden"),
        ("GET", "/v2/serve/models?api_key=x", {}, "unsupported_parameter"),
        ("POST", "/v2/serve/chat/completions", {"data": b"\xff\xfe{"}, "invalid_body"),
        ("POST", "/v2/serve/chat/completions", {"json": [[[]] * 20_000]}, "request_too_large"),
        ("POST", "/v1/generate", {"json": {}}, "invalid_request"),
    ],
)
def test_every_error_has_its_request_id(
    served: Gateway, method: str, path: str, given: dict[str, Any], code: str
) -> None:
    answer = requests.request(method, f"{served.url}{path}", **({"headers": {"Api-Key": TOKEN}, "timeout": 20} | given))
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code", "request_id"}
    assert (error["code"], error["request_id"]) == (code, answer.headers["X-Request-ID"])
    assert answer.status_code in CATALOGUE[code].statuses
    assert error["message"].endswith(".")
