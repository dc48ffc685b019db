"""The options of a model's server, paired with their values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lisa_schema.engine_settings import names
from lisa_schema.engine_versions import EngineVersion
from lisa_schema.option_values import takes_no_value
from lisa_schema.rules.server_arguments import ABBREVIATES, Argument
from lisa_schema.server_arguments import holds_value, option_name

_OPTION: Final = re.compile(r"--?[A-Za-z][A-Za-z0-9_-]*")
_NUMERIC: Final = re.compile(r"-\d+(\.\d*)?|-\.\d+")


@dataclass(frozen=True, slots=True)
class GivenOption:
    """An option as it is given.

    Attributes:
        option: its full name without dashes.
        text: its name as it is written.
        at: the argument that has the name.
        value: None for an option that stands alone.
        value_at: the argument that has the value, or the name without one.
    """

    option: str
    text: str
    at: Argument
    value: str | None
    value_at: Argument


def pair_options(
    arguments: Iterator[Argument], container: str, installed: EngineVersion | None
) -> tuple[list[GivenOption], list[tuple[Argument, str]]]:
    """Pair options with their values, and find values behind flags."""
    given: list[GivenOption] = []
    stray: list[tuple[Argument, str]] = []
    words = list(arguments)
    at = 0
    while at < len(words):
        argument = words[at]
        at += 1
        flag = option_name(argument.text)
        if flag is None or holds_value(argument.text):
            continue
        written = _OPTION.match(argument.text)
        rest = argument.text[written.end() :] if written else ""
        text = written[0] if written else argument.text
        name = _full_name(container, flag)
        if name is None:
            continue  # LISA508 reports it.
        if rest.startswith("="):
            given.append(GivenOption(name, text, argument, rest[1:], argument))
        elif rest:
            continue  # A part of JSON: `--speculative-config.method`.
        else:
            follows = words[at] if at < len(words) and _is_value(words[at].text) else None
            if follows is not None and takes_no_value(container, name, installed):
                stray.append((follows, text))
            elif follows is not None:
                given.append(GivenOption(name, text, argument, follows.text, follows))
                at += 1
            else:
                given.append(GivenOption(name, text, argument, None, argument))
    return given, stray


def _full_name(container: str, flag: str) -> str | None:
    """The option that a flag is: by its name, as `no-` and its name, or by the beginning of one name alone."""
    known = names(container, "options")
    for name in (flag, flag.removeprefix("no-")):
        if name in known:
            return name
    if container not in ABBREVIATES:
        return None
    longer = [name for name in known if name.startswith(flag)] if len(flag) > 1 else []
    return longer[0] if len(longer) == 1 else None


def _is_value(text: str) -> bool:
    return not text.startswith("-") or text == "-" or _NUMERIC.fullmatch(text) is not None
