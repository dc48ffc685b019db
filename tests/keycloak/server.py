"""Keycloak with a realm of this application: who signs in and how, and what an administrator of it does."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from gateway.processes import running, wait_until_answers
from lisa_compiler.dev.processes import free_port
from parts import KEYCLOAK

CLIENT = "lisa-client"
ADMINISTRATOR = ("admin", "password-of-admin")
_CALLBACK = "https://app.example.com/callback"
_FORM = re.compile(r'<form[^>]*\bid="kc-form-login"[^>]*\baction="([^"]+)"')
_SECONDS_TO_START = 240


class Keycloak:
    """A server that runs, with the realm `lisa`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.authority = f"{url}/realms/lisa"

    def sign_in(self, user: str, client: str = CLIENT) -> dict[str, Any]:
        """The tokens of a person who fills in the login form: authorization code with PKCE.

        Returns:
            The answer of the token endpoint: `id_token`, `access_token`, `refresh_token` and others.
        """
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": client,
            "response_type": "code",
            "scope": "openid profile",
            "redirect_uri": _CALLBACK,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = f"{self.authority}/protocol/openid-connect"
        page = requests.get(f"{endpoint}/auth?{urlencode(query)}", timeout=60)
        form = _FORM.search(page.text)
        assert form is not None, page.text[:2000]
        fields = {"username": user, "password": f"password-of-{user}"}
        # The cookies are for https alone. Browsers trust the addresses of their own machine; requests does not.
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in page.cookies)
        answer = requests.post(
            html.unescape(form[1]), data=fields, headers={"Cookie": cookies}, allow_redirects=False, timeout=60
        )
        code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        exchange = {"grant_type": "authorization_code", "code": code, "client_id": client}
        exchange |= {"redirect_uri": _CALLBACK, "code_verifier": verifier}
        return self._tokens(exchange)

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """The tokens for a refresh token."""
        return self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": CLIENT})

    def sign_out_everywhere(self, user: str) -> None:
        """End all sessions of a person, as an administrator; clients with a logout address are told."""
        (found,) = self._administer("GET", "/users", params={"username": user, "exact": "true"})
        self._administer("POST", f"/users/{found['id']}/logout")

    def sign_out(self, id_token: str) -> None:
        """End the session of an ID token, as its application does (OpenID Connect RP-Initiated Logout 1.0)."""
        query = {"id_token_hint": id_token}
        page = requests.get(f"{self.authority}/protocol/openid-connect/logout", params=query, timeout=60)
        assert page.ok, page.text[:2000]

    def tell_of_logouts(self, url: str, client_id: str = CLIENT, *, names_session: bool = True) -> None:
        """Send logout tokens of an application to an address (OpenID Connect Back-Channel Logout 1.0)."""
        (client,) = self._administer("GET", "/clients", params={"clientId": client_id})
        client["attributes"] |= {
            "backchannel.logout.url": url,
            "backchannel.logout.session.required": str(names_session).lower(),
        }
        self._administer("PUT", f"/clients/{client['id']}", json=client)

    def allow_application(self, url: str) -> None:
        """Let the application at an address sign people in and out."""
        (client,) = self._administer("GET", "/clients", params={"clientId": CLIENT})
        client["redirectUris"].append(f"{url}*")
        client["webOrigins"] = ["+"]
        client["attributes"] |= {"post.logout.redirect.uris": "+"}
        self._administer("PUT", f"/clients/{client['id']}", json=client)

    def add_signing_key(self) -> None:
        """Let another key sign from now on; the tokens of those before stay valid."""
        keys = self._signing_keys()
        priority = 1 + max(int(key["config"].get("priority", ["0"])[0]) for key in keys)
        component = {
            "name": f"rotated-{priority}",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": [str(priority)], "algorithm": ["RS256"], "keySize": ["2048"]},
        }
        self._administer("POST", "/components", json=component)

    def remove_former_signing_keys(self) -> None:
        """Keep the newest signing key alone."""
        keys = sorted(self._signing_keys(), key=lambda key: int(key["config"].get("priority", ["0"])[0]))
        for key in keys[:-1]:
            self._administer("DELETE", f"/components/{key['id']}")

    def _signing_keys(self) -> list[dict[str, Any]]:
        found = self._administer("GET", "/components", params={"type": "org.keycloak.keys.KeyProvider"})
        return [key for key in found if key["providerId"] == "rsa-generated"]

    def _tokens(self, exchange: dict[str, str]) -> dict[str, Any]:
        answer = requests.post(f"{self.authority}/protocol/openid-connect/token", data=exchange, timeout=60)
        answer.raise_for_status()
        tokens: dict[str, Any] = answer.json()
        return tokens

    def _administer(self, method: str, path: str, **request: Any) -> Any:
        name, password = ADMINISTRATOR
        credentials = {"grant_type": "password", "client_id": "admin-cli", "username": name, "password": password}
        tokens = requests.post(
            f"{self.url}/realms/master/protocol/openid-connect/token", data=credentials, timeout=60
        ).json()
        answer = requests.request(
            method,
            f"{self.url}/admin/realms/lisa{path}",
            headers={"Authorization": f"Bearer {tokens['access_token']}"},
            timeout=60,
            **request,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None


@contextmanager
def keycloak(folder: Path) -> Iterator[Keycloak]:
    """Run Keycloak on a copy of the prepared database."""
    shutil.copyfile(KEYCLOAK / "server" / "data" / "h2" / "keycloakdb.mv.db", folder / "keycloakdb.mv.db")
    port = free_port()
    command = [
        KEYCLOAK / "server" / "bin" / "kc.sh",
        "start",
        "--optimized",
        "--http-enabled=true",
        "--http-host=127.0.0.1",
        f"--http-port={port}",
        "--hostname-strict=false",
        "--cache=local",
        f"--db-url=jdbc:h2:file:{folder / 'keycloakdb'};NON_KEYWORDS=VALUE",
    ]
    # What a quick start of a short life needs.
    environment = {"JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx400m -Xshare:auto"}
    log = folder / "keycloak.log"
    with running(command, log=log, environment=environment) as process:
        found = Keycloak(f"http://127.0.0.1:{port}")
        wait_until_answers(f"{found.authority}/.well-known/openid-configuration", process, log, _SECONDS_TO_START)
        yield found
