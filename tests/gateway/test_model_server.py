"""A model's server: connections, what is sent again, its circuit and its limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest

from gateway.direct_request import settings
from gateway.scripted_upstream import HELLO, Server, answering, forever, request
from lisa_compiler.dev.processes import free_port
from lisa_gateway.answer import whole
from lisa_gateway.direct.circuit import Circuit
from lisa_gateway.direct.server import ModelServer
from lisa_gateway.errors import BusyError, ModelUnavailableError, UpstreamTimeoutError, UpstreamUnavailableError


def run(server: Server, talk: Callable[[ModelServer], Awaitable[None]], **changed: float) -> None:
    async def main() -> None:
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        model = ModelServer(address, settings(**changed))
        async with asyncio.timeout(10):
            await talk(model)
        model.close()
        listening.close()

    asyncio.run(main())


async def post(model: ModelServer, caller: bytes = b"one") -> bytes:
    with closing(await model.send(b"/x", headers=[], body=b"{}", caller=caller)) as answer:
        return await whole(answer)


async def closes_on_the_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    writer.write(HELLO)
    await request(reader)


def test_a_request_that_a_closing_connection_took_is_sent_again() -> None:
    async def talk(model: ModelServer) -> None:
        assert [await post(model) for _ in range(2)] == [b"hello", b"hello"]

    server = Server(closes_on_the_second, forever)
    run(server, talk)
    assert server.connections == 2


async def closes_in_the_second_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    writer.write(HELLO)
    await request(reader)
    writer.write(b"HTTP/1.1 2")


@pytest.mark.parametrize("scripts", [(closes_in_the_second_answer, forever), (answering(HELLO), answering())])
def test_no_other_request_is_sent_again(scripts: tuple[object, ...]) -> None:
    async def talk(model: ModelServer) -> None:
        assert await post(model) == b"hello"
        with pytest.raises(UpstreamUnavailableError):
            await post(model, b"one" if scripts[0] is closes_in_the_second_answer else b"two")

    server = Server(*scripts)  # type: ignore[arg-type]
    run(server, talk)
    assert server.connections == (1 if scripts[0] is closes_in_the_second_answer else 2)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def test_a_model_that_hangs_takes_its_own_places_alone() -> None:
    async def talk(model: ModelServer) -> None:
        waiting = [asyncio.create_task(post(model)) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(BusyError, match="MAX_MODEL_REQUESTS"):
            await post(model)
        for task in waiting:
            with pytest.raises(UpstreamTimeoutError):
                await task
        with pytest.raises(UpstreamTimeoutError):
            await post(model)

    run(Server(silent), talk, max_model_requests=3, answer_timeout=0.3)


def test_a_server_is_tried_by_one_request_at_a_time_while_it_is_out_of_reach() -> None:
    now = [0.0]
    circuit = Circuit(lambda: now[0])
    assert [circuit.may_try() for _ in range(3)] == [True] * 3
    circuit.has_failed()
    assert [circuit.may_try() for _ in range(3)] == [True, False, False]
    now[0] = 1.1  # Other requests do not wait for an attempt that hangs.
    assert [circuit.may_try() for _ in range(2)] == [True, False]
    circuit.has_failed()
    assert [circuit.may_try() for _ in range(2)] == [True, False]
    circuit.has_worked()
    assert [circuit.may_try() for _ in range(3)] == [True] * 3


def test_a_server_that_is_back_serves_at_once() -> None:
    async def main() -> None:
        port = free_port()
        model = ModelServer(f"http://127.0.0.1:{port}", settings())
        for _ in range(3):
            with pytest.raises(ModelUnavailableError):
                await post(model)
        listening = await asyncio.start_server(Server(forever), "127.0.0.1", port)
        assert await asyncio.gather(post(model)) == [b"hello"]
        assert await asyncio.gather(*(post(model) for _ in range(20))) == [b"hello"] * 20
        model.close()
        listening.close()

    asyncio.run(main())
