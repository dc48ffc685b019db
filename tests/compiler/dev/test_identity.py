"""The OpenID provider of `lisa dev`: the code flow with PKCE, as the gateway and the web application see it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from lisa_compiler.dev import identity
from lisa_compiler.dev.processes import Processes
from lisa_schema.models import AuthConfig

APPLICATION = "http://127.0.0.1:1234/dev/"
VERIFIER = "a" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class Person:
    """Who signs in, as a browser would."""

    authority: str

    def asked(self, **others: str) -> dict[str, str]:
        return {
            "client_id": "lisa",
            "redirect_uri": APPLICATION,
            "response_type": "code",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "scope": "openid profile",
            "nonce": "once",
            "state": "here",
        } | others

    def page(self, **others: str) -> requests.Response:
        return requests.get(f"{self.authority}/authorize", params=self.asked(**others), timeout=10)

    def code(self, user: str) -> str:
        answer = requests.post(
            f"{self.authority}/authorize",
            params=self.asked(),
            data={"user": user},
            allow_redirects=False,
            timeout=10,
        )
        back = urlsplit(answer.headers["Location"])
        assert back._replace(query="").geturl() == APPLICATION
        query = parse_qs(back.query)
        assert query["state"] == ["here"]
        return query["code"][0]

    def token(self, **form: str) -> requests.Response:
        return requests.post(f"{self.authority}/token", data={"client_id": "lisa"} | form, timeout=10)

    def exchange(self, code: str, verifier: str = VERIFIER) -> requests.Response:
        return self.token(grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=APPLICATION)

    def claims(self, token: str) -> dict[str, Any]:
        documents = requests.get(f"{self.authority}/.well-known/openid-configuration", timeout=10).json()
        key = jwt.PyJWKClient(documents["jwks_uri"]).get_signing_key_from_jwt(token)
        return jwt.decode(token, key.key, algorithms=["RS256"], audience="lisa", issuer=documents["issuer"])


@pytest.fixture(scope="module")
def person() -> Iterator[Person]:
    auth = AuthConfig.model_validate(
        {
            "authority": "https://idp.example.com",
            "clientId": "lisa",
            "adminGroup": "bosses",
            "jwtGroupsProperty": "realm_access.roles",
        }
    )
    with Processes() as processes:
        found, program = identity.plan(auth, APPLICATION)
        processes.start(program)
        yield Person(found.authority)


def test_the_page_has_a_button_for_each_user(person: Person) -> None:
    page = person.page().text
    assert 'value="user">user</button>' in page
    assert 'value="admin">admin</button>' in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "other"},
        {"redirect_uri": "https://evil.example.com/"},
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
    ],
)
def test_a_wrong_request_is_refused_on_the_page(person: Person, wrong: dict[str, str]) -> None:
    answer = person.page(**wrong)
    assert answer.status_code == 400
    assert "<button" not in answer.text


@pytest.mark.parametrize(("user", "groups"), [("user", ["lisa-users"]), ("admin", ["bosses"])])
def test_a_code_becomes_a_token_with_the_groups(person: Person, user: str, groups: list[str]) -> None:
    answer = person.exchange(person.code(user))
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    claims = person.claims(answer.json()["id_token"])
    assert (claims["sub"], claims["nonce"]) == (user, "once")
    assert claims["realm_access"] == {"roles": groups}
    userinfo = requests.get(
        f"{person.authority}/userinfo", headers={"Authorization": f"Bearer {answer.json()['access_token']}"}, timeout=10
    )
    assert userinfo.json()["sub"] == user


def test_a_code_is_good_once_and_with_its_verifier(person: Person) -> None:
    assert person.exchange(person.code("user"), verifier="b" * 43).status_code == 400
    code = person.code("user")
    assert person.exchange(code).status_code == 200
    assert person.exchange(code).json() == {"error": "invalid_grant"}


def test_a_refresh_token_is_good_once(person: Person) -> None:
    first = person.exchange(person.code("admin")).json()["refresh_token"]
    second = person.token(grant_type="refresh_token", refresh_token=first)
    assert person.claims(second.json()["id_token"])["sub"] == "admin"
    assert person.token(grant_type="refresh_token", refresh_token=first).status_code == 400


def test_signing_out_leads_back_to_the_application_alone(person: Person) -> None:
    def end(address: str) -> requests.Response:
        query = {"post_logout_redirect_uri": address, "state": "bye"}
        return requests.get(f"{person.authority}/end-session", params=query, allow_redirects=False, timeout=10)

    assert end(APPLICATION).headers["Location"] == f"{APPLICATION}?state=bye"
    assert end("https://evil.example.com/").status_code == 200


def test_a_page_of_another_origin_may_ask_for_tokens(person: Person) -> None:
    answer = requests.options(f"{person.authority}/token", headers={"Origin": "http://127.0.0.1:1"}, timeout=10)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")


@pytest.mark.parametrize(
    ("path", "claims"),
    [
        ("groups", {"groups": ["a"]}),
        ("cognito:groups", {"cognito:groups": ["a"]}),
        ("resource_access.lisa.roles", {"resource_access": {"lisa": {"roles": ["a"]}}}),
    ],
)
def test_groups_are_where_the_configuration_says(path: str, claims: dict[str, Any]) -> None:
    assert identity.claim_at(path, ["a"]) == claims
