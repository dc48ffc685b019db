"""One request: whether its caller may use its model, within which limits, and what it has used in the end."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from lisa_gateway.access.document import AccessDocument, Grant
from lisa_gateway.access.estimate import AnswerEstimate, estimated_prompt
from lisa_gateway.access.permitted_models import permitted_models_header
from lisa_gateway.access.refusals import Headers, ModelForbiddenError
from lisa_gateway.access.usage import Amount
from lisa_gateway.operations import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from lisa_gateway.access.limiter import Limiter, Reservation
    from lisa_gateway.access.usage import UsageRecorder
    from lisa_gateway.audit.recording import Recording
    from lisa_gateway.http_server import Body
    from lisa_gateway.operations import Match, Operation
    from lisa_gateway.request_context import Caller, RequestContext

CONTENT_HEADER: Final = (b"x-lisa-content-audit", b"recorded")
"""The header by which callers learn that the content of their request and of its response is recorded."""

_ONE_MODEL: Final = "/{model_id}"
_FIRST_ERROR: Final = 400
_WRITTEN: Final = frozenset({"chat", "completions", "messages", "responses"})
"""Families of operations whose answer consists of tokens."""


class Admission:
    """A request that may be sent. Settle it, whatever comes of it.

    Args:
        context: the request.
        grant: what its caller may use; None for everything.
        family: the operation's family (`operations.FAMILIES`).
        length: bytes of the request's body.

    Attributes:
        grant: see the argument.
        headers: what is added to the request for LiteLLM.
        recording: the record of its content; None if that is not audited.
    """

    __slots__ = (
        *("_context", "_estimate", "_family", "_length", "_limiter", "_reservation", "_usage"),
        *("grant", "headers", "recording"),
    )

    def __init__(self, context: RequestContext, grant: Grant | None, family: str, length: int) -> None:
        self._context = context
        self.grant = grant
        self._family = family
        self._length = length
        self._limiter: Limiter | None = None
        self._reservation: Reservation | None = None
        self._usage: UsageRecorder | None = None
        self._estimate: AnswerEstimate | None = None
        self.recording: Recording | None = None
        self.headers: Headers = []
        if grant is not None and grant.models is not None:
            self.headers = [permitted_models_header(grant.models)]

    def settle_with(
        self, limiter: Limiter | None, reservation: Reservation | None, usage: UsageRecorder | None
    ) -> None:
        """Note what is settled in the end."""
        self._limiter = limiter
        self._reservation = reservation
        self._usage = usage

    @property
    def filters_list(self) -> bool:
        """Whether the answer is a list of models of which the caller may not use all."""
        return self._family == "models" and self.grant is not None and self.grant.models is not None

    def begin_answer(self, headers: Headers) -> Headers:
        """Note that an answer comes; returns its headers with those of the caller's limits."""
        self._estimate = AnswerEstimate(headers)
        own = list(self._reservation.headers) if self._reservation is not None else []
        if self.recording is not None:
            own.append(CONTENT_HEADER)
        if not own:
            return headers
        named = {name for name, _ in own}
        return [*(header for header in headers if header[0] not in named), *own]

    def feed(self, part: bytes) -> None:
        """Take the next part of the answer, before the caller gets it.

        Raises:
            ContentInterruptedError: its content cannot be recorded, and must be.
        """
        if self._estimate is not None:
            self._estimate.feed(part)
        if self.recording is not None:
            self.recording.add_response(part)

    def end_answer(self) -> None:
        """Note that the answer is complete."""
        if self.recording is not None:
            self.recording.end_response()

    def check_recorded(self) -> None:
        """Check that nothing is lost of what must be recorded.

        Raises:
            ContentUnavailableError: something is.
        """
        if self.recording is not None:
            self.recording.check()

    def settle(self) -> None:
        """Charge what the request has used: what the answer reports, else an estimate; nothing if it has failed."""
        if self.recording is not None:
            self.recording.end()
        amount = self._amount()
        reservation, self._reservation = self._reservation, None
        if self._limiter is not None and reservation is not None:
            self._limiter.settle(reservation, amount.prompt_tokens + amount.completion_tokens)
        usage, self._usage = self._usage, None
        if usage is not None and amount.requests:
            groups = self.grant.groups if self.grant is not None else ()
            model = self._context.model or "other"
            usage.record(user=principal(self._context.caller), groups=groups, model=model, amount=amount)

    def _amount(self) -> Amount:
        context, estimate = self._context, self._estimate
        if estimate is None or context.status >= _FIRST_ERROR:
            return Amount()
        if context.prompt_tokens or context.completion_tokens:
            return Amount(1, context.prompt_tokens, context.completion_tokens)
        context.has_estimated_tokens = True
        context.prompt_tokens = estimated_prompt(self._length)
        context.completion_tokens = estimate.tokens() if self._family in _WRITTEN else 0
        both = context.prompt_tokens + context.completion_tokens
        return Amount(1, context.prompt_tokens, context.completion_tokens, both)


class AccessControl:
    """Decides what callers may use.

    Args:
        document: returns the access document in force, None when all callers may use everything. It is read again when
            it is another object.
        limiter: limits; None where there is no table of counters, so that no limit holds.
        usage: where usage is recorded; None for nowhere.
    """

    def __init__(
        self,
        document: Callable[[], Mapping[str, Any] | None],
        limiter: Limiter | None = None,
        usage: UsageRecorder | None = None,
    ) -> None:
        self._source = document
        self._content: Mapping[str, Any] | None = None
        self._document: AccessDocument | None = None
        self._limiter = limiter
        self._usage = usage

    def grant(self, caller: Caller | None) -> Grant | None:
        """What a caller may use; None for everything, without limits."""
        content = self._source()
        if content is not self._content:
            self._document = None if content is None else AccessDocument.read(content)
            self._content = content
        if self._document is None:
            return None
        return self._document.grant(() if caller is None else caller.groups)

    def counts_tokens(self, caller: Caller | None) -> bool:
        """Whether the tokens of a caller's requests are counted, so that a server must report them."""
        if self._usage is not None:
            return True
        grant = self.grant(caller)
        return grant is not None and bool(grant.rules)

    def check_listed(self, context: RequestContext, match: Match) -> None:
        """Check that a caller may see the model that a request for one model names.

        Raises:
            ModelForbiddenError: the caller may not use it.
        """
        name = match.parameter("model_id") if match.operation.path.endswith(_ONE_MODEL) else None
        if name:
            self.check_model(context.caller, name)

    async def admit(self, context: RequestContext, operation: Operation, length: int) -> Admission:
        """Admit a request for an operation.

        Args:
            context: the request; its `model` is filled if it is known.
            operation: the operation.
            length: bytes of its body.

        Raises:
            ModelForbiddenError: the caller may not use the model.
            LimitExceededError: a limit is reached.
            BudgetUnknownError: what is left of a budget is not known.
        """
        if operation.access is not Access.INFERENCE:
            return Admission(context, None, "", length)
        if operation.group == "models":
            return Admission(context, self.grant(context.caller), operation.group, length)
        return await self.admit_model(context, operation.group, length)

    async def admit_model(self, context: RequestContext, family: str, length: int) -> Admission:
        """Admit a request for a model; see `admit`.

        Args:
            context: the request; its `model` is filled if it is known.
            family: the operation's family (`operations.FAMILIES`).
            length: bytes of its body.
        """
        grant = self.grant(context.caller)
        admission = Admission(context, grant, family, length)
        reservation: Reservation | None = None
        if grant is not None:
            if context.model and not grant.permits(context.model):
                raise ModelForbiddenError(context.model)
            if grant.rules and self._limiter is not None:
                tokens = max(1, estimated_prompt(length))
                who = principal(context.caller)
                try:
                    reservation = await self._limiter.reserve(who, grant.rules, tokens)
                finally:
                    context.budget = self._limiter.budget_used(who, grant.rules)
        admission.settle_with(self._limiter, reservation, self._usage)
        return admission

    def check_model(self, caller: Caller | None, model: str) -> None:
        """Check that a caller may use a model.

        Raises:
            ModelForbiddenError: the caller may not.
        """
        grant = self.grant(caller)
        if grant is not None and not grant.permits(model):
            raise ModelForbiddenError(model)


def principal(caller: Caller | None) -> str:
    """Whose limits a request counts in, and whose usage it is.

    That is the user, for all API tokens of the user too; else the service account that owns the API token, or the
    token itself. Each kind has names of its own: service accounts are named by people, and a name may be that of a
    user's digest.
    """
    if caller is None or not (caller.owner or caller.name or caller.key):
        return "anonymous"
    if caller.is_service:
        return f"service:{caller.owner}"
    return caller.owner or caller.name or f"token-{hashlib.sha256(b'usage:' + caller.key).hexdigest()[:12]}"


def length_of(headers: Iterable[tuple[bytes, bytes]], body: Body) -> int:
    """Bytes of a request's body; of an upload, what its headers say."""
    if isinstance(body, bytes):
        return len(body)
    return next((int(value) for name, value in headers if name == b"content-length" and value.isdigit()), 0)
