"""What LiteLLM's caches and callbacks require, found by creating each of them; for refresh_litellm.py."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Collection
from typing import Any

from litellm_image import package_of
from litellm_probe import Laboratory, Requirements

_PARAMETERS = {"azure-blob": "azure_", "gcs": "gcs_", "qdrant-semantic": "qdrant_", "s3": "s3_"}
_SERVERS = (
    ["REDIS_CLUSTER_NODES", "REDIS_SENTINEL_NODES", "REDIS_URL"],
    ["redis_startup_nodes", "sentinel_nodes", "url"],
)
"""What names the servers of Redis in another form, which takes more than one value."""


def cache_requirements(laboratory: Laboratory, types: Collection[str]) -> dict[str, Any]:
    """Find what each type of cache requires: groups of variables and parameters of `cache_params`, or a package."""
    from litellm.caching.caching import Cache

    found: dict[str, Any] = {}
    for kind in sorted(types):
        prefix = _PARAMETERS.get(kind)
        candidates = {name for name in laboratory.parameters if prefix and name.startswith(prefix)}
        row = _row(laboratory, laboratory.require(lambda given, kind=kind: Cache(type=kind, **given), candidates))
        if kind == "redis-semantic":
            # It is created without the package, which its first use imports.
            row = {"module": "redisvl"} if "redisvl" not in laboratory.modules else row
        for group in row.get("needs", ()):
            if "host" in group[1]:
                group[0], group[1] = sorted({*group[0], *_SERVERS[0]}), sorted({*group[1], *_SERVERS[1]})
        if row:
            found[kind] = row
    return found


def callback_requirements(laboratory: Laboratory, names: Collection[str]) -> dict[str, Any]:
    """Find what each callback requires: groups of variables, or a package."""
    found: dict[str, Any] = {}
    for name in sorted(names):
        row = _row(laboratory, laboratory.require(lambda _given, name=name: asyncio.run(_create(name))))
        if row:
            found[name] = row
    return found


def _row(laboratory: Laboratory, required: Requirements) -> dict[str, Any]:
    if required.module:
        return {"module": package_of(required.module, laboratory.modules)}
    # Where it could not be created, what LiteLLM's own errors name is certain, and nothing else.
    certain = [True] * len(required.needed) if required.is_complete else required.named
    needs = [list(group) for group, is_certain in zip(required.needed, certain, strict=True) if is_certain]
    return {"needs": needs} if needs else {}


async def _create(name: str) -> None:
    """Create a callback as the proxy does, in an event loop, and raise what LiteLLM logs instead of raising it."""
    import litellm
    from litellm.caching.dual_cache import DualCache
    from litellm.litellm_core_utils import litellm_logging

    litellm_logging._in_memory_loggers.clear()
    kept, subprocess.check_call = subprocess.check_call, _install_nothing
    logged = _Logged()
    logging.getLogger("LiteLLM").addHandler(logged)
    try:
        if name in litellm._known_custom_logger_compatible_callbacks:
            litellm_logging._init_custom_logger_compatible_class(name, DualCache(), None, {})
        else:
            litellm_logging.set_callbacks([name])
    finally:
        subprocess.check_call = kept
        logging.getLogger("LiteLLM").removeHandler(logged)
        litellm_logging._in_memory_loggers.clear()
    if logged.problem is not None:
        raise logged.problem


class _Logged(logging.Handler):
    """Keeps the first exception that is logged."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.problem: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep an exception."""
        if record.exc_info and self.problem is None:
            self.problem = record.exc_info[1]


def _install_nothing(command: Any, *_args: Any, **_options: Any) -> int:
    package = command[-1] if isinstance(command, list) else str(command)
    raise ModuleNotFoundError(f"No module named '{package}'", name=package)
