"""Servers behind a load balancer that pools connections: idle times, a rolling update, and stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import pytest

import parts
from aws_fidelity import fleet

from .rolling_update import IDLE_SECONDS, Outcome, observe

pytestmark = [
    pytest.mark.xdist_group("connections"),
    pytest.mark.skipif(not parts.load_balancer().is_installed, reason=f"run {parts.load_balancer().command}, as root"),
]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("fleet")
    with socket.create_server(("0.0.0.0", 0)) as listening:
        files = fleet.compiled(folder, model_port=listening.getsockname()[1], THREADS="1")
        return asyncio.run(observe(folder, fleet.fleet(folder, files), listening))


@pytest.fixture(params=fleet.SERVICES)
def outcome(request: pytest.FixtureRequest, observed: Mapping[str, Outcome]) -> Outcome:
    if request.param not in observed:
        pytest.skip(f"what {request.param} runs on is not installed: `make gateway-parts weights-parts`")
    return observed[request.param]


def test_no_request_fails_during_a_rolling_update(outcome: Outcome) -> None:
    assert set(outcome.statuses) == {200}, (outcome.statuses, outcome.bodies)


def test_idle_connections_stay_open(outcome: Outcome) -> None:
    assert outcome.idle_seconds
    assert min(outcome.idle_seconds) >= IDLE_SECONDS, outcome.idle_seconds


def test_streams_end_complete_when_a_copy_stops(outcome: Outcome) -> None:
    assert outcome.streams
    assert set(outcome.streams) == {"complete"}


def test_copies_stop_before_they_are_killed(outcome: Outcome) -> None:
    assert outcome.stops
    assert not [stop for stop in outcome.stops if stop.was_killed], outcome.stops


def test_copies_run_without_privileges(outcome: Outcome) -> None:
    """Real servers, among them LiteLLM and vLLM, answered all of this on a root that they cannot write to."""
    nothing = "0000000000000000"
    assert outcome.isolation == {
        (
            "Uid: 65534 65534 65534 65534",
            "Gid: 65534 65534 65534 65534",
            "Groups:",
            f"CapPrm: {nothing}",
            f"CapEff: {nothing}",
            f"CapBnd: {nothing}",
            "NoNewPrivs: 1",
        )
    }


@pytest.mark.parametrize("service", ["vllm", "instructor"])
def test_models_reject_requests_without_their_key(observed: Mapping[str, Outcome], service: str) -> None:
    if service not in observed:
        pytest.skip(f"what {service} runs on is not installed: `make weights-parts`")
    assert observed[service].without_key
    assert set(observed[service].without_key) == {401}
