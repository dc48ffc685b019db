"""The endpoints of chat sessions. A caller's sessions are kept under the subject of the token, which never changes."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Optional

from pydantic import BaseModel, ConfigDict, Field

from lisa_lambdas.errors import BadRequestError, NotFoundError
from lisa_lambdas.rest import RestApi
from lisa_lambdas.session.conversation import pack, timestamp, title_of, unpack
from lisa_lambdas.session.cursor import SESSION_ID, decode_cursor
from lisa_lambdas.session.store import SessionStore

_SESSION_ID = re.compile(SESSION_ID, re.ASCII)


class SessionBody(BaseModel):
    """What is kept of a session: its messages, in their order, as the application writes them."""

    model_config = ConfigDict(extra="forbid")

    messages: List[Dict[str, Any]]


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
        return {**found.summary.as_json(), "messages": unpack(found.packed)}

    @api.put("/session/<session_id>")
    def put_session(session_id: str) -> Dict[str, Any]:
        caller, valid_id = api.caller(), _valid(session_id)
        messages = api.read_body(SessionBody).messages
        kept = store.keep(
            caller.subject, valid_id, packed=pack(messages), title=title_of(messages), now=timestamp(clock())
        )
        return kept.as_json()

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


def _valid(session_id: str) -> str:
    if not _SESSION_ID.fullmatch(session_id):
        raise BadRequestError("A session's id has 1 to 64 letters, digits, hyphens and underscores.")
    return session_id


def _not_found() -> NotFoundError:
    return NotFoundError("You have no such session.")
