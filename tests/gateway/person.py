"""A person who signs in with the tests' OpenID provider, as the web application does: authorization code with PKCE."""

from __future__ import annotations

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests

_CALLBACK = "https://app.example.com/callback"


def sign_in(issuer: str, user: str, client: str = "lisa-client") -> str:
    """The ID token of a person."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": client,
        "response_type": "code",
        "scope": "openid profile",
        "redirect_uri": _CALLBACK,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_hint": user,
    }
    url = f"{issuer}/auth?{urlencode(query)}"
    with requests.Session() as session:
        while not url.startswith(_CALLBACK):
            answer = session.get(url, allow_redirects=False, timeout=10)
            url = urljoin(url, answer.headers["Location"])
        code = parse_qs(urlsplit(url).query)["code"][0]
        exchange = {"grant_type": "authorization_code", "code": code, "client_id": client}
        exchange |= {"redirect_uri": _CALLBACK, "code_verifier": verifier}
        token: str = session.post(f"{issuer}/token", data=exchange, timeout=10).json()["id_token"]
    return token
