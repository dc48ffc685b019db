"""Lists of models as a caller may see them: those that the caller may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from lisa_gateway.answer import answer_headers, whole

if TYPE_CHECKING:
    from starlette.types import Send

    from lisa_gateway.access.admission import Admission
    from lisa_gateway.access.document import Grant
    from lisa_gateway.answer import Answer

_NAMES = ("id", "model_group", "model_name")
"""Members that name a model: in OpenAI's list, and in LiteLLM's `/model_group/info`."""


_LENGTH = frozenset({b"content-encoding", b"content-length"})


async def send_permitted(answer: Answer, admission: Admission, send: Send) -> None:
    """Send a list of models without those that the caller may not use.

    Raises:
        UpstreamUnavailableError: LiteLLM broke the list off.
    """
    content = permitted_entries(await whole(answer), admission.grant)
    headers = [header for header in answer_headers(answer) if header[0] not in _LENGTH]
    headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})


def permitted_entries(content: bytes, grant: Grant | None) -> bytes:
    """A list of models without those that a caller may not use; what is no list of models stays as it is."""
    if grant is None:
        return content
    try:
        found: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        return content
    entries = found.get("data") if isinstance(found, dict) else None
    if not isinstance(entries, list):
        return content
    kept = [entry for entry in entries if _is_permitted(entry, grant)]
    return content if len(kept) == len(entries) else orjson.dumps({**found, "data": kept})


def _is_permitted(entry: Any, grant: Grant) -> bool:
    if not isinstance(entry, dict):
        return False
    name = next((entry[key] for key in _NAMES if isinstance(entry.get(key), str)), None)
    return name is not None and grant.permits(name)
