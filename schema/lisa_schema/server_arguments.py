"""Arguments of inference servers: how SERVER_ARGS is split, and what an argument names."""

from __future__ import annotations

import re
from typing import Final

_QUOTED: Final = re.compile(
    r"""\s*(?P<before>[^\s=\[\](){}"']*=)?("(?P<double>([^"\\]|\\.)*)"|'(?P<single>[^']*)')(?=\s|$)""",
    re.ASCII | re.DOTALL,
)
_PLAIN: Final = re.compile(r"\s*(\S+)", re.ASCII)
_OPTION: Final = re.compile(r"--?(?P<name>[A-Za-z][A-Za-z0-9_-]*)")


def split_words(text: str) -> list[str]:
    """Split SERVER_ARGS as the entrypoints do (templates/containers/_words.sh.j2).

    White space separates words. A word in quotes is one argument without them, also behind `--option=`; in double
    quotes, a backslash comes before a quote or a backslash. Other quotes are part of their word.
    """
    words, at = [], 0
    while True:
        if found := _QUOTED.match(text, at):
            inner = found["single"] if found["double"] is None else found["double"]
            if found["double"] is not None:
                inner = inner.replace('\\"', '"').replace("\\\\", "\\")
            words.append((found["before"] or "") + inner)
        elif found := _PLAIN.match(text, at):
            words.append(found[1])
        else:
            return words
        at = found.end()


def unclosed_quote(word: str) -> bool:
    """Return whether a word of `split_words` opens a quote that does not close at the end of a word."""
    return re.match(r"""([^\s=\[\](){}"']*=)?["']""", word) is not None


def option_name(argument: str) -> str | None:
    """Return the option that an argument is, without dashes: `max-model-len`; None for a value.

    Both spellings are read (`--max_model_len`), and what follows the name: `--seed=1`, `--compilation-config.mode`.
    """
    found = _OPTION.match(argument)
    return found["name"].replace("_", "-") if found else None


def holds_value(argument: str) -> bool:
    """Whether one argument is an option and its value, separated by a space, which a parser takes for one name."""
    found = _OPTION.match(argument)
    return found is not None and re.match(r"[A-Za-z0-9_.-]*\s", argument[found.end() :]) is not None
