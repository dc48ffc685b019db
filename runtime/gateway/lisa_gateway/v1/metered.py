"""An answer that LISA 2.x's routes read, and what it has used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway.answer import answer_headers
from lisa_gateway.usage import UsageReader

if TYPE_CHECKING:
    from lisa_gateway.access.admission import Admission
    from lisa_gateway.answer import Answer, Headers
    from lisa_gateway.request_context import RequestContext


class MeteredAnswer:
    """An answer without an error. Close it, which settles what the request has used.

    Args:
        answer: the answer.
        admission: the admission of its request.
        context: the request.
        hides_usage: whether the caller did not ask for the event with the token counts.

    Attributes:
        status: its status.
        headers: its headers as the caller gets them, with those of the caller's limits.
        hides_usage: see the argument.
    """

    def __init__(
        self, answer: Answer, admission: Admission, context: RequestContext, *, hides_usage: bool = False
    ) -> None:
        self.status = answer.status
        self.headers: Headers = admission.begin_answer(answer_headers(answer))
        self.hides_usage = hides_usage
        self._answer = answer
        self._admission = admission
        self._context = context
        self._usage = UsageReader(answer.headers)

    async def next_part(self) -> bytes:
        """What has come of the body since the last call; nothing at its end.

        Raises:
            UpstreamInterruptedError: the answer was interrupted.
        """
        part = await self._answer.next_part()
        self._usage.feed(part)
        self._admission.feed(part)
        if not part:
            self._admission.end_answer()
        return part

    def close(self) -> None:
        """End the exchange."""
        self._answer.close()
        self._context.prompt_tokens, self._context.completion_tokens = self._usage.tokens()
        self._admission.settle()
