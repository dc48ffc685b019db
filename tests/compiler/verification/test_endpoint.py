"""Verification of the gateway: its answers, its address and its certificate, each fault with its fix."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lisa_compiler.starter.certificates import make_certificate
from lisa_compiler.verification import endpoint as endpoint_module
from lisa_compiler.verification.check import Outcome
from lisa_schema.errors import LisaError

from .conftest import MODEL, Gateway, System, serve

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment


@pytest.mark.parametrize(
    ("status", "body", "detail", "fix"),
    [
        (401, {"error": "expired"}, "answers 401", "valid token"),
        (403, {"error": "group"}, "answers 403", "with permission for this model"),
        (404, {"error": "no model"}, "answers 404", "lisa deploy"),
        (503, "upstream", "answers 503: upstream", "checks of the model"),
        (504, "late", "answers 504", "--timeout"),
        (500, {"error": "x" * 900}, "…", "logs"),
        (302, "", "answers 302", "logs"),
        (200, "<html>", "not JSON", "logs"),
        (200, {"choices": []}, "without the result", "logs"),
        (200, {"choices": [{"message": {"content": ""}}]}, "without the result", "logs"),
        (200, [], "without the result", "logs"),
    ],
)
def test_completion_fault_is_reported(system: System, status: int, body: Any, detail: str, fix: str) -> None:
    system.gateway.answers["/v2/serve/chat/completions"] = (status, body)
    check = system.failure()
    assert (check.component, check.subject) == (MODEL, "completion")
    assert detail in check.detail
    assert fix in check.fix
    assert "/elsewhere" not in {path for path, _, _ in system.gateway.requests}


@pytest.mark.parametrize("body", [{"data": []}, {"data": [{"embedding": []}]}, '{"data": [{"embedding": [NaN]}]}'])
def test_embedding_fault_is_reported(system: System, body: Any) -> None:
    system.gateway.answers["/v2/serve/embeddings"] = (200, body)
    assert (system.failure().component, system.failure().subject) == ("model-embed", "embedding")


def test_requests_without_token_are_not_verified(system: System) -> None:
    checks = system.check(token=None)
    (unverified,) = [check for check in checks if check.outcome is not Outcome.PASSED]
    assert (unverified.outcome, unverified.subject) == (Outcome.UNKNOWN, "requests")
    assert "LISA_API_TOKEN" in unverified.fix
    assert [path for path, _, _ in system.gateway.requests] == ["/health"]


def test_wrong_token_is_reported_and_not_shown(system: System) -> None:
    checks = system.failures(token="secret-of-another")
    assert {check.subject for check in checks} == {"completion", "embedding"}
    assert "secret-of-another" not in str(checks)
    assert "secret-of-another" not in repr(
        endpoint_module.Endpoint("http://x", "secret-of-another", None, 1, is_internal=False)
    )


def test_gateway_that_is_not_healthy_is_reported_once(system: System) -> None:
    system.gateway.answers["/health"] = (503, {"status": "starting"})
    check = system.failure()
    assert (check.component, check.subject) == ("serve", "address")
    assert "answers 503" in check.detail


def test_address_that_does_not_resolve_is_reported(system: System) -> None:
    check = system.failure(url="https://gateway.invalid")
    assert "cannot be resolved" in check.detail
    assert "DNS record" in check.fix


def test_address_that_rejects_connections_is_reported(system: System) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    check = system.failure(url=f"http://127.0.0.1:{port}")
    assert "rejects the connection" in check.detail
    assert "security group" in check.fix


def test_address_that_does_not_answer_is_reported(system: System) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        check = system.failure(url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
    assert "in time" in check.detail
    assert "in the VPC" in check.fix


def test_internal_address_out_of_reach_is_not_verified(planned: Callable[..., Deployment], gateway: Gateway) -> None:
    from tests.compiler.conftest import MINIMAL

    internal = System(planned(restApiConfig={**MINIMAL["restApiConfig"], "internetFacing": False}), gateway)
    checks = internal.check(url="https://gateway.invalid")
    (check,) = [check for check in checks if check.outcome is not Outcome.PASSED]
    assert (check.outcome, check.subject) == (Outcome.UNKNOWN, "address")
    gateway.answers["/health"] = (503, "")
    assert internal.failure().subject == "address"


@pytest.fixture
def secure(planned: Callable[..., Deployment], tmp_path: Path) -> Callable[..., tuple[System, Path]]:
    """A gateway with TLS, whose certificate has these names and days, and the file to trust it by."""

    def start(name: str, days: int) -> tuple[System, Path]:
        pair = make_certificate([name], days=days)
        certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
        certificate.write_bytes(pair.certificate)
        key.write_bytes(pair.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        gateway = Gateway()
        serve(gateway, lambda plain: context.wrap_socket(plain, server_side=True))
        return System(planned(), gateway), certificate

    return start


def test_certificate_is_trusted_by_its_bundle(secure: Callable[..., tuple[System, Path]]) -> None:
    system, certificate = secure("localhost", 90)
    assert system.failures(ca_bundle=certificate) == []
    check = system.failure()
    assert "not trusted" in check.detail
    assert "--ca-bundle" in check.fix


def test_certificate_for_another_name_is_reported(secure: Callable[..., tuple[System, Path]]) -> None:
    system, certificate = secure("lisa.example.com", 90)
    check = system.failure(ca_bundle=certificate)
    assert "does not match localhost" in check.detail
    assert "domainName" in check.fix


def test_certificate_that_expires_soon_is_reported(secure: Callable[..., tuple[System, Path]]) -> None:
    system, certificate = secure("localhost", 20)
    check = system.failure(ca_bundle=certificate)
    assert (check.subject, check.detail) == ("certificate", "valid for 19 more days")
    assert "Renew" in check.fix


def test_bundle_that_is_no_pem_is_an_error(system: System, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.write_text("no certificate")
    with pytest.raises(LisaError, match="--ca-bundle"):
        system.check(ca_bundle=bundle)
