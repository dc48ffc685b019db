"""The chat application and the API behind one address, as API Gateway serves them in AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa_compiler.dev.packages import python_with
from lisa_compiler.dev.processes import Program, responds
from lisa_compiler.plan.routes import API_ROUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASSIGNMENT = "window.env = "
_SERVER = Path(__file__).with_name("servers") / "web_server.py"


def plan(
    folder: Path,
    bundle: Mapping[str, bytes],
    env_js: bytes,
    *,
    port: int,
    stage: str,
    api: str,
    settings: Mapping[str, str],
) -> Program:
    """The program that serves them at `http://127.0.0.1:<port>/<stage>/`.

    Args:
        folder: where the application's files are written.
        bundle: the application's files, by path.
        env_js: the settings that the environment compiles to.
        port: where to listen.
        stage: first part of every path.
        api: address of the API.
        settings: settings of env.js that differ on this machine.

    Raises:
        MissingPackageError: the server's packages are not installed.
    """
    python = python_with("The web server", "aiohttp")
    for path, content in bundle.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (folder / "env.js").write_text(local_env_js(env_js, settings), encoding="utf-8")
    served = {
        "port": port,
        "prefix": f"/{stage}",
        "folder": str(folder),
        "api": api,
        "routes": sorted({route.path.split("/")[1] for route in API_ROUTES}),
    }
    return Program(
        name="web",
        command=[python, _SERVER],
        environment={"WEB": json.dumps(served), "PYTHONUNBUFFERED": "1"},
        is_ready=responds(f"http://127.0.0.1:{port}/{stage}/env.js"),
    )


def local_env_js(env_js: bytes, settings: Mapping[str, str]) -> str:
    """env.js with other settings."""
    compiled = env_js.decode().partition(_ASSIGNMENT)[2].strip().removesuffix(";")
    changed: dict[str, Any] = json.loads(compiled.replace("${!", "${")) | settings
    return f"{_ASSIGNMENT}{json.dumps(changed, indent=2, ensure_ascii=False)};\n"
