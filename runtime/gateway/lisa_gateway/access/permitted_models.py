"""The header that tells LiteLLM's side which models a caller may use.

The gateway's side does not read all bodies: uploads pass while they come. LiteLLM's side knows which model its parser
has found, so that there is no other reading of a request to exploit. Callers cannot send the header themselves
(`request_headers`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

MODELS_HEADER: Final = "x-lisa-models"


def permitted_models_header(models: Collection[str]) -> tuple[bytes, bytes]:
    """The header for a caller who may use these models."""
    return MODELS_HEADER.encode(), json.dumps(sorted(models)).encode()


def permits(header: str, model: str) -> bool:
    """Whether the header's value permits a model."""
    return _pattern(header).fullmatch(model) is not None


def pattern_of(models: Collection[str]) -> re.Pattern[str]:
    """What the names of models match; a `*` stands for any text, as in LiteLLM's names."""
    return re.compile("|".join(re.escape(name).replace(r"\*", ".*") for name in sorted(models)) or r"(?!)")


@lru_cache(maxsize=256)
def _pattern(header: str) -> re.Pattern[str]:
    return pattern_of(json.loads(header))
