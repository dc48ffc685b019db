"""The HTTP application: OpenAI's embeddings route, with an instruction."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from lisa_instructor.authorization import KeyRequired
from lisa_instructor.encoder import Encoder, SentenceEncoder
from lisa_instructor.settings import Settings


class EmbeddingsRequest(BaseModel):
    """Body of a request; fields that OpenAI's clients send besides are ignored."""

    input: str | list[str] = Field(description="A text, or several.")
    model: str | None = None
    instruction: str | None = Field(default=None, description="Purpose of the embeddings.")
    encoding_format: Literal["float", "base64"] = "float"


def create_app(settings: Settings | None = None, load: Callable[[Settings], Encoder] = SentenceEncoder) -> FastAPI:
    """Make the application; the model is loaded when it starts."""
    settings = settings or Settings.read(os.environ)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.encoder = await run_in_threadpool(load, settings)
        app.state.turn = asyncio.Lock()
        app.state.waiting = 0
        yield

    app = FastAPI(title="LISA instructor", lifespan=lifespan, docs_url=None, redoc_url=None)
    if settings.key:
        app.add_middleware(KeyRequired, key=settings.key)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:  # noqa: ARG001
        place = ".".join(str(part) for part in error.errors()[0]["loc"][1:])
        return _error(400, f"{place}: {error.errors()[0]['msg']}")

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "OK"}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": settings.model_name, "object": "model", "owned_by": "lisa"}]}

    @app.post("/v1/embeddings", response_model=None)
    async def embeddings(body: EmbeddingsRequest) -> dict[str, Any] | JSONResponse:
        texts = [body.input] if isinstance(body.input, str) else body.input
        if not texts or not all(texts):
            return _error(400, "input: texts must not be empty")
        if len(texts) > settings.max_inputs:
            return _error(413, f"input: {len(texts)} texts; the maximum is {settings.max_inputs}")
        if app.state.waiting >= settings.max_concurrent_requests:
            return _error(429, "the model is busy; try again later")
        app.state.waiting += 1
        try:
            # One request at a time uses the model: several at once only share the GPU's memory and slow each other.
            async with app.state.turn:
                instruction = settings.instruction if body.instruction is None else body.instruction
                encoded = await run_in_threadpool(app.state.encoder.encode, texts, instruction)
        finally:
            app.state.waiting -= 1
        data = [
            {"object": "embedding", "index": index, "embedding": _formatted(vector, body.encoding_format)}
            for index, vector in enumerate(encoded.vectors)
        ]
        usage = {"prompt_tokens": encoded.tokens, "total_tokens": encoded.tokens}
        return {"object": "list", "model": settings.model_name, "data": data, "usage": usage}

    return app


def _formatted(vector: Sequence[float], encoding: Literal["float", "base64"]) -> str | list[float]:
    """A vector as numbers, or as base64 of little-endian 32-bit floats, which is what OpenAI's clients ask for."""
    if encoding == "float":
        return list(vector)
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _error(status: int, message: str) -> JSONResponse:
    kind = "rate_limit_error" if status == 429 else "invalid_request_error"
    return JSONResponse({"error": {"message": message, "type": kind, "code": status}}, status_code=status)
