"""The endpoints of chat sessions. A caller's sessions are kept under the subject of the token, which never changes."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Optional

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lisa_lambdas.errors import BadRequestError, ConflictError, NotFoundError, TooManyRequestsError
from lisa_lambdas.rest import RestApi
from lisa_lambdas.session.conversation import pack, timestamp, title_of, unpack
from lisa_lambdas.session.cursor import SESSION_ID, decode_cursor
from lisa_lambdas.session.revision import Revision, Writer
from lisa_lambdas.session.store import SessionStore, Stored

_SESSION_ID = re.compile(SESSION_ID, re.ASCII)
_VERSION_LIMIT = 2**53 - 1
# Rounds of reading and writing, each of which fails only when another writer was faster in between.
_ROUNDS = 5


class WriterBody(BaseModel):
    """The page that writes, and how many times it has written."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=f"^{SESSION_ID}$")
    sequence: int = Field(ge=0, le=_VERSION_LIMIT)


class SessionBody(BaseModel):
    """What is kept of a session.

    Attributes:
        messages: the messages, in their order, as the application writes them.
        version: the version that they are based on; 0 for a new session, None from clients that know no versions.
        offset: how many of that version's messages come before them unchanged.
        writer: the page that writes.
    """

    model_config = ConfigDict(extra="forbid")

    messages: List[Dict[str, Any]]
    version: Optional[int] = Field(default=None, ge=0, le=_VERSION_LIMIT)
    offset: int = Field(default=0, ge=0, le=_VERSION_LIMIT)
    writer: Optional[WriterBody] = None

    @model_validator(mode="after")
    def _offset_has_a_version(self) -> SessionBody:
        if self.offset and not self.version:
            raise ValueError("`offset` requires the `version` that it counts in")
        return self


class PageQuery(BaseModel):
    """Which part of the list is asked for."""

    limit: int = Field(default=50, ge=1, le=100)
    cursor: Optional[str] = Field(default=None, max_length=256)


def now() -> datetime:
    """The time."""
    return datetime.now(timezone.utc)


def create_app(store: SessionStore, *, web_origin: str, clock: Callable[[], datetime] = now) -> RestApi:
    """The endpoints of one table of sessions."""
    api = RestApi(web_origin)

    @api.get("/session")
    def list_sessions() -> Dict[str, Any]:
        caller, query = api.caller(), api.read_query(PageQuery)
        after = decode_cursor(query.cursor) if query.cursor else None
        summaries, following = store.page(caller.subject, limit=query.limit, after=after)
        return {
            "sessions": [summary.as_json() for summary in summaries],
            "nextCursor": following.encode() if following else None,
        }

    @api.get("/session/<session_id>")
    def get_session(session_id: str) -> Dict[str, Any]:
        found = store.find(api.caller().subject, _valid(session_id))
        if found is None:
            raise _not_found()
        return _with_messages(found)

    @api.put("/session/<session_id>")
    def put_session(session_id: str) -> Dict[str, Any]:
        caller, valid_id = api.caller(), _valid(session_id)
        body = api.read_body(SessionBody)
        for _ in range(_ROUNDS):
            stored = store.find(caller.subject, valid_id)
            messages = _successor(stored, body)
            revision = _next_revision(stored, body)
            kept = store.keep(
                caller.subject,
                valid_id,
                packed=pack(messages),
                title=title_of(messages),
                now=timestamp(clock()),
                replacing=stored.revision.version if stored else 0,
                revision=revision,
            )
            if kept is not None:
                return {**kept.as_json(), "version": revision.version}
        raise TooManyRequestsError("The session is being changed by many clients at once. Try again in a moment.")

    @api.delete("/session/<session_id>")
    def delete_session(session_id: str) -> Dict[str, Any]:
        if not store.delete(api.caller().subject, _valid(session_id)):
            raise _not_found()
        return {"deleted": 1}

    @api.delete("/session")
    def delete_sessions() -> Dict[str, Any]:
        milliseconds = api.lambda_context.get_remaining_time_in_millis
        return {"deleted": store.delete_all(api.caller().subject, seconds_left=lambda: milliseconds() / 1000)}

    return api


def _successor(stored: Optional[Stored], body: SessionBody) -> List[Dict[str, Any]]:
    """The messages of a session after a write.

    Raises:
        ConflictError: the write is not based on what is stored; carries the stored session.
        NotFoundError: it is based on a session that has been deleted.
        BadRequestError: its offset is beyond the end.
    """
    if stored is None:
        if body.version:
            raise NotFoundError("The session has been deleted. Save its messages as a new session to keep them.")
        return body.messages
    before = unpack(stored.packed)
    if body.version is None:
        # A client that knows no versions, as LISA 2.x's, may go on with a conversation, but not replace it.
        if body.messages[: len(before)] == before:
            return body.messages
        raise _conflict(stored)
    if not stored.revision.admits(body.version, _writer(body)):
        raise _conflict(stored)
    if body.offset > len(before):
        raise BadRequestError(f"body.offset: the session has {len(before)} messages. Send an offset of at most that.")
    return [*before[: body.offset], *body.messages]


def _next_revision(stored: Optional[Stored], body: SessionBody) -> Revision:
    current = stored.revision.version if stored else 0
    return Revision(current + 1, base=current if body.version is None else body.version, writer=_writer(body))


def _writer(body: SessionBody) -> Optional[Writer]:
    return Writer(body.writer.id, body.writer.sequence) if body.writer else None


def _with_messages(stored: Stored) -> Dict[str, Any]:
    return {
        **stored.summary.as_json(),
        "version": stored.revision.version,
        "messages": unpack(stored.packed),
    }


def _conflict(stored: Stored) -> ConflictError:
    return ConflictError(
        "The session has been changed elsewhere. Merge your messages into the newer session and save it again.",
        details={"session": _with_messages(stored)},
    )


def _valid(session_id: str) -> str:
    if not _SESSION_ID.fullmatch(session_id):
        raise BadRequestError("A session ID must have 1 to 64 letters, digits, hyphens and underscores.")
    return session_id


def _not_found() -> NotFoundError:
    return NotFoundError("The session does not exist.")
