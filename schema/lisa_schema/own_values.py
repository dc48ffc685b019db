"""What values the variables take that LISA's own programs read: the gateway, the instructor server and entrypoints.

A program ends at a value that it cannot read. tests/schema/test_own_values.py compares the gateway's with its settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lisa_schema.settable_variables import GATEWAY, MODELS

_INTEGER: Final = re.compile(r"\s*[+-]?\d+(_\d+)*(\.0+)?\s*")
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+(_\d+)*\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_TRUE: Final = frozenset({"1", "true", "True", "TRUE"})
_FALSE: Final = frozenset({"0", "false", "False", "FALSE"})
_TRUTHS: Final = {
    **dict.fromkeys(("yes", "on", "y", "t", "true"), "true"),
    **dict.fromkeys(("no", "off", "n", "f", "false"), "false"),
}
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _each(form: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), form)


_OF_MODELS: Final = {
    "COPY_ATTEMPTS": "integer ge=1",
    "COPY_PAUSE_SECONDS": "number ge=0",
    "THREADS": "integer ge=1",
}

OWN_FORMS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        GATEWAY: {
            "LOG_LEVEL": "level",
            **_each(
                "integer ge=1",
                "AUDIT_CONTENT_PART_BYTES KEEP_ALIVE_TIMEOUT MAX_BODY_BYTES MAX_CALLER_LARGE_BODIES "
                "MAX_CALLER_REQUESTS MAX_CONNECTIONS MAX_FORM_BYTES MAX_HEADER_BYTES MAX_JSON_BYTES MAX_JSON_DEPTH "
                "MAX_JSON_ELEMENTS MAX_JSON_FIELD_BYTES MAX_JSON_TEXT_BYTES MAX_LARGE_BODIES MAX_MODEL_REQUESTS "
                "MAX_REQUESTS MAX_TARGET_BYTES MIN_BODY_BYTES THREADS",
            ),
            **_each("integer ge=1048576", "AUDIT_CONTENT_MAX_BYTES AUDIT_MAX_BYTES"),
            "DRAIN_TIMEOUT": "integer ge=0",
            "METRICS_PORT": "integer ge=0 le=65535",
            **_each(
                "number gt=0",
                "ANSWER_TIMEOUT BODY_PROGRESS_TIMEOUT BODY_TIMEOUT CONNECT_TIMEOUT GATEWAY_CONFIGURATION_POLL "
                "HEAD_TIMEOUT MODEL_KEY_POLL STREAM_IDLE_TIMEOUT WRITE_TIMEOUT",
            ),
            **_each("number ge=0", "HANG_TIMEOUT LARGE_BODY_SECONDS TOKEN_GRACE"),
        },
        **dict.fromkeys(MODELS, _OF_MODELS),
        "vllm": {**_OF_MODELS, "DRAIN_TIMEOUT": "integer ge=0", "TRUST_REMOTE_CODE": "boolean"},
        "sglang": {**_OF_MODELS, "TRUST_REMOTE_CODE": "boolean"},
        "instructor": {
            **_OF_MODELS,
            **_each(
                "integer ge=1",
                "BATCH_SIZE KEEP_ALIVE_TIMEOUT MAX_CLIENT_BATCH_SIZE MAX_CONCURRENT_REQUESTS OMP_NUM_THREADS",
            ),
            "DRAIN_TIMEOUT": "integer ge=0",
            "TRUST_REMOTE_CODE": "boolean",
        },
    }
)
"""By container, the form of each variable: `integer` or `number` with limits, `boolean`, or `level` of a log."""

_WORDS: Final = {"ge": "at least", "gt": "more than", "le": "at most"}


def own_value_fault(container: str, name: str, value: str) -> tuple[str, str | None] | None:
    """Return what a variable takes, and a fix, where its value is not accepted; None where it is, or any text is.

    Args:
        container: `rest-api` or an inference container.
        name: name of the variable, as the table has it.
        value: the value as it is written.
    """
    kind, *limits = OWN_FORMS[container].get(name, "text").split()
    match kind:
        case "boolean":
            if value in _TRUE | _FALSE:
                return None
            meant = _TRUTHS.get(value.strip().lower())
            return "true or false", f"Write {meant}." if meant else None
        case "level":
            return None if value.upper() in _LEVELS else (f"one of {', '.join(_LEVELS)}", None)
        case "integer" | "number":
            pattern = _INTEGER if kind == "integer" else _NUMBER
            if pattern.fullmatch(value) and all(_holds(float(value), limit) for limit in limits):
                return None
            told = " and ".join(f"{_WORDS[name]} {limit}" for name, limit in (part.split("=") for part in limits))
            what = f"an integer of {told}" if kind == "integer" else f"a number {told}"
            return what, _in_bytes(value) if "BYTES" in name else _in_seconds(value)
        case _:
            return None


def _holds(number: float, limit: str) -> bool:
    name, text = limit.split("=")
    least = float(text)
    return number > least if name == "gt" else number >= least if name == "ge" else number <= least


def _in_seconds(value: str) -> str | None:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?)\s*", value, re.IGNORECASE)
    if found is None:
        return None
    seconds = float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2][0].lower()]
    return f"Write {seconds:g}."


def _in_bytes(value: str) -> str | None:
    found = re.fullmatch(r"\s*(\d+)\s*([kmg])i?b?\s*", value, re.IGNORECASE)
    return f"Write {int(found[1]) * 1024 ** ('kmg'.index(found[2].lower()) + 1)}." if found else None
