"""The one timer that watches a server's silence, and the writes of one turn of the event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lisa_gateway.gathering_transport import GatheringTransport
from lisa_gateway.silence import Silence


class Clock:
    """An event loop's timers, of which the time is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Any, list[bool]]] = []
        self.started = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Any) -> Any:
        self.started += 1
        cancelled: list[bool] = []
        self.timers.append((when, call, cancelled))

        class Handle:
            def cancel(self) -> None:
                cancelled.append(True)

        return Handle()

    def go_to(self, now: float) -> None:
        while due := [timer for timer in self.timers if timer[0] <= now and not timer[2]]:
            first = min(due, key=lambda timer: timer[0])
            self.timers.remove(first)
            self.now = first[0]
            first[1]()
        self.now = now


@pytest.fixture
def watched() -> tuple[Clock, Silence, list[float]]:
    clock, called = Clock(), []  # type: ignore[var-annotated]
    return clock, Silence(clock, lambda: called.append(clock.now)), called  # type: ignore[arg-type]


def test_silence_is_noticed_when_it_is_too_long(watched: tuple[Clock, Silence, list[float]]) -> None:
    clock, silence, called = watched
    silence.watch(10)
    clock.go_to(109)
    assert called == []
    clock.go_to(111)
    assert called == [110]
    clock.go_to(500)
    assert called == [110]


def test_a_timer_serves_many_parts(watched: tuple[Clock, Silence, list[float]]) -> None:
    clock, silence, called = watched
    silence.watch(10)
    for second in range(101, 150):
        clock.go_to(second)
        silence.heard = clock.now
    assert clock.started <= 7
    clock.go_to(200)
    assert called == [159]


def test_a_shorter_limit_holds_at_once(watched: tuple[Clock, Silence, list[float]]) -> None:
    clock, silence, called = watched
    silence.watch(590)
    clock.go_to(105)
    silence.watch(2)
    clock.go_to(120)
    assert called == [107]


def test_a_longer_limit_holds_too(watched: tuple[Clock, Silence, list[float]]) -> None:
    clock, silence, called = watched
    silence.watch(2)
    clock.go_to(101)
    silence.watch(10)
    clock.go_to(110.5)
    assert called == []
    clock.go_to(112)
    assert called == [111]


def test_nothing_is_watched_after_the_end(watched: tuple[Clock, Silence, list[float]]) -> None:
    clock, silence, called = watched
    silence.watch(2)
    silence.stop()
    silence.stop()
    clock.go_to(110)
    assert called == []
    silence.watch(2)
    clock.go_to(113)
    assert called == [112]


class Written(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.writes.append(b"closed")


def test_a_head_goes_with_what_is_behind_it_and_later_parts_at_once() -> None:
    async def scenario() -> list[list[bytes]]:
        under = Written()
        transport = GatheringTransport(under, asyncio.get_running_loop())
        transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
        transport.write(b"first")
        seen = [list(under.writes)]
        await asyncio.sleep(0)
        seen.append(list(under.writes))
        transport.write(b"second")
        seen.append(list(under.writes))
        # The next answer of the connection, which closes.
        transport.write(bytearray(b"HTTP/1.1 204 No Content\r\n\r\n"))
        transport.close()
        seen.append(list(under.writes))
        return seen

    head, last = b"HTTP/1.1 200 OK\r\n\r\nfirst", b"HTTP/1.1 204 No Content\r\n\r\n"
    assert asyncio.run(scenario()) == [[], [head], [head, b"second"], [head, b"second", last, b"closed"]]
