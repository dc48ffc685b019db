"""Ports and paths at which the servers of containers answer health checks, and programs that their images lack.

The paths are the routes of each server: lisa_gateway.health and lisa_instructor.app here; vLLM's instrumentator and
SageMaker routers (0.32), SGLang's http_server (0.5.23), and the routers of text-generation-inference (3.3) and
text-embeddings-inference (1.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lisa_schema.settable_variables import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_schema.engine_images import EngineImage

PORT: Final = 8080
"""Port at which every container of LISA answers."""

_LITELLM: Final = 4000
_METRICS: Final = 9090
_TEI_METRICS: Final = 9000

_OPEN: Final = {
    GATEWAY: "/health /health/readiness",
    "vllm": "/health /ping /load /version /metrics /metrics/ /docs /redoc /openapi.json",
    "sglang": "/health /health_generate /metrics /metrics/",
    "tgi": "/ /health /ping /metrics",
    "tei": "/ /health /ping /metrics",
    "instructor": "/health",
}
_WITHOUT_KEY: Final = {
    "vllm": "/v1/models",
    "sglang": (
        "/ /ping /v1/models /model_info /get_model_info /server_info /get_server_info /get_load /docs /openapi.json "
        "/v1/loads"
    ),
    "tgi": "/info /v1/models /docs /api-doc/openapi.json /invocations",
    "tei": "/info /docs /api-doc/openapi.json /v1/models",
    "instructor": "/v1/models /openapi.json",
}

_SLIM: Final = frozenset(
    "curl wget nc ncat netcat jq ps pgrep netstat ss lsof telnet dig nslookup socat ping http".split()  # noqa: SIM905
)
_ALPINE: Final = frozenset("curl ncat jq dig http".split())  # noqa: SIM905
_ONLY_GET: Final = frozenset({"vllm", "sglang", "instructor"})


def ports(container: str, variables: Mapping[str, str], arguments: tuple[str, ...]) -> frozenset[int]:
    """Return the ports at which the processes of a container may answer.

    Args:
        container: `rest-api` or an inference container.
        variables: of the container; any that names a port counts.
        arguments: of its server; any number in the range of ports counts.
    """
    named = [value for name, value in variables.items() if name.upper().endswith("PORT")]
    found = {int(text) for text in (*named, *arguments) if text.isdecimal() and 0 < int(text) < 65536}
    own = {GATEWAY: {_METRICS, _LITELLM}, "tei": {_TEI_METRICS}, "tgi": {_TEI_METRICS}}
    return frozenset({PORT, *own.get(container, ()), *found})


def answers(container: str, path: str, *, with_key: bool) -> bool:
    """Return whether a server answers GET of a path with 200 to a caller without a token.

    Args:
        container: `rest-api` or an inference container.
        path: with a slash; a query does not matter.
        with_key: whether the server requires a key (`modelKeys`).
    """
    plain = path.partition("?")[0]
    if plain in _OPEN[container].split():
        return True
    return not with_key and plain in _WITHOUT_KEY.get(container, "").split()


def answers_head(container: str) -> bool:
    """Return whether HEAD of the health check may be answered as GET is."""
    return container not in _ONLY_GET


def absent_programs(image: EngineImage) -> frozenset[str]:
    """Return programs that people use in checks and that Python's official images lack; empty for other images."""
    if image.repository.rpartition("/")[2] != "python":
        return frozenset()
    if "alpine" in image.tag:
        return _ALPINE
    return _SLIM if "slim" in image.tag else frozenset()


def is_official(image: EngineImage) -> bool:
    """Return whether an image is the official one, without additional programs."""
    return image.repository in ("python", "library/python", "docker/library/python")
