"""A LiteLLM that hangs ends the gateway; one that is busy does not."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

from gateway.conftest import Aws, settings
from gateway.processes import gateway
from gateway.stub_model import StubModel
from lisa_gateway.watchdog import Watchdog


def barks(url: str, seconds: float, within: float) -> bool:
    barked = threading.Event()
    watchdog = Watchdog(url, seconds, bark=barked.set, pause=0.05)
    watchdog.start()
    found = barked.wait(within)
    watchdog.stop()
    return found


def test_a_server_that_takes_connections_and_answers_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        assert barks(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.5, 20)
        assert time.monotonic() - began >= 0.5


def test_a_server_that_is_not_there() -> None:
    assert barks("http://127.0.0.1:1", 0.3, 20)


def test_a_server_that_answers(stub: StubModel) -> None:
    assert not barks(stub.url, 2, 4)


def test_a_server_that_answers_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as late:

        def answer() -> None:
            while True:
                try:
                    connection, _ = late.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    time.sleep(0.5)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        assert not barks(f"http://127.0.0.1:{late.getsockname()[1]}", 3, 6)


def test_the_gateway_ends_when_litellm_hangs(aws: Aws, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = settings(aws, "http://127.0.0.1:1", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with gateway(tmp_path, environment | {"HANG_TIMEOUT": "1", "DRAIN_TIMEOUT": "1"}, healthy=False) as found:
            found.process.wait(60)
            assert "has not responded for 1 seconds" in found.log.read_text()
