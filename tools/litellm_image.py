"""Packages of the gateway's image: what it lacks cannot be imported while LiteLLM is tried; for litellm_probe.py."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib import abc, metadata
from typing import Any

PACKAGES = {
    "google": "google-auth",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.exporter": "opentelemetry-exporter-otlp",
    "sentry_sdk": "sentry-sdk",
    "slack_bolt": "slack-bolt",
    "traceloop": "traceloop-sdk",
}
"""Packages by the beginning of the module that is missing, where the names differ."""


def package_of(module: str, installed: Collection[str] = ()) -> str:
    """The package of a module: `google-auth` for `google.auth.transport`; the module itself where it is installed."""
    parts = module.split(".")
    found = (PACKAGES.get(".".join(parts[:count])) for count in (2, 1))
    return next((name for name in found if name), module if parts[0] in installed else parts[0])


class Missing(abc.MetaPathFinder):
    """Fails to import what the image lacks, though it is installed here."""

    def __init__(self, modules: frozenset[str]) -> None:
        self._hidden = frozenset(metadata.packages_distributions()) - modules - {"pip", "setuptools", "pkg_resources"}

    def find_spec(self, fullname: str, *_where: Any) -> None:
        """Refuse a hidden package."""
        if fullname.partition(".")[0] in self._hidden:
            raise ModuleNotFoundError(f"No module named '{fullname}'", name=fullname)


def missing_module(problem: BaseException | None) -> str:
    """The module that an exception, or what it came from, did not find; empty for another exception."""
    seen: list[BaseException] = []
    while problem is not None and problem not in seen:
        if isinstance(problem, ModuleNotFoundError) and problem.name:
            return problem.name
        named = re.search(r"No module named '([\w.]+)'", str(problem))
        if named is not None:
            return named[1]
        seen.append(problem)
        problem = problem.__cause__ or problem.__context__
    return ""
