"""Times of connections and stops, which the load balancer, the servers behind it and ECS have to agree on.

Everything that the compiler emits about them comes from here. See docs/decisions/0035-connections.md.
"""

from __future__ import annotations

from typing import Final

from lisa_schema.settable_variables import GATEWAY

LOAD_BALANCER_IDLE_SECONDS: Final = 600
"""Idle timeout of every load balancer. A complete answer that takes long sends nothing until it is ready."""

KEEP_ALIVE_SECONDS: Final = LOAD_BALANCER_IDLE_SECONDS + 20
"""How long a server behind a load balancer keeps an idle connection. The load balancer must be the first to close it:
otherwise it sends requests on connections that the server is closing, answers 502 and does not repeat a POST."""

DRAIN_SECONDS: Final = 90
"""How long requests in flight may take after SIGTERM."""

STOP_MARGIN_SECONDS: Final = 30
"""What a container needs beyond that to stop: the gateway 10 seconds, then LiteLLM 10, and 10 to spare."""

DEREGISTRATION_SECONDS: Final = LOAD_BALANCER_IDLE_SECONDS
"""How long requests in flight may take after a target is deregistered, before ECS sends SIGTERM: as long as an answer
may be silent. A target without requests is deregistered at once."""

MAX_DRAIN_SECONDS: Final = 3600 - STOP_MARGIN_SECONDS
"""Longest drain that the configuration may set: a deregistration delay is at most an hour (ELB API reference)."""

KEEP_ALIVE_VARIABLES: Final = {
    GATEWAY: "KEEP_ALIVE_TIMEOUT",
    "instructor": "KEEP_ALIVE_TIMEOUT",
    "sglang": "SGLANG_TIMEOUT_KEEP_ALIVE",
    "vllm": "VLLM_HTTP_TIMEOUT_KEEP_ALIVE",
}
"""The variable that sets it, by container. TGI and TEI never close an idle connection, and have no setting."""

DRAIN_VARIABLE: Final = "DRAIN_TIMEOUT"
DRAINING: Final = (GATEWAY, "instructor", "vllm")
"""Containers that read `DRAIN_VARIABLE`. TGI waits 90 seconds, TEI and SGLang until every request has ended."""
