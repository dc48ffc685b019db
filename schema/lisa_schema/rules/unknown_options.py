"""The rule about options that a server does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from lisa_schema.engine_settings import TITLES, Support, names, nearest, other_versions, support
from lisa_schema.engine_versions import EngineVersion
from lisa_schema.models import Config
from lisa_schema.option_successors import successor
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.server_arguments import ABBREVIATES, certainty, engine_models, server_arguments
from lisa_schema.server_arguments import holds_value, option_name

_SHORT: Final = {"p": "port", "e": "env", "h": "help", "V": "version"}
_FIRST_DASHES: Final = re.compile(r"--?(?=[A-Za-z])")
_LISTED: Final = 5
_GLUED: Final = re.compile(r"-(?P<name>[a-z]{2,3})(?P<value>\d+)")


@rule("LISA508", "unknown-option", "Check the name against the documentation of the server.")
def options_are_known(config: Config) -> Iterator[RuleViolation]:
    """Options in `serverArgs` and SERVER_ARGS must be ones that the server's version has: it does not start otherwise.

    A warning where the version is unknown, or not in the table of settings.
    """
    for index, model, container, installed in engine_models(config):
        severity = certainty(model, container, installed)
        for argument in server_arguments(model, index):
            flag = option_name(argument.text)
            if flag is None or holds_value(argument.text) or _is_known(container, argument.text, flag, installed):
                continue
            title = f"{TITLES[container]} {installed or ''}".rstrip()
            message = f"{title} has no option `{_FIRST_DASHES.match(argument.text)[0]}{flag}`"  # type: ignore[index]
            versions = other_versions(container, "options", flag)
            several = sorted(_completions(container, flag, installed)) if container in ABBREVIATES else []
            if len(several) > 1 and not versions:
                message = f"{title} has {len(several)} options that begin with `--{flag}`, and no one of this name"
            if versions:
                message += f", which versions {versions} have"
            if severity is None:
                message += ": the server does not start"
            fix = _fix(container, argument.text, flag, installed) or ("Remove or replace it." if versions else None)
            if fix is None and len(several) > 1:
                fix = f"Write one of {', '.join(f'`--{name}`' for name in several[:_LISTED])} in full."
            yield RuleViolation(argument.path, f"{message}.", fix, severity=severity)


def _completions(container: str, flag: str, installed: EngineVersion | None) -> frozenset[str]:
    """Options that an abbreviation may be: a parser refuses one that begins several."""
    return frozenset(
        name
        for name in names(container, "options")
        if name.startswith(flag) and support(container, "options", name, installed) is not Support.NO
    )


def _fix(container: str, text: str, flag: str, installed: EngineVersion | None) -> str | None:
    glued = _GLUED.fullmatch(text)
    if glued is not None and glued["name"] in names(container, "options"):
        return f"Write two elements: `-{glued['name']}` and `{glued['value']}`."
    if not text.startswith("--") and support(container, "options", flag, installed) is not Support.NO:
        return f"Write `--{flag}`."
    if (instead := successor(container, flag)) is not None:
        return instead
    known = frozenset(
        name for name in names(container, "options") if support(container, "options", name, installed) is Support.YES
    )
    near = nearest(flag, known)
    return f"Write `--{near}`." if near else None


@lru_cache(maxsize=4096)
def _is_known(container: str, text: str, flag: str, installed: EngineVersion | None) -> bool:
    if container in ABBREVIATES:
        if not text.startswith("--"):
            # `-tp 2`, `-O3`, `-cc.mode`: short names; the value may be part of those of one letter.
            short = {name for name in names(container, "options") if len(name) <= 3}
            return flag in short or flag[:1] in {"O", *(name for name in short if len(name) == 1)}
        candidates = {flag, flag.removeprefix("no-")}
        longer = _completions(container, flag, installed) if len(flag) > 1 else frozenset()
        if len(longer) == 1 or installed is None:
            candidates |= longer
    else:
        candidates = {_SHORT.get(flag, flag) if not text.startswith("--") else flag}
    return any(support(container, "options", name, installed) is not Support.NO for name in candidates)
