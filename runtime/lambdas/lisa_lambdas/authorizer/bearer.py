"""The bearer token of a request (RFC 6750, section 2.1)."""

from __future__ import annotations

from typing import Any, Mapping, Optional


def bearer_token(event: Mapping[str, Any]) -> Optional[str]:
    """The token in the Authorization header of an authorizer's event; None when there is no such one."""
    headers = event.get("headers")
    if not isinstance(headers, Mapping):
        return None
    found = [value for name, value in headers.items() if isinstance(name, str) and name.lower() == "authorization"]
    if len(found) != 1 or not isinstance(found[0], str):
        return None
    scheme, _, token = found[0].strip().partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token and " " not in token else None
