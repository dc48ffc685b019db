"""Refresh lisa_gateway/operations.csv: `.venv/gateway/bin/python tools/refresh_operations.py`.

Known operations keep their access and group; new ones are added as `closed,…,unclassified`, printed, and fail
`tests/gateway/test_operations.py` until a person classifies them; operations that LiteLLM no longer has are removed.
`--list` prints the operations and the parameters of the installed LiteLLM as JSON and changes nothing.

The operations come from the route table of the started proxy: routes hidden from its OpenAPI document, mounted
applications (method MOUNT), websockets (method WEBSOCKET) and routers that LiteLLM otherwise loads on first use.

lisa_gateway/litellm_parameters.txt gets the parameters that LiteLLM acts on itself, which callers may not set; the
gateway checks them too, for requests that go to a model's own server.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parents[1] / "runtime" / "gateway" / "lisa_gateway" / "operations.csv"
PARAMETERS = TABLE.with_name("litellm_parameters.txt")
COLUMNS = ("access", "method", "path", "group")
# What LiteLLM needs to start, and the callback that mounts Prometheus' own application.
_CONFIG = """\
model_list: []
general_settings: {master_key: sk-refresh-0f1e2d3c4b5a6978}
litellm_settings: {callbacks: [prometheus]}
"""

# In the container routers are loaded on first use, which adds this route; here all are loaded, which leaves it out.
_ON_DEMAND = ("POST", "/lazy/warm/{name}")


def main(arguments: list[str]) -> int:
    """Write the tables, or list what is in them."""
    found = asyncio.run(installed_operations())
    if "--list" in arguments:
        sys.stdout.write(json.dumps({"operations": found, "parameters": installed_parameters()}) + "\n")
        return 0
    with TABLE.open(encoding="utf-8", newline="") as file:
        known = {(row["method"], row["path"]): row for row in csv.DictReader(file)}
    new = {"access": "closed", "group": "unclassified"}
    rows = [known.get((method, path), {**new, "method": method, "path": path}) for method, path in found]
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: (row["path"], row["method"])))
    head = "# Parameters of the pinned LiteLLM, in lower case; tools/refresh_operations.py writes this file."
    PARAMETERS.write_text("\n".join([head, *installed_parameters()]) + "\n", encoding="utf-8")
    present = {(row["method"], row["path"]) for row in rows}
    for method, path in sorted(present - known.keys()):
        sys.stdout.write(f"new      {method} {path}\n")
    for method, path in sorted(known.keys() - present):
        sys.stdout.write(f"removed  {method} {path}\n")
    return 0


def installed_parameters() -> list[str]:
    """What lisa_gateway.proxy_authorization knows of the installed LiteLLM, in lower case."""
    sys.path.insert(0, str(TABLE.parents[1]))
    from lisa_gateway.proxy_authorization import known_parameters

    return sorted(known_parameters())


async def installed_operations() -> list[tuple[str, str]]:
    """Method and path template of each operation of the installed LiteLLM, once it has started."""
    os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_DISABLE_LAZY_ROUTES": "true"}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(_CONFIG, encoding="utf-8")
        os.environ["CONFIG_FILE_PATH"] = str(config)
        from litellm.proxy.proxy_server import app

        async with app.router.lifespan_context(app):
            document = app.openapi()["paths"]
            operations = {*_operations(app.routes), _ON_DEMAND}
    # What the document has must be in the route table; it spells `{name:path}` as `{name}`, and WEBSOCKET as GET.
    templates = {(method.replace("WEBSOCKET", "GET"), path.replace(":path}", "}")) for method, path in operations}
    hidden = {(m.upper(), p) for p, methods in document.items() for m in methods} - templates
    if hidden:
        raise RuntimeError(f"The OpenAPI document has operations that the route table lacks: {sorted(hidden)}")
    return sorted(operations)


def _operations(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    from fastapi.routing import iter_route_contexts
    from starlette.routing import Mount, WebSocketRoute

    for context in iter_route_contexts(list(routes)):
        route = context.original_route
        path = prefix + str(getattr(context, "path", None) or getattr(route, "path", ""))
        if isinstance(route, Mount):
            yield "MOUNT", path
            yield from _operations(route.routes or [], path)
        elif isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", path
        else:
            for method in getattr(context, "methods", None) or getattr(route, "methods", None) or ["ANY"]:
                yield method, path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
