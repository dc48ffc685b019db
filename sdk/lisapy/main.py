"""The client: its methods are those of lisapy 2.0, over the gateway's `/v1` routes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

import httpx

from lisapy import exchange
from lisapy.errors import LisaError, RequestTimeoutError, UnreachableError
from lisapy.types import FoundationModel, ModelType, Response, StreamingResponse
from lisapy.version import VERSION

CONNECT_SECONDS = 10.0


class Lisa:
    """A deployment of LISA.

    Its connections are kept between calls; `close` and `aclose`, or `with` and `async with`, give them back. It may be
    used by several threads, and by several event loops.

    Args:
        url: address of the gateway, as `https://lisa.example.com`; `/v2/serve` or `/v1` at its end does no harm.
        headers: for every request, such as `{"Authorization": "Bearer <token>"}` or `{"Api-Key": "<token>"}`.
        cookies: for every request.
        timeout: seconds that may pass before the first byte of an answer, and between two pieces of it.
        verify: whether to check the gateway's certificate; or the path of the certificate, or of a bundle, to trust
            instead of those that are publicly trusted.

    Raises:
        ValueError: the url is none.
        LisaError: `verify` names a file that is not there or holds no certificate.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        verify: bool | str | PathLike[str] = True,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"“{url}” is not a URL: use one such as https://lisa.example.com")
        self.url = exchange.base_url(url)
        self._options: dict[str, Any] = {
            "base_url": self.url,
            "headers": {"User-Agent": f"lisapy/{VERSION}", **(headers or {})},
            "cookies": dict(cookies or {}),
            "timeout": httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
            "verify": _trust(verify),
        }
        try:
            self._client = httpx.Client(**self._options)
        except httpx.InvalidURL as error:
            raise ValueError(f"“{url}” is not a valid URL: {error}") from error
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

    def list_models(self) -> list[FoundationModel]:
        """All hosted models.

        Raises:
            LisaError: see lisapy.errors; this is true of every method.
        """
        return self._list(ModelType.TEXTGEN, ModelType.EMBEDDING)

    def list_textgen_models(self) -> list[FoundationModel]:
        """The models that generate text."""
        return self._list(ModelType.TEXTGEN)

    def list_embedding_models(self) -> list[FoundationModel]:
        """The models that embed."""
        return self._list(ModelType.EMBEDDING)

    def describe_model(self, provider: str, model_name: str) -> FoundationModel:
        """One model, by its provider, such as `ecs.textgen.tgi`, and its name.

        Raises:
            NotFoundError: there is none.
        """
        return exchange.model(self._get("/v1/describeModel", [("provider", provider), ("modelName", model_name)]))

    def generate(self, prompt: str, model: FoundationModel) -> Response:
        """Generate text."""
        return exchange.response(self._post("/v1/generate", exchange.body(prompt, model)))

    async def agenerate(self, prompt: str, model: FoundationModel) -> Response:
        """Generate text, asynchronously."""
        return exchange.response(await self._apost("/v1/generate", exchange.body(prompt, model)))

    def generate_stream(self, prompt: str, model: FoundationModel) -> Iterator[StreamingResponse]:
        """Generate text piece by piece; leaving the iteration ends the generation.

        Raises:
            StreamError: it broke off.
        """
        with (
            _explained(),
            self._client.stream("POST", "/v1/generateStream", json=exchange.body(prompt, model)) as answer,
        ):
            if answer.is_error:
                raise exchange.failure(answer.status_code, answer.read(), answer.headers)
            tokens = exchange.Tokens(answer.headers.get("x-request-id"))
            with _reading(tokens):
                for line in answer.iter_lines():
                    if piece := tokens.read(line):
                        yield piece

    async def agenerate_stream(self, prompt: str, model: FoundationModel) -> AsyncIterator[StreamingResponse]:
        """Generate text piece by piece, asynchronously; leaving the iteration ends the generation.

        Raises:
            StreamError: it broke off.
        """
        with _explained():
            async with self._async_client().stream(
                "POST", "/v1/generateStream", json=exchange.body(prompt, model)
            ) as answer:
                if answer.is_error:
                    raise exchange.failure(answer.status_code, await answer.aread(), answer.headers)
                tokens = exchange.Tokens(answer.headers.get("x-request-id"))
                with _reading(tokens):
                    async for line in answer.aiter_lines():
                        if piece := tokens.read(line):
                            yield piece

    def embed(self, texts: str | list[str], model: FoundationModel) -> list[list[float]]:
        """Embed a text, or several: a vector for each."""
        return exchange.embeddings(self._post("/v1/embeddings", exchange.body(texts, model)))

    async def aembed(self, texts: str | list[str], model: FoundationModel) -> list[list[float]]:
        """Embed a text, or several, asynchronously."""
        return exchange.embeddings(await self._apost("/v1/embeddings", exchange.body(texts, model)))

    def close(self) -> None:
        """Give the connections of the synchronous methods back."""
        self._client.close()

    async def aclose(self) -> None:
        """Give all connections of this event loop, and those of the synchronous methods, back."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()
        self.close()

    def __enter__(self) -> Lisa:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    async def __aenter__(self) -> Lisa:
        """Begin."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()

    def _list(self, *kinds: ModelType) -> list[FoundationModel]:
        return exchange.models(self._get("/v1/describeModels", exchange.describe_models_query(kinds)))

    def _get(self, path: str, query: Sequence[tuple[str, str]]) -> Any:
        with _explained():
            return _content(self._client.get(path, params=list(query)))

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        with _explained():
            return _content(self._client.post(path, json=body))

    async def _apost(self, path: str, body: Mapping[str, Any]) -> Any:
        with _explained():
            return _content(await self._async_client().post(path, json=body))

    def _async_client(self) -> httpx.AsyncClient:
        """The connections of this event loop; those of another one cannot be used in it."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = httpx.AsyncClient(**self._options)
        return client


def _content(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise exchange.failure(answer.status_code, answer.content, answer.headers)
    try:
        return answer.json()
    except ValueError as error:
        raise exchange.failure(answer.status_code, answer.content, answer.headers) from error


def _trust(verify: bool | str | PathLike[str]) -> bool | ssl.SSLContext:
    if isinstance(verify, bool):
        return verify
    try:
        return ssl.create_default_context(cafile=verify)
    except OSError as error:
        raise LisaError(f"verify: {verify} is not a readable certificate: {error.strerror or error}.") from error


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what httpx raises into LISA's errors."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise RequestTimeoutError("No response in time: try again, or pass a longer timeout to Lisa.") from error
    except httpx.RequestError as error:
        words = str(error) or type(error).__name__
        hint = "; pass the gateway's certificate as verify" if "CERTIFICATE_VERIFY_FAILED" in words else ""
        raise UnreachableError(f"The gateway is unreachable: {words}{hint}.") from error


@contextmanager
def _reading(tokens: exchange.Tokens) -> Iterator[None]:
    """Check that a stream that has begun comes to its end."""
    try:
        yield
    except httpx.TimeoutException:
        raise
    except httpx.RequestError as error:
        raise tokens.broken_off() from error
    tokens.end()
