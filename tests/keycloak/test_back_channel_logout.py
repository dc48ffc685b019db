"""Back-channel logout with Keycloak: what it sends is recorded, and gateway and authorizer refuse the ended tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
import requests

from gateway.conftest import SIGN_OUTS, Aws, settings, stored_item
from gateway.processes import Gateway, gateway
from gateway.stub_model import serving
from keycloak.server import CLIENT, Keycloak
from lisa_lambdas.authorizer import handler as authorizer
from lisa_lambdas.sign_outs import handler as sign_outs
from lisa_lambdas.sign_outs.api import PATH
from lisa_tokens import new_token
from runtime.lambdas.proxy_events import CONTEXT, proxy_event

pytestmark = pytest.mark.xdist_group("keycloak")

_BOUND_SECONDS = 60
_ARN = "arn:aws:execute-api:us-east-1:123456789012:abc123/dev/GET/session"
_FORM = "application/x-www-form-urlencoded"


@dataclass
class Api:
    """The address for sign-outs as API Gateway has it: each request is an event for the function's handler."""

    url: str = ""
    received: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def wait(self, number: int) -> None:
        """Wait until so many requests have been answered."""
        deadline = time.monotonic() + 30
        while len(self.statuses) < number:
            assert time.monotonic() < deadline, self.statuses
            time.sleep(0.1)


@contextmanager
def api() -> Iterator[Api]:
    found = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found.received.append(body)
            event = proxy_event("POST", self.path, caller=None, headers=dict(self.headers.items()), body=body)
            answer = sign_outs.handler(event, CONTEXT)
            self.send_response(answer["statusCode"])
            self.end_headers()
            self.wfile.write(answer["body"].encode())
            found.statuses.append(answer["statusCode"])

        def log_message(self, *_: object) -> None:
            """Keep the output of the tests clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}{PATH}"
        yield found
        server.shutdown()


@pytest.fixture(scope="module")
def functions(provider: Keycloak, aws: Aws) -> Iterator[None]:
    """The environment of both functions, whose handlers run in this process."""
    environment = {
        **aws.environment,
        "AWS_DEFAULT_REGION": aws.environment["AWS_REGION"],
        "AUTHORITY": provider.authority,
        "CLIENT_ID": CLIENT,
        "SIGN_OUT_TABLE_NAME": SIGN_OUTS,
    }
    caches = (sign_outs._app, authorizer._verifier, authorizer._sign_outs)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        for cache in caches:
            cache.cache_clear()
        yield
        for cache in caches:
            cache.cache_clear()


@pytest.fixture(scope="module")
def served(
    functions: None, provider: Keycloak, aws: Aws, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with serving() as stub:
        environment = settings(aws, provider.authority, stub.url) | {"SIGN_OUT_TABLE_NAME": SIGN_OUTS}
        with gateway(tmp_path_factory.mktemp("gateway"), environment) as found:
            yield found


@pytest.fixture
def address(provider: Keycloak, functions: None) -> Iterator[Api]:
    """The address, which Keycloak tells of the application's sign-outs."""
    with api() as found:
        provider.tell_of_logouts(found.url)
        yield found


def status(served: Gateway, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{served.url}/v2/serve/models", headers=headers, timeout=15).status_code


def passes(token: str) -> bool:
    try:
        authorizer.handler({"methodArn": _ARN, "headers": {"Authorization": f"Bearer {token}"}}, None)
    except authorizer.Unauthorized:
        return False
    return True


def assert_refused_soon(served: Gateway, *tokens: str) -> None:
    """Use tokens all the time, and see that the gateway refuses all of them within the bound."""
    began = time.monotonic()
    while [status(served, token) for token in tokens] != [401] * len(tokens):
        assert time.monotonic() - began < _BOUND_SECONDS
        time.sleep(0.25)


def test_an_administrator_ends_all_sessions_of_a_person(
    provider: Keycloak, served: Gateway, address: Api, aws: Aws
) -> None:
    first, second, other = (provider.sign_in(name) for name in ("bob", "bob", "ada"))
    of_bob = [tokens[kind] for tokens in (first, second) for kind in ("access_token", "id_token")]
    subject = jwt.decode(first["id_token"], options={"verify_signature": False})["sub"]
    secret = new_token()
    aws.put(stored_item(secret, owner=subject, owner_type="user"))
    assert [status(served, token) for token in of_bob] == [200] * 4
    assert [passes(token) for token in of_bob] == [True] * 4
    # Keycloak 26 reports one session of several that an administrator ends; without sessions, it reports the person.
    provider.tell_of_logouts(address.url, names_session=False)
    provider.sign_out_everywhere("bob")
    address.wait(1)
    assert address.statuses == [200]
    assert [passes(token) for token in of_bob] == [False] * 4
    assert_refused_soon(served, *of_bob)
    assert (status(served, other["access_token"]), passes(other["access_token"])) == (200, True)
    assert status(served, secret) == 200  # API tokens are no sessions.
    again = provider.sign_in("bob")
    assert [status(served, again[kind]) for kind in ("access_token", "id_token")] == [200, 200]
    assert passes(again["id_token"])


def test_a_person_signs_out_of_one_session(provider: Keycloak, served: Gateway, address: Api) -> None:
    ended, other = provider.sign_in("bob"), provider.sign_in("bob")
    assert passes(ended["id_token"])
    provider.sign_out(ended["id_token"])
    address.wait(1)
    assert address.statuses == [200]
    for tokens, is_over in ((ended, True), (other, False)):
        for kind in ("access_token", "id_token"):
            assert passes(tokens[kind]) != is_over
            # Not used before, so that the gateway remembers nothing.
            assert status(served, tokens[kind]) == (401 if is_over else 200)


def test_what_keycloak_sent_is_refused_the_second_time(provider: Keycloak, address: Api) -> None:
    provider.sign_in("bob")
    provider.sign_out_everywhere("bob")
    address.wait(1)
    headers = {"Content-Type": _FORM}
    again = requests.post(address.url, data=address.received[0], headers=headers, timeout=15)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_request")
    assert "received before" in again.json()["message"]


def test_a_logout_token_for_another_application_is_refused(provider: Keycloak, address: Api) -> None:
    provider.tell_of_logouts(address.url, "other-client")
    tokens = provider.sign_in("ada", "other-client")
    provider.sign_out(tokens["id_token"])
    address.wait(1)
    assert address.statuses == [400]
    assert passes(provider.sign_in("ada")["id_token"])


def test_an_access_token_is_no_logout_token(provider: Keycloak, address: Api) -> None:
    tokens = provider.sign_in("ada")
    for kind in ("access_token", "id_token", "refresh_token"):
        answer = requests.post(address.url, data={"logout_token": tokens[kind]}, timeout=15)
        assert answer.status_code == 400
    assert passes(tokens["id_token"])
