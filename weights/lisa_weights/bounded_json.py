"""Parse untrusted JSON in bounded memory: an upper bound is computed before parsing."""

from __future__ import annotations

import json
from typing import Any

from lisa_weights.errors import WeightsError

_OF_CONTAINER = 240
_OF_ITEM = 120
_OF_BYTE = 3
_OF_WIDE_BYTE = 9


def parse(content: bytes, limit: int) -> Any:
    """Parse a document.

    What Python takes is bounded from above by counting brackets, commas and colons, even where they stand in texts: at
    most 240 bytes for each container and 120 for each item, and three times the document itself (its bytes, its
    characters, its texts), or nine times where characters may be four bytes wide.

    Args:
        content: the document, in UTF-8.
        limit: bytes of memory that the result may require.

    Raises:
        WeightsError: a clause such as “is not JSON”; it would take more, a key is told twice, or it is not JSON.
    """
    wide = not content.isascii() or b"\\u" in content
    containers = content.count(b"{") + content.count(b"[")
    items = containers + content.count(b",") + content.count(b":")
    needed = len(content) * (_OF_WIDE_BYTE if wide else _OF_BYTE) + containers * _OF_CONTAINER + items * _OF_ITEM
    if needed > limit:
        raise WeightsError(f"would take {needed >> 20} MiB of memory, more than any model requires")
    try:
        return json.loads(content.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise WeightsError("is not JSON") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found
