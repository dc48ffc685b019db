"""Which headers of a caller's request reach LiteLLM."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from lisa_gateway.connection_headers import HOP_BY_HOP, named_by_connection
from lisa_gateway.errors import ForbiddenError

if TYPE_CHECKING:
    from pydantic import SecretStr

Headers = list[tuple[bytes, bytes]]

# Where LiteLLM looks for a key: the caller's must not get there, nor replace the gateway's own. The rest is set by the
# gateway's client.
_REPLACED = HOP_BY_HOP | {
    # The gateway reads errors, events and token counts in answers, which LiteLLM would compress.
    b"accept-encoding",
    b"api-key",
    b"authorization",
    b"cookie",
    b"expect",
    b"host",
    b"ocp-apim-subscription-key",
    b"x-api-key",
    b"x-goog-api-key",
    b"x-litellm-api-key",
    b"x-request-id",
}
# LiteLLM takes commands from these: another model, retries, time limits, no callbacks, credentials and addresses of MCP
# servers, headers for a provider. Those that only name a call for the log are forwarded. The gateway's own begin with
# `x-lisa-`.
_BLOCKED_PREFIXES = (
    *(b"azure-", b"helicone-", b"langfuse", b"langsmith", b"mcp-", b"openai-organization", b"openai-project"),
    *(b"x-amz-", b"x-api-base", b"x-aws-", b"x-bedrock-", b"x-forwarded-host", b"x-forwarded-prefix", b"x-goog-"),
    *(
        b"x-http-method",
        b"x-lisa-",
        b"x-litellm-",
        b"x-mcp-",
        b"x-method-override",
        b"x-ms-",
        b"x-original-",
        b"x-pass-",
    ),
    *(b"x-rewrite-", b"x-vertex-"),
)
_NAMING = frozenset({b"x-litellm-call-id", b"x-litellm-session-id", b"x-litellm-tags", b"x-litellm-trace-id"})


def forwardable(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers without those of the connection, the caller's credentials, and what LiteLLM takes commands from.

    Their names are in lower case.
    """
    headers = list(headers)
    named = named_by_connection(headers)
    return [header for header in headers if _is_forwardable(header[0]) and header[0] not in named]


def with_key(headers: Headers, key: SecretStr | None) -> Headers:
    """The headers with another key for LiteLLM.

    Raises:
        ForbiddenError: there is no such key.
    """
    if key is None:
        raise ForbiddenError("LITELLM_ADMIN_KEY is not set: operations for administrators are not available.")
    kept = [header for header in headers if header[0] != b"authorization"]
    return [*kept, (b"authorization", b"Bearer " + key.get_secret_value().encode())]


# The same names come with each request; callers' own push each other out.
@lru_cache(maxsize=256)
def _is_forwardable(name: bytes) -> bool:
    if name in _REPLACED:
        return False
    return not name.replace(b"_", b"-").startswith(_BLOCKED_PREFIXES) or name in _NAMING
