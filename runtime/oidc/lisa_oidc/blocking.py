"""Verification for code that may wait, as a Lambda function does: it fetches with the standard library."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from lisa_oidc.discovery import discovery_url, parse_discovery
from lisa_oidc.errors import IssuerError, UnknownKeyError, UnreachableIssuerError, UnusableIssuerError
from lisa_oidc.key_store import KeyStore
from lisa_oidc.keys import Key, parse_keys
from lisa_oidc.logout import LogoutToken, verify_logout
from lisa_oidc.token_types import LOGOUT_TYPES
from lisa_oidc.verification import Caller, Expectation, Header, read_header, verify

TIMEOUT_SECONDS = 5.0
DOCUMENT_LIMIT = 1024 * 1024
"""Bytes of a discovery document or key set that are read at most."""


def fetch_json(url: str, timeout: float = TIMEOUT_SECONDS) -> Any:
    """Fetch a JSON document over HTTP or HTTPS; SSL_CERT_FILE and SSL_CERT_DIR name the certificates to trust.

    Raises:
        UnreachableIssuerError: nothing answers in time, or not with 200.
        UnusableIssuerError: the address is not one of HTTP, or the answer is not JSON or too long.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise UnusableIssuerError(f"{url} is not an HTTP or HTTPS URL.")
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=ssl.create_default_context()) as answer:  # noqa: S310
            content = answer.read(DOCUMENT_LIMIT + 1)
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableIssuerError(f"{url} does not respond: {error}.") from error
    if len(content) > DOCUMENT_LIMIT:
        raise UnusableIssuerError(f"{url} returned more than {DOCUMENT_LIMIT} bytes.")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnusableIssuerError(f"{url} did not return JSON.") from error


class BlockingVerifier:
    """Verifies tokens of one authority. Make one in a process: it keeps the keys between calls.

    Args:
        authority: the issuer's address, `authConfig.authority`.
        expectation: what tokens must be like.
        fetch: from a URL to the JSON document there; raises IssuerError.
        store: where the keys are kept.
    """

    def __init__(
        self,
        authority: str,
        expectation: Expectation,
        *,
        fetch: Callable[[str], Any] = fetch_json,
        store: KeyStore | None = None,
    ) -> None:
        self._authority = authority
        self._expectation = expectation
        self._fetch = fetch
        self._store = store or KeyStore()

    def verify(self, token: str) -> Caller:
        """Verify a token, with new keys of the issuer when its key is not known.

        Raises:
            TokenError: the token is refused; its class says why.
            IssuerError: the issuer's keys are not known, and cannot be fetched now.
        """
        header = read_header(token)
        key, issuer = self._find_key(header)
        return verify(token, header=header, key=key, issuer=issuer, expectation=self._expectation)

    def verify_logout(self, token: str) -> LogoutToken:
        """Verify a logout token; whether it was received before is for the caller to say.

        Raises:
            TokenError: the token is refused; its class says why.
            IssuerError: the issuer's keys are not known, and cannot be fetched now.
        """
        header = read_header(token, LOGOUT_TYPES)
        key, issuer = self._find_key(header)
        return verify_logout(token, header=header, key=key, issuer=issuer, client_id=self._expectation.client_id)

    def _find_key(self, header: Header) -> tuple[Key, str]:
        """The key of a header, and the issuer's name."""
        key = self._store.find(header.key_id, header.algorithm)
        if self._store.is_due(key):
            try:
                self._refresh()
            except IssuerError:
                if self._store.issuer is None:
                    raise
            key = self._store.find(header.key_id, header.algorithm)
        issuer = self._store.issuer
        if issuer is None:
            raise UnreachableIssuerError("The issuer did not respond; the next attempt follows shortly.")
        if key is None:
            raise UnknownKeyError("The token is signed with an unknown key. Sign in again.")
        return key, issuer.name

    def _refresh(self) -> None:
        self._store.begin()
        issuer = parse_discovery(self._fetch(discovery_url(self._authority)), self._authority)
        self._store.replace(issuer, parse_keys(self._fetch(issuer.jwks_uri)))
