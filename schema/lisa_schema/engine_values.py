"""What values the options of vLLM and SGLang, and the variables of vLLM, take, by version.

The table is data/engine_values.json, made by tools/refresh_engine_settings.py from the parsers in the source of each
release. An option that it does not list takes any value.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, cast

from lisa_schema.engine_settings import Kind, Support, nearest, support
from lisa_schema.engine_versions import EngineVersion, version

FLAG: Final = "flag"
"""The form of an option that takes no value."""

_INTEGER: Final = re.compile(r"\s*[+-]?\d+(_\d+)*\s*")
_HUMAN: Final = re.compile(r"\d+(\.\d+)?[kKmMgGtT]|auto")
_HUMAN_IN_JSON: Final = re.compile(r'("(?:[^"\\]|\\.)*")|\b(\d+(?:\.\d+)?)[kKmMgGtT]\b')
_KINDS: Final = {
    "integer": "an integer",
    "human": "an integer",
    "number": "a number",
    "json": "JSON",
    "object": "a JSON object",
    "braced": "JSON where it is in braces",
}
_OF_JSON: Final = frozenset({"json", "object", "braced"})
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+")
_COMPARISONS: Final = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_LISTED: Final = 12


@dataclass(frozen=True, slots=True)
class Form:
    """What one release takes as the value of an option.

    Attributes:
        text: `flag`, `integer`, `human` (an integer, also as `32k`), `number`, `json`, `object` (of JSON), `braced`
            (JSON if it is in braces) or `choice`, with limits such as `ge=1`; empty for any value.
        choices: of the form `choice`.
        keys: of the form `object`, where others are an error; empty where any key is accepted.
    """

    text: str
    choices: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """The form without limits."""
        return self.text.partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFault:
    """Why a value is not accepted.

    Attributes:
        wanted: what the option takes, as `an integer of at least 1`.
        fix: what to write, a sentence; None when it is not clear.
    """

    wanted: str
    fix: str | None


def is_listed(engine: str) -> bool:
    """Return whether the table has an engine."""
    return engine in _table()["engines"]


def is_covered(engine: str, installed: EngineVersion | None) -> bool:
    """Return whether a version is between the first and the last release of the table."""
    releases = _releases(engine)
    return installed is not None and releases[0] <= installed <= releases[-1]


def takes_no_value(engine: str, option: str, installed: EngineVersion | None) -> bool:
    """Return whether an option is a flag in every release that the version may be."""
    forms = _forms(engine, option, installed)
    return bool(forms) and all(form.kind == FLAG for form in forms)


def requires_value(engine: str, option: str, installed: EngineVersion | None) -> bool:
    """Return whether an option takes a value in every release that the version may be."""
    forms = _forms(engine, option, installed)
    return bool(forms) and all(form.text and form.kind != FLAG for form in forms)


def value_fault(engine: str, option: str, value: str, installed: EngineVersion | None) -> ValueFault | None:
    """Return why no release that a version may be accepts a value; None when one does, or the table does not say.

    Args:
        engine: `vllm` or `sglang`.
        option: its name without dashes, or the name of a variable.
        value: the value as it is passed.
        installed: None, and versions that the table does not cover, are compared with all releases.
    """
    forms = _forms(engine, option, installed)
    if not forms or value in ("", "None") or any(_accepts(form, value) for form in forms):
        return None
    newest = forms[-1]
    if newest.kind == FLAG:
        return ValueFault(wanted="no value", fix=_without_value(option, value))
    if newest.kind == "choice":
        shown = sorted(newest.choices)
        near = nearest(value.lower(), newest.choices)
        listed = ", ".join(shown[:_LISTED]) + (f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else "")
        return ValueFault(wanted=f"one of {listed}", fix=f"Write `{near}`." if near else None)
    if newest.kind == "object" and (unknown := _unknown_keys(newest, value)):
        near = nearest(unknown[0], newest.keys)
        return ValueFault(
            wanted=f"no key `{unknown[0]}`", fix=f"Write `{near}`." if near else "Remove or correct the key."
        )
    fix = _json_fix(value) if newest.kind in _OF_JSON else None
    return ValueFault(wanted=_described(newest), fix=fix)


def _json_fix(value: str) -> str:
    pairs = [part.split("=") for part in value.split(",")]
    if all(len(pair) == 2 and _INTEGER.fullmatch(pair[1]) and pair[0].strip() for pair in pairs):
        written = json.dumps({name.strip(): int(number) for name, number in pairs})
        return f"Write `{written}`, in single quotes in YAML."
    return "Write valid JSON: names and texts in double quotes."


def _without_value(option: str, value: str) -> str:
    if value.lower() in ("false", "0", "no", "off"):
        return f"Remove the value, and write `--no-{option}` to turn it off." if option[:3] != "no-" else "Remove both."
    return "Remove the value."


def _described(form: Form) -> str:
    limits = [part.split("=") for part in form.text.split()[1:]]
    words = " and ".join(f"{_COMPARISONS[name]} {limit}" for name, limit in limits)
    kind = _KINDS[form.kind]
    return f"{kind} of {words}" if words and form.kind != "number" else f"{kind} {words}".rstrip()


def _accepts(form: Form, value: str) -> bool:
    match form.kind:
        case "":
            return True
        case "choice":
            return value in form.choices
        case "json" | "object":
            return _is_json(value, of_object=form.kind == "object") and not _unknown_keys(form, value)
        case "braced":
            text = value.strip()
            return not (text.startswith("{") and text.endswith("}")) or _is_json(text)
        case "integer" | "human" | "number":
            return (form.kind == "human" and _HUMAN.fullmatch(value) is not None) or _is_number(form, value)
        case _:
            return False


def _is_number(form: Form, value: str) -> bool:
    if form.kind != "number" and _INTEGER.fullmatch(value) is None:
        return False
    try:
        number = float(value)
    except ValueError:
        return False
    return _is_within(number, form.text.split()[1:])


def _is_within(number: float, limits: Iterable[str]) -> bool:
    for name, limit in (part.split("=") for part in limits):
        low, high = (number, float(limit)) if name in ("le", "lt") else (float(limit), number)
        if not (low < high if name in ("lt", "gt") else low <= high):
            return False
    return True


def _unknown_keys(form: Form, value: str) -> list[str]:
    """The keys of a JSON object that its form does not have."""
    if not form.keys or not _is_json(value, of_object=True):
        return []
    read = json.loads(_HUMAN_IN_JSON.sub(lambda found: found[1] or found[2], value))
    return [key for key in read if key not in form.keys]


def _is_json(value: str, *, of_object: bool = False) -> bool:
    """Whether a text is JSON, or an object of it; numbers of newer releases may have a unit (`80m`)."""
    try:
        read = json.loads(_HUMAN_IN_JSON.sub(lambda found: found[1] or found[2], value))
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) or not of_object


@cache
def _forms(engine: str, option: str, installed: EngineVersion | None) -> tuple[Form, ...]:
    """The forms of an option in the releases that a version may be, where they have the option."""
    table = _table()["engines"][engine]
    if option not in table["forms"]:
        return ()
    releases = _releases(engine)
    first, last = 0, len(releases) - 1
    if installed is not None and is_covered(engine, installed):
        first, last = bisect_right(releases, installed) - 1, bisect_left(releases, installed)
    found = []
    for at, release in enumerate(releases[first : last + 1], first):
        text = next((form for form, spans in table["forms"][option].items() if _holds(engine, spans, at)), "")
        words = table["choices"].get(option, {}) if text == "choice" else {}
        choices = frozenset(word for word, spans in words.items() if _holds(engine, spans, at))
        kind: Kind = "variables" if _VARIABLE.fullmatch(option) else "options"
        if text or support(engine, kind, option, release) is Support.YES:
            named = table.get("keys", {}).get(option, {}) if text == "object" else {}
            keys = frozenset(key for key, spans in named.items() if _holds(engine, spans, at))
            found.append(Form(text, choices, keys))
    return tuple(found)


def _holds(engine: str, spans: str, at: int) -> bool:
    return any(first <= at <= last for first, last in _indexes(engine, spans))


@cache
def _indexes(engine: str, spans: str) -> tuple[tuple[int, int], ...]:
    places = {text: index for index, text in enumerate(_table()["engines"][engine]["versions"])}
    ends = [places[word] for word in spans.split()]
    return tuple(zip(ends[::2], ends[1::2], strict=True))


@cache
def _releases(engine: str) -> tuple[EngineVersion, ...]:
    return tuple(version(text) for text in _table()["engines"][engine]["versions"])


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("lisa_schema") / "data" / "engine_values.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
