"""Routes: models whose requests go another way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output

_DIRECT = "direct"


def compare_routes(before: Output, after: Output) -> Iterator[Impact]:
    """Find models whose requests go another way; those that are new or removed are reported elsewhere.

    Output of an older LISA has no routes, so that nothing is reported as a change.
    """
    old, new = (_by_name(side) for side in (before, after))
    for name, entry in new.items():
        was = old.get(name)
        if was is None or _way(was) == _way(entry):
            continue
        if was["route"] == entry["route"]:
            text = f"Requests for **{name}** go to `{entry['address']}` instead of `{was['address']}`."
        elif entry["route"] == _DIRECT:
            text = (
                f"Requests for **{name}** go to its server (`{entry['address']}`) and no longer pass through LiteLLM."
            )
        else:
            text = f"Requests for **{name}** pass through LiteLLM ({entry.get('reason', 'no reason')})."
        yield Impact(ImpactCategory.CODE_CHANGED, text)


def _by_name(output: Output) -> dict[str, Mapping[str, Any]]:
    return {str(entry["name"]): entry for entry in output.routes.get("models", ())}


def _way(entry: Mapping[str, Any]) -> tuple[str, str]:
    return str(entry["route"]), str(entry.get("address", ""))
