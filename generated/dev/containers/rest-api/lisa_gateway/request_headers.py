"""Which headers of a caller's request reach LiteLLM."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lisa_gateway.errors import ForbiddenError

if TYPE_CHECKING:
    from pydantic import SecretStr

Headers = list[tuple[bytes, bytes]]

# LiteLLM takes commands from these: another model, retries, time limits, no callbacks, credentials and addresses of MCP
# servers, headers for a provider. Those that only name a call for the log are forwarded.
_BLOCKED_PREFIXES = (
    *(b"azure-", b"helicone-", b"langfuse", b"langsmith", b"mcp-", b"openai-organization", b"openai-project"),
    *(b"x-amz-", b"x-api-base", b"x-aws-", b"x-bedrock-", b"x-forwarded-host", b"x-forwarded-prefix", b"x-goog-"),
    *(b"x-http-method", b"x-litellm-", b"x-mcp-", b"x-method-override", b"x-ms-", b"x-original-", b"x-pass-"),
    *(b"x-rewrite-", b"x-vertex-"),
)
_NAMING = frozenset({b"x-litellm-call-id", b"x-litellm-session-id", b"x-litellm-tags", b"x-litellm-trace-id"})


def forwardable(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers without those that LiteLLM takes commands from; names are in lower case."""
    return [
        header
        for header in headers
        if not header[0].replace(b"_", b"-").startswith(_BLOCKED_PREFIXES) or header[0] in _NAMING
    ]


def with_key(headers: Headers, key: SecretStr | None) -> Headers:
    """The headers with another key for LiteLLM.

    Raises:
        ForbiddenError: there is no such key.
    """
    if key is None:
        raise ForbiddenError("LITELLM_ADMIN_KEY is not set: administration is not available.")
    kept = [header for header in headers if header[0] != b"authorization"]
    return [*kept, (b"authorization", b"Bearer " + key.get_secret_value().encode())]
