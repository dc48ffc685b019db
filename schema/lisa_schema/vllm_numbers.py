"""Numbers as vLLM's parser reads them."""

from __future__ import annotations

import re
from typing import Final

_HUMAN: Final = re.compile(r"(\d+(?:\.\d+)?)([kKmMgGtT])")
_MULTIPLIERS: Final = {
    **{"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12},
    **{"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40},
}


def count_of(text: str, *, is_human: bool) -> int | None:
    """Read a whole number, `32k` (thousands), `32K` (times 1,024) or -1 for `auto`; None when it is none of them."""
    text = text.strip()
    if is_human and (text.lower() == "auto" or text == "-1"):
        return -1
    if is_human and (match := _HUMAN.fullmatch(text)):
        number, unit = match.groups()
        if unit.isupper() and "." in number:
            return None
        return int(float(number) * _MULTIPLIERS[unit])
    return int(text) if text.isdecimal() and int(text) > 0 else None


def share_of(text: str) -> float | None:
    """Read a share of a GPU's memory, above 0 and at most 1; None when it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value <= 1 else None


def read_tokens(text: str) -> int | None:
    """Read a number of tokens as vLLM does: `8192`, `8k` (thousands) or `8K` (times 1,024); None when it is none."""
    count = count_of(text, is_human=True)
    return count if count is not None and count > 0 else None
