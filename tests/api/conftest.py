"""The compiled API, deployed to a local AWS, with an identity provider."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.compiler.conftest import Project

from api.deployment import Deployment, deploy
from api.local_aws import local_aws
from oidc.served_issuer import ServedIssuer, serve_issuer


@dataclass(frozen=True)
class Answer:
    """What came over HTTP."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Api:
    """The API, and the people who call it."""

    deployment: Deployment
    issuer: ServedIssuer

    def token(self, subject: str, *groups: str) -> str:
        return self.issuer.token(subject, *groups, preferred_username=subject)

    def __call__(
        self, method: str, path: str, *, token: str | None = None, body: object = None, headers: Any = None
    ) -> Answer:
        sent = {"Content-Type": "application/json", "Origin": self.deployment.origin, **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.deployment.url}{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return _answer(answer)
        except urllib.error.HTTPError as error:
            return _answer(error)


def _answer(answer: Any) -> Answer:
    content = answer.read().decode()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    is_json = headers.get("content-type", "").startswith("application/json")
    return Answer(answer.status, headers, json.loads(content) if content and is_json else content)


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    with serve_issuer() as issuer, local_aws(folder) as aws:
        authority = issuer.authority.replace("http://", "https://")
        auth = {
            "authority": authority,
            "clientId": "lisa-client",
            "adminGroup": "admins",
            "jwtGroupsProperty": "realm_access.roles",
        }
        project = Project(folder).write(deployChat=True, authConfig=auth)
        yield Api(deploy(project.compile().files, aws, issuer.authority), issuer)
