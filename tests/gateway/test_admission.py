"""What the application sees of a request: nothing over the limits, and only authenticated callers."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_gateway.admission import AdmissionMiddleware
from lisa_gateway.errors import BodyTooLargeError, HeadersTooLargeError, UnauthorizedError
from lisa_gateway.request_context import Caller, RequestContext
from lisa_gateway.settings import Settings

pytestmark = pytest.mark.anyio

CALLER = Caller(kind="token", key=b"k")
LIMITS = Settings(
    token_table_name="tokens",
    registered_models_ps_name="models",
    aws_region="us-east-1",
    use_auth=False,
    max_header_bytes=100,
    max_body_bytes=10,
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Application:
    """An application that reads the body, behind the middleware and an authenticator."""

    def __init__(self, *bodies: bytes, caller: Caller | Exception = CALLER) -> None:
        self.bodies: list[dict[str, Any]] = [{"type": "http.request", "body": body} for body in bodies]
        self.caller = caller
        self.headers_of: list[Any] = []
        self.served = 0
        self.received: list[bytes] = []
        self.context = RequestContext(request_id="r", began=0.0)

    @property
    def resources(self) -> Application:
        return self

    @property
    def authenticator(self) -> Application:
        return self

    async def authenticate(self, headers: Any) -> Caller:
        self.headers_of.append(headers)
        if isinstance(self.caller, Exception):
            raise self.caller
        return self.caller

    async def __call__(self, _scope: Any, receive: Any, _send: Any) -> None:
        self.served += 1
        while self.bodies:
            message = await receive()
            self.received.append(message.get("body", b""))

    async def receive(self) -> Any:
        return self.bodies.pop(0)

    async def serve(self, *headers: tuple[bytes, bytes], path: str = "/v2/serve/models") -> None:
        scope: dict[str, Any] = {
            "type": "http", "path": path, "headers": list(headers), "state": {"resources": self},
        }  # fmt: skip
        self.context.attach(scope)
        await AdmissionMiddleware(self, LIMITS)(scope, self.receive, None)  # type: ignore[arg-type]


def length(value: bytes) -> tuple[bytes, bytes]:
    return b"content-length", value


async def test_caller_is_authenticated_by_the_headers() -> None:
    app = Application()
    await app.serve((b"api-key", b"t"))
    assert (app.headers_of, app.context.caller, app.served) == ([[(b"api-key", b"t")]], CALLER, 1)


@pytest.mark.parametrize("path", ["/health", "/health/readiness"])
async def test_health_needs_no_credential(path: str) -> None:
    app = Application(caller=UnauthorizedError("no", given=False))
    await app.serve(path=path)
    assert (app.headers_of, app.context.caller, app.served) == ([], None, 1)


@pytest.mark.parametrize("path", ["/healthy", "/health/", "/", "/v2/health", "/HEALTH"])
async def test_other_paths_are_not_served_without_a_credential(path: str) -> None:
    app = Application(caller=UnauthorizedError("no", given=False))
    with pytest.raises(UnauthorizedError):
        await app.serve(path=path)
    assert (app.context.caller, app.served) == (None, 0)


async def test_lifespan_is_passed_on_as_it_is() -> None:
    app = Application(b"x" * 11)
    await AdmissionMiddleware(app, LIMITS)({"type": "lifespan"}, app.receive, None)  # type: ignore[arg-type]
    assert (app.served, app.received, app.headers_of) == (1, [b"x" * 11], [])


@pytest.mark.parametrize("headers", [[(b"a" * 40, b"b" * 60)], [(b"a" * 20, b"b" * 30)] * 2])
async def test_headers_at_the_limit_are_served(headers: list[tuple[bytes, bytes]]) -> None:
    app = Application()
    await app.serve(*headers)
    assert app.served == 1


@pytest.mark.parametrize(
    "headers", [[(b"a" * 41, b"b" * 60)], [(b"a" * 40, b"b" * 61)], [(b"a" * 20, b"b" * 30)] * 2 + [(b"c", b"")]]
)
@pytest.mark.parametrize("path", ["/v2/serve/models", "/health"])
async def test_headers_over_the_limit_are_rejected_before_authentication(
    headers: list[tuple[bytes, bytes]], path: str
) -> None:
    app = Application()
    with pytest.raises(HeadersTooLargeError, match="longer than 100 bytes"):
        await app.serve(*headers, path=path)
    assert (app.headers_of, app.served) == ([], 0)


@pytest.mark.parametrize("value", [b"0", b"9", b"10"])
async def test_content_length_within_the_limit_is_served(value: bytes) -> None:
    app = Application(b"x" * 10)
    await app.serve(length(value))
    assert app.received == [b"x" * 10]


@pytest.mark.parametrize("value", [b"11", b"1000000000000000000000"])
async def test_content_length_over_the_limit_is_rejected_before_authentication(value: bytes) -> None:
    app = Application()
    with pytest.raises(BodyTooLargeError, match="longer than 10 bytes"):
        await app.serve((b"accept", b"*/*"), length(value))
    assert (app.headers_of, app.served) == ([], 0)


async def test_last_content_length_counts() -> None:
    app = Application()
    with pytest.raises(BodyTooLargeError):
        await app.serve(length(b"1"), length(b"11"))


@pytest.mark.parametrize("headers", [[], [length(b"-1")], [length(b"1e3")], [(b"x-content-length", b"1")]])
@pytest.mark.parametrize("bodies", [[b"x" * 10], [b"x" * 4, b"x" * 6], [b""], [b"x"] * 10])
async def test_body_without_a_length_is_served_up_to_the_limit(
    headers: list[tuple[bytes, bytes]], bodies: list[bytes]
) -> None:
    app = Application(*bodies)
    await app.serve(*headers)
    assert app.received == bodies


@pytest.mark.parametrize(
    "headers", [[], [length(b"-1")], [length(b"1e3")], [(b"x-content-length", b"1")], [(b"age", b"1")]]
)
@pytest.mark.parametrize("bodies", [[b"x" * 11], [b"x" * 4, b"x" * 7], [b"x"] * 11])
async def test_body_without_a_length_is_cut_at_the_limit(
    headers: list[tuple[bytes, bytes]], bodies: list[bytes]
) -> None:
    app = Application(*bodies)
    with pytest.raises(BodyTooLargeError, match="longer than 10 bytes"):
        await app.serve(*headers)
    assert app.received == bodies[:-1]


async def test_message_without_a_body_counts_nothing() -> None:
    app = Application(b"x" * 10)
    app.bodies.append({"type": "http.disconnect"})
    await app.serve()
    assert app.received == [b"x" * 10, b""]
