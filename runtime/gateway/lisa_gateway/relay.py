"""The answer of an upstream, part by part, to the caller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from typing import TYPE_CHECKING

from lisa_gateway.answer import answer_headers
from lisa_gateway.direct.usage_event import UsageEventFilter
from lisa_gateway.errors import UpstreamInterruptedError
from lisa_gateway.event_stream import EventStream, is_event_stream
from lisa_gateway.usage import UsageReader

if TYPE_CHECKING:
    from starlette.types import Send

    from lisa_gateway.access.admission import Admission
    from lisa_gateway.answer import Answer
    from lisa_gateway.request_context import RequestContext
    from lisa_gateway.v1.metered import MeteredAnswer


async def relay(
    answer: Answer,
    send: Send,
    context: RequestContext,
    admission: Admission,
    *,
    hides_usage: bool = False,
    begin: bytes = b"",
) -> None:
    """Send an answer on as it comes; a stream of events that breaks ends with an error event.

    Args:
        answer: the answer, which is no error; the caller closes it.
        send: ASGI's.
        context: gets the tokens, and the reason if the answer breaks.
        admission: the admission of the request, which the parts are counted for.
        hides_usage: whether the caller did not ask for the event with the token counts, and does not get it.
        begin: what has been read of the answer already.

    Raises:
        UpstreamInterruptedError: an answer that is no stream of events broke.
    """
    events = EventStream(context.request_id) if is_event_stream(answer.headers) else None
    hidden = UsageEventFilter() if hides_usage and events is not None else None
    headers = admission.begin_answer(answer_headers(answer))
    if events is not None:
        # An error event is longer or shorter than what it replaces.
        headers = [header for header in headers if header[0] != b"content-length"]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    usage = UsageReader(answer.headers)
    more = True
    try:
        while more:
            part, begin = begin or await answer.next_part(), b""
            usage.feed(part)
            admission.feed(part)
            more = not answer.is_at_end
            if not more:
                admission.end_answer()
            if events is not None:
                part = events.feed(part) if more else events.feed(part) + events.end()
                if hidden is not None:
                    part = hidden.feed(part) if more else hidden.feed(part) + hidden.finish()
                if more and not part:
                    continue
            await send({"type": "http.response.body", "body": part, "more_body": more})
    except UpstreamInterruptedError as error:
        if events is None:
            raise
        context.error_reason = error.code
        await send({"type": "http.response.body", "body": events.interruption(error), "more_body": False})
    finally:
        context.prompt_tokens, context.completion_tokens = usage.tokens()


async def parts_of(answer: MeteredAnswer, request_id: str) -> AsyncIterator[bytes]:
    """The parts of an answer as `relay` sends them, for a response that a framework sends; closes the answer.

    Raises:
        UpstreamInterruptedError: an answer that is no stream of events broke.
    """
    events = EventStream(request_id) if is_event_stream(answer.headers) else None
    hidden = UsageEventFilter() if answer.hides_usage and events is not None else None
    with closing(answer):
        try:
            while part := await answer.next_part():
                if events is not None:
                    part = events.feed(part)
                if hidden is not None:
                    part = hidden.feed(part)
                if part:
                    yield part
        except UpstreamInterruptedError as error:
            if events is None:
                raise
            yield events.interruption(error)
        else:
            if events is not None:
                end = events.end()
                yield end if hidden is None else hidden.feed(end) + hidden.finish()
