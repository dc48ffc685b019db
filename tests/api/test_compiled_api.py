"""The compiled API over HTTP: its routes, authorizer, functions and tables, with tokens of an identity provider."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from api.conftest import Api
from lisa_compiler.dev.autoscaling_emulator import AutoScalingEmulator

pytestmark = pytest.mark.xdist_group("compiled-api")  # what it starts takes long, and is started once

MESSAGES = [{"type": "human", "content": "Hello?"}]


def test_a_session_is_kept_listed_and_deleted(api: Api) -> None:
    token = api.token("ann")
    kept = api("PUT", "/session/one", token=token, body={"messages": MESSAGES})
    assert kept.status == 200, kept
    assert api("GET", "/session/one", token=token).body["messages"] == MESSAGES
    assert [session["sessionId"] for session in api("GET", "/session", token=token).body["sessions"]] == ["one"]
    assert api("DELETE", "/session/one", token=token).body == {"deleted": 1}
    assert api("GET", "/session/one", token=token).status == 404


def test_of_concurrent_writers_one_wins_each_round_and_nothing_is_lost(api: Api) -> None:
    token, path, writers = api.token("cara"), "/session/shared", 4
    assert api("PUT", path, token=token, body={"messages": [], "version": 0}).body["version"] == 1

    def write(number: int, base: int, messages: list[dict[str, str]]) -> tuple[int, int]:
        own = {"type": "human", "content": f"of {number}"}
        return number, api("PUT", path, token=token, body={"messages": [*messages, own], "version": base}).status

    waiting = set(range(writers))
    with ThreadPoolExecutor(writers) as pool:
        while waiting:
            stored = api("GET", path, token=token).body
            base, messages = stored["version"], stored["messages"]
            answers = list(pool.map(lambda number: write(number, base, messages), sorted(waiting)))  # noqa: B023
            assert sorted(status for _, status in answers) == [200] + [409] * (len(waiting) - 1)
            waiting -= {number for number, status in answers if status == 200}
    stored = api("GET", path, token=token).body
    assert sorted(message["content"] for message in stored["messages"]) == [f"of {number}" for number in range(writers)]
    assert stored["version"] == 1 + writers


def test_nobody_reaches_anothers_session(api: Api) -> None:
    assert api("PUT", "/session/hers", token=api.token("eve"), body={"messages": MESSAGES}).status == 200
    other = api.token("mallory")
    assert api("GET", "/session/hers", token=other).status == 404
    assert api("DELETE", "/session/hers", token=other).status == 404
    assert api("DELETE", "/session", token=other).body == {"deleted": 0}
    assert api("GET", "/session/hers", token=api.token("eve")).status == 200


@pytest.mark.parametrize(
    "path", ["/session", "/session/one", "/tokens", "/usage", "/models", "/models/small", "/proposals"]
)
def test_without_a_token_nothing_is_answered(api: Api, path: str) -> None:
    assert api("GET", path).status in (401, 403)
    assert api("GET", path, token="nonsense").status in (401, 403)


def test_users_manage_their_own_api_tokens(api: Api) -> None:
    ann, bob, ada = api.token("ann", "users", "research"), api.token("bob", "users"), api.token("ada", "admins")
    made = api("POST", "/tokens", token=ann, body={"name": "laptop", "groups": ["users"], "scopes": ["chat"]})
    assert made.status == 201, made
    assert made.body["token"].startswith("lisa_")
    assert (made.body["ownerName"], made.body["groups"]) == ("ann", ["users"])
    own = {name: value for name, value in made.body.items() if name != "token"}
    assert api("GET", "/tokens", token=ann).body == {"tokens": [own]}
    assert api("GET", "/tokens", token=bob).body == {"tokens": []}
    assert api("POST", "/tokens", token=bob, body={"name": "x", "groups": ["research"]}).status == 403
    assert api("GET", "/tokens?all=true", token=bob).status == 403
    assert own in api("GET", "/tokens?all=true", token=ada).body["tokens"]
    # An API token is for the gateway: it cannot make another one.
    assert api("POST", "/tokens", token=made.body["token"], body={"name": "x"}).status in (401, 403)
    path = f"/tokens/{own['tokenId']}"
    assert api("DELETE", path, token=bob).status == 404
    assert api("DELETE", path, token=ada).body == {"revoked": 1}
    assert api("DELETE", path, token=ann).status == 404


def test_administrators_revoke_all_tokens_of_an_owner(api: Api) -> None:
    dora, ada = api.token("dora"), api.token("ada", "admins")
    for name in ("one", "two"):
        assert api("POST", "/tokens", token=dora, body={"name": name}).status == 201
    assert api("DELETE", "/tokens?owner=dora", token=api.token("bob")).status == 403
    assert api("DELETE", "/tokens?owner=dora", token=ada).body == {"revoked": 2}
    assert api("GET", "/tokens", token=dora).body == {"tokens": []}


def test_a_sign_out_at_the_identity_provider_ends_a_session(api: Api) -> None:
    now = int(time.time())
    ended, other = (api.issuer.token("frida", sid=sid, iat=now - 60) for sid in ("s-1", "s-2"))
    assert [api("GET", "/session", token=token).status for token in (ended, other)] == [200, 200]
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    told = {"logout_token": api.issuer.token("frida", sid="s-1", jti="j-1", iat=now, events=event)}
    answer = requests.post(f"{api.url}/backchannel-logout", data=told, timeout=60)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store"), answer.text
    assert [api("GET", "/session", token=token).status for token in (ended, other)] == [401, 200]
    again = requests.post(f"{api.url}/backchannel-logout", data=told, timeout=60)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_request")
    forged = requests.post(f"{api.url}/backchannel-logout", data={"logout_token": other}, timeout=60)
    assert forged.status_code == 400
    assert api("GET", "/session", token=other).status == 200


def test_users_see_their_own_usage_and_administrators_all(api: Api) -> None:
    ann, ada = api.token("ann", "users"), api.token("ada", "admins")
    assert api("GET", "/usage?from=2026-11-01&to=2026-11-29", token=ann).body == {
        "from": "2026-11-01",
        "to": "2026-11-29",
        "usage": [],
    }
    assert api("GET", "/usage?by=user", token=ann).status == 403
    assert api("GET", "/usage?by=user", token=ada).body["usage"] == []


def test_models_are_for_administrators(api: Api) -> None:
    assert api("GET", "/models", token=api.token("ann", "users")).status == 403
    answer = api("GET", "/models", token=api.token("ada", "admins"))
    assert answer.status == 200, answer
    assert [model["modelId"] for model in answer.body["models"]] == ["small"]


def test_a_change_is_proposed(api: Api) -> None:
    token = api.token("ada", "admins")
    answer = api("PUT", "/models/small", token=token, body={"instanceType": "g5.2xlarge"})
    assert answer.status == 202, answer
    assert answer.body["author"] == "ada"
    assert api("GET", "/proposals", token=token).body["proposals"] == [answer.body]
    refused = api("PUT", "/models/small", token=token, body={"instanceType": "g5.huge"})
    assert (refused.status, refused.body["code"]) == (400, "InvalidConfiguration")


def test_the_documentation_needs_no_token(api: Api) -> None:
    assert "<h1>LISA models</h1>" in api("GET", "/docs").body
    assert "/models" in api("GET", "/openapi.json").body["paths"]


def test_answers_and_errors_name_the_web_origin(api: Api) -> None:
    token = api.token("ann")
    for answer in (
        api("GET", "/session", token=token),
        api("GET", "/session/none", token=token),
        api("PUT", "/session/one", token=token, body={}),
    ):
        assert answer.headers["access-control-allow-origin"] == api.origin


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/session/one", "PUT"),
        ("/repository/presigned-url", "POST"),
        ("/repository/docs/0123", "DELETE"),
        ("/tokens", "POST"),
    ],
)
def test_a_preflight_is_answered_without_a_token(api: Api, path: str, method: str) -> None:
    answer = api("OPTIONS", path, headers={"Access-Control-Request-Method": method})
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == api.origin
    assert method in answer.headers["access-control-allow-methods"]


def test_a_model_stops_and_starts(api: Api) -> None:
    token = api.token("ada", "admins")

    def state() -> str:
        return str(api("GET", "/models/small", token=token).body["state"])

    def wait_for(wanted: str) -> None:
        deadline = time.monotonic() + 20
        while state() != wanted:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    with AutoScalingEmulator(api.aws, [model.service.cluster for model in api.compiled.deployment.models]):
        wait_for("InService")
        assert api("POST", "/models/small/stop", token=token).status == 202
        wait_for("Stopped")
        assert api("POST", "/models/small/start", token=token).status == 202
        wait_for("InService")
