"""An OpenID provider for development: whoever clicks on a name is signed in. Its settings are JSON in IDENTITY.

Authorization code with PKCE (RFC 7636), refresh tokens, and sign-out started by the application (OpenID Connect
RP-Initiated Logout). Everything is in memory, for one client and one address to return to.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

_LIFETIME = 3600
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Authorization, Content-Type"}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0}"
    "main{max-width:22rem;text-align:center}button{font:inherit;width:100%;padding:.6rem;margin:.3rem 0;"
    "border:1px solid #0972d3;border-radius:1.2rem;background:#fff;color:#0972d3;cursor:pointer}"
    "button:hover,button:focus{background:#0972d3;color:#fff}"
)


@dataclass(frozen=True)
class _Grant:
    """What a code or a refresh token stands for."""

    user: str
    nonce: str | None
    challenge: str = ""


class Provider:
    """The endpoints, and what they remember."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._issuer: str = settings["issuer"]
        self._client: str = settings["client"]
        self._application: str = settings["application"]
        self._users: dict[str, dict[str, Any]] = settings["users"]
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes: dict[str, _Grant] = {}
        self._refresh: dict[str, _Grant] = {}
        self._access: dict[str, str] = {}

    def routes(self) -> list[web.RouteDef]:
        """The routes; those that a page calls from its own origin answer preflights too."""
        open_to_pages = [
            web.get("/.well-known/openid-configuration", self.configuration),
            web.get("/keys", self.keys),
            web.post("/token", self.token),
            web.get("/userinfo", self.userinfo),
        ]
        return [
            *open_to_pages,
            *(web.options(route.path, _preflight) for route in open_to_pages),
            web.get("/authorize", self.ask),
            web.post("/authorize", self.authorize),
            web.get("/end-session", self.end_session),
        ]

    async def configuration(self, _: web.Request) -> web.Response:
        """OpenID Connect Discovery, section 3."""
        return _json(
            {
                "issuer": self._issuer,
                "authorization_endpoint": f"{self._issuer}/authorize",
                "token_endpoint": f"{self._issuer}/token",
                "userinfo_endpoint": f"{self._issuer}/userinfo",
                "end_session_endpoint": f"{self._issuer}/end-session",
                "jwks_uri": f"{self._issuer}/keys",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        """The public key."""
        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return _json({"keys": [key | {"kid": "dev", "use": "sig", "alg": "RS256"}]})

    async def ask(self, request: web.Request) -> web.Response:
        """The page with the users; what is wrong with a request is said here, and not to an unknown address."""
        asked = request.query
        if asked.get("client_id") != self._client or asked.get("redirect_uri") != self._application:
            return _page("Unknown client", f"<p>Only {html.escape(self._application)} can send users here.</p>", 400)
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            return _page("Unsupported request", "<p>The authorization code flow with PKCE (S256) is required.</p>", 400)
        buttons = "".join(
            f'<button name="user" value="{html.escape(user)}">{html.escape(user)}</button>' for user in self._users
        )
        return _page(
            "Sign in", f'<p>Identity provider for development. Sign in as</p><form method="post">{buttons}</form>'
        )

    async def authorize(self, request: web.Request) -> web.Response:
        """Send a person who chose a name back with a code."""
        asked, user = request.query, str((await request.post()).get("user", ""))
        if user not in self._users or asked.get("redirect_uri") != self._application:
            return await self.ask(request)
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Grant(user, asked.get("nonce"), asked.get("code_challenge", ""))
        back = {"code": code, "state": asked.get("state", ""), "iss": self._issuer}
        raise web.HTTPFound(f"{self._application}?{urlencode(back)}")

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a code or a refresh token; each is good once (RFC 6749, sections 4.1.3 and 6)."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        grant: _Grant | None = None
        if form.get("client_id") == self._client and form.get("grant_type") == "authorization_code":
            grant = self._codes.pop(form.get("code", ""), None)
            if grant and _challenge(form.get("code_verifier", "")) != grant.challenge:
                grant = None
        elif form.get("client_id") == self._client and form.get("grant_type") == "refresh_token":
            grant = self._refresh.pop(form.get("refresh_token", ""), None)
        if grant is None:
            return _json({"error": "invalid_grant"}, status=400)
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self._access[access] = grant.user
        self._refresh[refresh] = grant
        return _json(
            {
                "access_token": access,
                "id_token": self._id_token(grant),
                "refresh_token": refresh,
                "token_type": "Bearer",
                "expires_in": _LIFETIME,
            }
        )

    async def userinfo(self, request: web.Request) -> web.Response:
        """The claims of the person whose access token it is."""
        user = self._access.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if user is None:
            return _json({"error": "invalid_token"}, status=401)
        return _json({"sub": user, **self._users[user]})

    async def end_session(self, request: web.Request) -> web.Response:
        """There is no session to end; back to the application."""
        if request.query.get("post_logout_redirect_uri") != self._application:
            return _page("Signed out", "<p>You can close this page.</p>")
        state = request.query.get("state")
        raise web.HTTPFound(f"{self._application}?{urlencode({'state': state})}" if state else self._application)

    def _id_token(self, grant: _Grant) -> str:
        now = int(time.time())
        claims = {"iss": self._issuer, "aud": self._client, "sub": grant.user, "iat": now, "exp": now + _LIFETIME}
        nonce = {"nonce": grant.nonce} if grant.nonce else {}
        return jwt.encode(claims | nonce | self._users[grant.user], self._key, "RS256", headers={"kid": "dev"})


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def _preflight(_: web.Request) -> web.Response:
    return web.Response(status=204, headers=_CORS)


def _json(content: object, status: int = 200) -> web.Response:
    return web.json_response(content, status=status, headers={**_CORS, "Cache-Control": "no-store"})


def _page(title: str, body: str, status: int = 200) -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<style>{_STYLE}</style><main><h1>{title}</h1>{body}</main></html>"
    )
    return web.Response(text=text, content_type="text/html", status=status)


def main() -> None:
    """Serve on the loopback interface."""
    settings = json.loads(os.environ["IDENTITY"])
    application = web.Application()
    application.add_routes(Provider(settings).routes())
    web.run_app(application, host="127.0.0.1", port=settings["port"], print=None)


if __name__ == "__main__":
    main()
