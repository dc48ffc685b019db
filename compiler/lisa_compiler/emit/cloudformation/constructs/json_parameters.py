"""JSON in Parameter Store, where a standard parameter holds 4 KB and an advanced one 8 KB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lisa_compiler.plan.provenance import without_marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_schema.document import Path

STANDARD_BYTES = 4096
ADVANCED_BYTES = 8192


def compact_json(value: object) -> str:
    """JSON in ASCII without spaces, its keys in order: a byte for each character."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def publish_json(
    stack: LisaStack, construct_id: str, path: str, value: object, *, description: str, source: Sequence[Path]
) -> str:
    """Publish a value that blocks of the configuration are in; returns the parameter's name.

    When it is too long for a parameter, that one holds `{"parts": n}`, and the text is in the parameters `0` to `n-1`
    below it.
    """
    marked = compact_json(value)
    text = without_marks(marked)
    if len(text) <= ADVANCED_BYTES:
        tier = "Standard" if len(text) <= STANDARD_BYTES else "Advanced"
        return stack.publish(construct_id, path, marked, description=description, tier=tier, source=source)
    parts = [text[start : start + STANDARD_BYTES] for start in range(0, len(text), STANDARD_BYTES)]
    for number, part in enumerate(parts):
        stack.publish(
            f"{construct_id}{number}",
            f"{path}/{number}",
            part,
            description=f"{description}, part {number}",
            source=source,
        )
    return stack.publish(
        construct_id,
        path,
        compact_json({"parts": len(parts)}),
        description=f"{description}: number of parts",
        source=source,
    )
