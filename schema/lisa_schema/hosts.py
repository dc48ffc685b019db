"""Hosts on the internet by their names: model providers, identity providers, and what is in a private network."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

_IDENTITY: Final = re.compile(
    r"(login\.(microsoftonline\.(com|us)|partner\.microsoftonline\.cn|microsoft\.com)|sts\.windows\.net"
    r"|.+\.(okta|oktapreview|okta-emea|okta-gov|auth0|onelogin|pingone|ping-eng|duosecurity|jumpcloud|descope|clerk)\.(com|eu|ca|asia|dev)"
    r"|accounts\.google\.com|securetoken\.google\.com|token\.actions\.githubusercontent\.com|gitlab\.com|.+\.zitadel\.cloud"
    r"|.+\.ciamlogin\.com|.+\.b2clogin\.com)",
    re.IGNORECASE,
)
_PRIVATE_NAME: Final = re.compile(
    r"(localhost|[^.]+|.+\.(local|localhost|internal|intranet|private|lan|corp|home|home\.arpa))", re.IGNORECASE
)
_AWS: Final = re.compile(
    r"(?P<service>[a-z0-9.-]+)\.(?P<region>[a-z]{2,}(-[a-z]+)+-[0-9]+)\.(vpce\.)?"
    r"(?P<suffix>amazonaws\.com(\.cn)?|amazonaws\.eu|api\.aws|on\.aws|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)",
    re.IGNORECASE,
)


def host_of(url: str) -> str:
    """The host of a URL in lower case; empty for a text that has none."""
    try:
        return (urlsplit(url if "://" in url else f"//{url}").hostname or "").lower()
    except ValueError:
        return ""


def is_private(host: str) -> bool:
    """Whether a host is certainly of a private network: a private address, or a name without a public domain."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _PRIVATE_NAME.fullmatch(host) is not None
    return address.is_private


def is_public_identity_provider(host: str) -> bool:
    """Whether a host is of an identity provider that is reached over the internet."""
    return _IDENTITY.fullmatch(host) is not None


def aws_host(host: str) -> tuple[str, str, str] | None:
    """The service, the Region and the DNS suffix of a host of AWS; None for another host."""
    found = _AWS.fullmatch(host)
    return (found["service"], found["region"], found["suffix"]) if found else None
