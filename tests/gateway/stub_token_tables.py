"""Tables of API tokens that count their look-ups, and that stop answering."""

from __future__ import annotations

import asyncio

from lisa_gateway.token_table import TokenRecord


class Table:
    """A token table in memory."""

    def __init__(self, **tokens: float) -> None:
        self.tokens = tokens
        self.asked = 0
        self.delay = 0.0
        self.failure: Exception | None = None

    async def find(self, token: str) -> TokenRecord | None:
        self.asked += 1
        await asyncio.sleep(self.delay)
        if self.failure:
            raise self.failure
        return TokenRecord(expires=self.tokens[token]) if token in self.tokens else None


class SilentTable(Table):
    """A token table that does not answer while `silent` is set."""

    def __init__(self, **tokens: float) -> None:
        super().__init__(**tokens)
        self.silent = asyncio.Event()
        self.waiting = 0

    async def find(self, token: str) -> TokenRecord | None:
        if self.silent.is_set():
            self.waiting += 1
            try:
                await asyncio.sleep(3600)
            finally:
                self.waiting -= 1
        return await super().find(token)
