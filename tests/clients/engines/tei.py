"""A server that answers as Text Embeddings Inference 1.8 does (docs/openapi.json)."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from clients.engines.scripted import PROMPT_TOKENS, Engine, Json, serving

VECTOR = (0.25, 0.5, -1.0)
_LARGEST_BATCH = 32


@contextmanager
def tei(model_id: str) -> Iterator[Engine]:
    """Run it. It takes any name in `model`, and answers with the path that it was started with."""

    async def embed(_: web.Request, body: Json) -> web.StreamResponse:
        given: Any = body["input"]
        texts = given if isinstance(given, list) and not all(isinstance(item, int) for item in given) else [given]
        if len(texts) > _LARGEST_BATCH:
            message = f"batch size {len(texts)} > maximum allowed batch size {_LARGEST_BATCH}"
            return web.json_response({"message": message, "code": 422, "type": "Validation"}, status=422)
        if not all(texts):
            return web.json_response({"message": "`inputs` cannot be empty", "code": 400, "type": "Empty"}, status=400)
        vector: Any = list(VECTOR)
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{len(VECTOR)}f", *VECTOR)).decode()
        data = [{"object": "embedding", "embedding": vector, "index": number} for number in range(len(texts))]
        usage = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS}
        return web.json_response({"object": "list", "data": data, "model": model_id, "usage": usage})

    async def info(_: web.Request, __: Json) -> web.StreamResponse:
        return web.json_response({"model_id": model_id, "model_type": {"embedding": {"pooling": "mean"}}})

    routes = {"POST /v1/embeddings": embed, "GET /info": info}
    with serving("TEI", routes, lambda: web.Response(status=404)) as engine:
        yield engine
