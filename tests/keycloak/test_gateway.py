"""People who sign in with Keycloak, and what the gateway accepts of what Keycloak signs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
import requests

from gateway.conftest import Aws, settings
from gateway.processes import Gateway, gateway
from gateway.stub_model import serving
from keycloak.server import Keycloak

pytestmark = pytest.mark.xdist_group("keycloak")

_MODELS = "/v2/serve/models"
_ADMINISTRATION = "/v2/serve/model/info"
# The gateway asks for unknown keys at most every ten seconds.
_SECONDS_TO_LEARN = 20


@pytest.fixture(scope="module", params=["groups", "realm_access.roles"])
def served(
    request: pytest.FixtureRequest, provider: Keycloak, aws: Aws, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway for each place where Keycloak states groups: a mapper's claim, and the roles of access tokens."""
    with serving() as stub:
        environment = settings(aws, provider.authority, stub.url) | {"JWT_GROUPS_PROP": request.param}
        with gateway(tmp_path_factory.mktemp("gateway"), environment) as found:
            yield found


def status(gateway: Gateway, token: str, path: str = _MODELS) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{gateway.url}{path}", headers=headers, timeout=15).status_code


def becomes(expected: int, ask: Callable[[], int]) -> None:
    """Wait until a request is answered with a status."""
    deadline = time.monotonic() + _SECONDS_TO_LEARN
    while (found := ask()) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


def test_a_person_is_let_in_and_administrators_may_administer(provider: Keycloak, served: Gateway) -> None:
    user, administrator = (provider.sign_in(name)["access_token"] for name in ("bob", "ada"))
    assert [status(served, token) for token in (user, administrator)] == [200, 200]
    assert [status(served, token, _ADMINISTRATION) for token in (user, administrator)] == [403, 200]


def test_an_id_token_has_the_groups_of_a_mapper_but_no_roles(
    provider: Keycloak, served: Gateway, request: pytest.FixtureRequest
) -> None:
    token = provider.sign_in("ada")["id_token"]
    assert status(served, token) == 200
    has_groups = request.node.callspec.params["served"] == "groups"
    assert status(served, token, _ADMINISTRATION) == (200 if has_groups else 403)


def test_refreshed_tokens_are_accepted_and_the_refresh_token_itself_is_not(provider: Keycloak, served: Gateway) -> None:
    first = provider.sign_in("bob")
    second = provider.refresh(first["refresh_token"])
    assert second["id_token"] != first["id_token"]
    assert [status(served, second[kind]) for kind in ("id_token", "access_token")] == [200, 200]
    assert [status(served, each["refresh_token"]) for each in (first, second)] == [401, 401]


def test_tokens_for_another_client_are_refused(provider: Keycloak, served: Gateway) -> None:
    tokens = provider.sign_in("ada", "other-client")
    assert [status(served, tokens[kind]) for kind in ("id_token", "access_token")] == [401, 401]


def test_tokens_of_another_realm_are_refused(provider: Keycloak, served: Gateway) -> None:
    credentials = {
        "grant_type": "password",
        "client_id": "admin-cli",
        "username": "admin",
        "password": "password-of-admin",
    }
    url = f"{provider.url}/realms/master/protocol/openid-connect/token"
    token = requests.post(url, data=credentials, timeout=60).json()["access_token"]
    assert status(served, token) == 401


def test_a_logout_token_is_no_token_of_a_person(provider: Keycloak, served: Gateway) -> None:
    with logouts() as (url, received):
        provider.tell_of_logouts(url)
        provider.sign_in("bob")
        provider.sign_out_everywhere("bob")
        deadline = time.monotonic() + _SECONDS_TO_LEARN
        while not received:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert status(served, received[0]) == 401


def test_a_person_who_is_signed_out_everywhere_gets_no_new_tokens(provider: Keycloak, served: Gateway) -> None:
    with logouts() as (url, received):
        provider.tell_of_logouts(url)
        tokens = provider.sign_in("bob")
        provider.sign_out_everywhere("bob")
        with pytest.raises(requests.HTTPError, match="400"):
            provider.refresh(tokens["refresh_token"])
        deadline = time.monotonic() + _SECONDS_TO_LEARN
        while not received:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    told, access = (
        jwt.decode(token, options={"verify_signature": False}) for token in (received[0], tokens["access_token"])
    )
    assert (told["sid"], told["sub"]) == (access["sid"], access["sub"])
    # Without backChannelLogout, a token is accepted until it expires, which docs/gateway.md says.
    assert status(served, tokens["access_token"]) == 200
    assert access["exp"] - access["iat"] <= 300


def test_a_new_signing_key_is_learned_and_a_removed_one_forgotten(provider: Keycloak, aws: Aws, tmp_path: Path) -> None:
    with serving() as stub, gateway(tmp_path, settings(aws, provider.authority, stub.url)) as found:
        before = provider.sign_in("bob")["access_token"]
        assert status(found, before) == 200
        provider.add_signing_key()
        after = provider.sign_in("bob")["access_token"]
        becomes(200, lambda: status(found, after))
        assert status(found, before) == 200
        provider.remove_former_signing_keys()
        provider.add_signing_key()
        newest = provider.sign_in("bob")["access_token"]
        # An unknown key is what makes the gateway read the keys again.
        becomes(200, lambda: status(found, newest))
        becomes(401, lambda: status(found, before))


@contextmanager
def logouts() -> Iterator[tuple[str, list[str]]]:
    """An application's logout address, and the logout tokens that are sent to it."""
    received: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.extend(parse_qs(body)["logout_token"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the output of the tests clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/logout", received
        server.shutdown()
