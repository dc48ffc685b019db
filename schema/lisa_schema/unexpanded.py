"""References to variables of shells, templates and pipelines, which nothing replaces in a configuration."""

from __future__ import annotations

import re
from typing import Final

from lisa_schema.document import Path, key_path
from lisa_schema.visible_text import visible

_REFERENCE: Final = re.compile(
    r"\$\{[^{}]*\}|\$\([^()]*\)|\$[A-Z][A-Z0-9_]+|\{\{[^{}]*\}\}|<%[^%]*%>|%[A-Z][A-Z0-9_]+%|@[A-Z][A-Z0-9_]+@"
)
_OPTIONS: Final = {
    "region": "--region <region>",
    "accountNumber": "--account-number <account>",
    "deploymentName": "--deployment-name <name>",
    "profile": "--profile <name>",
}
_SHOWN: Final = 60


def unexpanded_fix(value: object, path: Path) -> str | None:
    """Return what to do about a refused value that has a reference to a variable; None when it has none.

    Args:
        value: the value as it is read.
        path: its key, for the option that gives it.
    """
    found = _REFERENCE.search(value) if isinstance(value, str) else None
    if found is None:
        return None
    at = key_path(path)
    option = _OPTIONS.get(at, f"--set {at}=<value>")
    return f"Write the value: `{visible(found[0][:_SHOWN])}` is not replaced. To give it for one run, pass {option}."
