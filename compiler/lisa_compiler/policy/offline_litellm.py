"""Starts LiteLLM's proxy once, without a network, and writes what it says as JSON. Run by the Python that has LiteLLM.

Usage: offline_litellm.py CONFIG RESULT. It runs LiteLLM's own command line with the arguments of the gateway's
entrypoint; only the server is replaced, by its start and its end, so that no port is needed. It imports nothing of
LISA.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", ""})
_LOGGERS = ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")

OFFLINE = "no network while LISA checks the configuration"
"""What a connection to anything else fails with."""

blocked: list[str] = []
records: list[dict[str, str]] = []
result: dict[str, Any] = {"started": False, "error": "", "models": [], "guardrails": []}


def refuse_connections(event: str, arguments: Sequence[Any]) -> None:
    """Fail on connections and names, as an audit hook: it can neither be removed nor forgotten by a library."""
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0] or ""
    else:
        return
    host = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    if host not in _LOOPBACK:
        if host not in blocked:
            blocked.append(host)
        raise OSError(f"{host}: {OFFLINE}")


class Records(logging.Handler):
    """Keeps what LiteLLM logs as a warning or an error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, with the reason if it is that there is no network, which not every message has."""
        text = record.getMessage()
        if OFFLINE not in text and is_offline(sys.exc_info()[1]):
            text = f"{text}: {OFFLINE}"
        records.append({"level": record.levelname, "text": text})


def is_offline(error: BaseException | None) -> bool:
    """Return whether an exception, or what it came from, is a connection that was refused here."""
    seen = []
    while error is not None and error not in seen:
        if OFFLINE in str(error):
            return True
        seen.append(error)
        error = error.__cause__ or error.__context__
    return False


def start_and_stop(app: Any, **_options: Any) -> None:
    """Take the place of uvicorn.run(): run the start of the application, look at it, and end it."""
    module, _, attribute = str(app).partition(":")
    application = getattr(importlib.import_module(module), attribute) if attribute else app
    asyncio.run(_start_and_stop(application))


async def _start_and_stop(app: Any) -> None:
    async with app.router.lifespan_context(app):
        from litellm.proxy import proxy_server  # noqa: PLC0415  # LiteLLM is imported after the audit hook
        from litellm.proxy.guardrails.guardrail_registry import IN_MEMORY_GUARDRAIL_HANDLER  # noqa: PLC0415

        router = proxy_server.llm_router
        deployments = router.model_list if router is not None else ()
        result["models"] = [str(entry["model_name"]) for entry in deployments]
        guardrails = IN_MEMORY_GUARDRAIL_HANDLER.list_in_memory_guardrails()
        result["guardrails"] = [str(entry.get("guardrail_name")) for entry in guardrails]
        result["started"] = True


def main(config: str, output: str) -> None:
    """Start LiteLLM and write the result."""
    sys.addaudithook(refuse_connections)
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(Records(level=logging.WARNING))
    import uvicorn  # noqa: PLC0415  # after the audit hook

    uvicorn.run = start_and_stop
    try:
        from litellm.proxy.proxy_cli import run_server  # noqa: PLC0415  # likewise

        run_server.main(["--config", config, "--host", "127.0.0.1", "--port", "0"], standalone_mode=False)
    except SystemExit as end:
        result["error"] = f"LiteLLM exits with {end.code}"
    except BaseException as problem:
        result["error"] = f"{type(problem).__name__}: {problem}"
    found = {**result, "version": metadata.version("litellm"), "records": records, "blocked": blocked}
    Path(output).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
