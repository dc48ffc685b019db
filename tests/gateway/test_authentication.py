"""Who is let in: API tokens in each of their states, and people of the identity provider."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from gateway.conftest import TOKEN, Aws, Issuer, issuer_process, settings
from gateway.person import sign_in
from gateway.processes import Gateway, gateway
from gateway.relay import Relay
from gateway.stub_model import StubModel
from lisa_compiler.dev.processes import free_port


@pytest.fixture(scope="module")
def guarded(aws: Aws, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose identity provider is there."""
    from gateway.stub_model import serving

    with serving() as stub:
        environment = settings(aws, issuer.url, stub.url)
        with gateway(tmp_path_factory.mktemp("guarded"), environment) as found:
            yield found


def get(gateway: Gateway, headers: dict[str, str] | None = None, path: str = "/v2/serve/models") -> requests.Response:
    return requests.get(f"{gateway.url}{path}", headers=headers or {}, timeout=15)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers",
    [
        bearer(TOKEN),
        {"Authorization": f"bearer  {TOKEN} "},
        {"Api-Key": TOKEN},
        {"Api-Key": TOKEN, "Authorization": "Bearer not-a-token"},
        {"Api-Key": "not-a-token", "Authorization": f"Bearer {TOKEN}"},
    ],
)
def test_api_tokens_in_either_header(served: Gateway, headers: dict[str, str]) -> None:
    assert get(served, headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(""),
        bearer("unknown"),
        bearer(f"{TOKEN}x"),
        bearer(TOKEN.upper()),
        bearer("x" * 3000),
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Api-Key": "unknown"},
        {"X-Api-Key": TOKEN},
    ],
)
@pytest.mark.parametrize("path", ["/v2/serve/models", "/v1/listModels", "/openapi.json", "/docs", "/nothing"])
def test_nobody_else(served: Gateway, headers: dict[str, str], path: str) -> None:
    answer = get(served, headers, path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")
    assert TOKEN not in answer.text


def test_health_needs_no_token(served: Gateway) -> None:
    assert get(served, path="/health").json() == {"status": "OK"}


def test_a_token_that_expires_later(served: Gateway, aws: Aws) -> None:
    token = uuid.uuid4().hex
    aws.put_token(token, time.time() + 2)
    assert get(served, bearer(token)).status_code == 200
    time.sleep(2.1)
    assert get(served, bearer(token)).status_code == 401


def test_a_token_that_has_expired(served: Gateway, aws: Aws) -> None:
    token = uuid.uuid4().hex
    aws.put_token(token, time.time() - 1)
    assert get(served, bearer(token)).status_code == 401


def test_a_token_whose_expiration_is_not_a_number_has_ended(served: Gateway, aws: Aws) -> None:
    token = uuid.uuid4().hex
    aws.put_token(token, tokenExpiration={"S": "tomorrow"})
    assert get(served, bearer(token)).status_code == 401


def test_a_token_that_is_added_counts_within_seconds(served: Gateway, aws: Aws) -> None:
    token = uuid.uuid4().hex
    assert get(served, bearer(token)).status_code == 401
    aws.put_token(token)
    deadline = time.monotonic() + 8
    while get(served, bearer(token)).status_code == 401:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_people_of_the_identity_provider(guarded: Gateway, issuer: Issuer) -> None:
    assert get(guarded, bearer(sign_in(issuer.url, "bob"))).status_code == 200


def test_administrators_may_manage_the_proxy_and_others_not(guarded: Gateway, issuer: Issuer) -> None:
    assert get(guarded, bearer(sign_in(issuer.url, "ada")), "/v2/serve/model/info").status_code == 200
    assert get(guarded, bearer(sign_in(issuer.url, "bob")), "/v2/serve/model/info").status_code == 403
    assert get(guarded, bearer(TOKEN), "/v2/serve/model/info").status_code == 403


def test_people_come_by_the_authorization_header_alone(guarded: Gateway, issuer: Issuer) -> None:
    assert get(guarded, {"Api-Key": sign_in(issuer.url, "bob")}).status_code == 401


def test_tokens_for_another_application(guarded: Gateway, issuer: Issuer) -> None:
    answer = get(guarded, bearer(sign_in(issuer.url, "ada", "other-client")))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_changed_token(guarded: Gateway, issuer: Issuer) -> None:
    header, payload, signature = sign_in(issuer.url, "bob").split(".")
    assert get(guarded, bearer(f"{header}.{payload[:-4]}AAAA.{signature}")).status_code == 401


def test_rotation_of_the_issuers_key(aws: Aws, issuer: Issuer, stub: StubModel, tmp_path: Path) -> None:
    with issuer_process(tmp_path, free_port()) as own, gateway(tmp_path, settings(aws, own.url, stub.url)) as found:
        before = sign_in(own.url, "bob")
        assert get(found, bearer(before)).status_code == 200
        requests.post(f"{own.url}/rotate", timeout=5)
        after = sign_in(own.url, "ada")
        deadline = time.monotonic() + 14
        while (status := get(found, bearer(after)).status_code) != 200:
            assert status == 401
            assert time.monotonic() < deadline
            time.sleep(0.5)


def test_an_issuer_that_comes_late_and_goes(aws: Aws, issuer: Issuer, stub: StubModel, tmp_path: Path) -> None:
    port = free_port()
    with gateway(tmp_path, settings(aws, f"http://127.0.0.1:{port}", stub.url)) as found:
        with issuer_process(tmp_path, free_port()) as another:
            foreign = sign_in(another.url, "bob")
        answer = get(found, bearer(foreign))
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "unavailable"
        assert get(found, bearer(TOKEN)).status_code == 200
        with issuer_process(tmp_path, port) as own:
            first, second = sign_in(own.url, "bob"), sign_in(own.url, "ada")
            deadline = time.monotonic() + 14
            while get(found, bearer(first)).status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.5)
        assert get(found, bearer(second)).status_code == 200
        assert get(found, bearer(foreign)).status_code == 401


def test_dynamodb_that_does_not_answer(aws: Aws, stub: StubModel, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = settings(aws, "http://127.0.0.1:1", stub.url)
        environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with gateway(tmp_path, environment) as found:
            began = time.monotonic()
            answer = get(found, bearer(TOKEN))
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
            assert time.monotonic() - began < 7


def test_dynamodb_that_stops_to_answer(aws: Aws, stub: StubModel, tmp_path: Path) -> None:
    """A token that was good goes on to work, without its requests waiting; an unknown one gets 503 in time."""
    with Relay(aws.endpoint) as relay:
        environment = settings(aws, "http://127.0.0.1:1", stub.url) | {"AWS_ENDPOINT_URL": relay.url}
        with gateway(tmp_path, environment) as found:
            assert get(found, bearer(TOKEN)).status_code == 200
            relay.hang()
            began = time.monotonic()
            answer = get(found, bearer("unknown"))
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
            assert time.monotonic() - began < 7
            # What is remembered of a good token without a look-up ends after 45 seconds.
            time.sleep(max(0.0, began + 46 - time.monotonic()))
            times = []
            for _ in range(5):
                began = time.monotonic()
                assert get(found, bearer(TOKEN)).status_code == 200
                times.append(time.monotonic() - began)
            assert max(times) < 2.5
            assert sorted(times)[2] < 0.5


def test_dynamodb_that_fails(aws: Aws, stub: StubModel, tmp_path: Path) -> None:
    environment = settings(aws, "http://127.0.0.1:1", stub.url) | {"TOKEN_TABLE_NAME": "no-such-table"}
    with gateway(tmp_path, environment) as found:
        assert get(found, bearer(TOKEN)).status_code == 503
        assert TOKEN not in found.log.read_text()


def test_without_authentication_everybody_comes_in(aws: Aws, stub: StubModel, tmp_path: Path) -> None:
    environment = settings(aws, "", stub.url) | {"USE_AUTH": "false"}
    with gateway(tmp_path, environment) as found:
        assert get(found).status_code == 200
        assert get(found, path="/v2/serve/model/info").status_code == 403
