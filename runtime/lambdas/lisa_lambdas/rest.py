"""The REST side of a function: routes, validated requests, and answers and errors in one shape.

Routing is Powertools for AWS Lambda's (docs/decisions/0011). What is added here holds for every endpoint: errors are
`{message, code}`, every answer carries the header of the configured web origin, and a malformed event is an answer.
"""

from __future__ import annotations

import logging
from typing import Any, Dict, Mapping, Type, TypeVar

import pydantic_core
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ValidationError

from lisa_lambdas.caller import Caller, caller_of
from lisa_lambdas.errors import ApiError, BadRequestError, NotFoundError, UnsupportedMediaTypeError
from lisa_lambdas.proxy import error_answer, error_body, is_proxy_event, limit_answer, with_common_headers

_log = logging.getLogger(__name__)
_Read = TypeVar("_Read", bound=BaseModel)

_MESSAGES_SHOWN = 5


class RestApi(APIGatewayRestResolver):
    """The endpoints of one function; add them with `get`, `put`, `post` and `delete`.

    Args:
        web_origin: the origin that browsers may call from; empty for none.
    """

    def __init__(self, web_origin: str) -> None:
        # Powertools' own serializer writes \uXXXX, which makes a session in Chinese too large for Lambda's answer.
        super().__init__(serializer=lambda content: pydantic_core.to_json(content).decode())
        self._origin = web_origin
        self.exception_handler(ApiError)(_refuse)
        self.exception_handler(Exception)(_fail)
        self.exception_handler(NoRouteError)(_no_route)

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> Dict[str, Any]:
        """Answer a proxy event (API Gateway Developer Guide, "Lambda proxy integrations in API Gateway")."""
        if is_proxy_event(event):
            answer: Dict[str, Any] = super().resolve(event, context)
        else:
            answer = error_answer(BadRequestError("The event is not an API Gateway request."))
        return with_common_headers(limit_answer(answer), self._origin)

    def caller(self) -> Caller:
        """The caller of the request that is being answered; UnauthorizedError when it names none."""
        return caller_of(self.current_event.raw_event)

    def read_text(self) -> str:
        """The body as text.

        Raises:
            BadRequestError: it is missing, or not UTF-8.
        """
        try:
            body = self.current_event.decoded_body
        except ValueError:
            raise BadRequestError("The body must be UTF-8.") from None
        if not body:
            raise BadRequestError("The request must have a body.")
        return body

    def read_body(self, model: Type[_Read]) -> _Read:
        """The JSON body, validated.

        Raises:
            BadRequestError: it is missing, not JSON, or not what the model wants.
            UnsupportedMediaTypeError: it says that it is something else.
        """
        kind = self.current_event.headers.get("content-type", "application/json") or "application/json"
        if kind.split(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaTypeError("The body must be application/json.")
        try:
            content = pydantic_core.from_json(self.read_text(), allow_inf_nan=False)
        except ValueError as error:
            raise BadRequestError(f"The body is not JSON: {error}.") from None
        return _validated(model, content, "body")

    def read_query(self, model: Type[_Read]) -> _Read:
        """The query's parameters, validated; of one that is repeated, the last value.

        Raises:
            BadRequestError: one is missing, or not what the model wants.
        """
        return _validated(model, self.current_event.query_string_parameters or {}, "query")


def validation_message(error: ValidationError, where: str) -> str:
    """What is wrong with a request, without repeating what was in it."""
    found = [
        f"{'.'.join([where, *(str(part) for part in problem['loc'])])}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    more = len(found) - _MESSAGES_SHOWN
    return "; ".join(found[:_MESSAGES_SHOWN]) + (f"; and {more} more" if more > 0 else "") + "."


def _validated(model: Type[_Read], content: object, where: str) -> _Read:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise BadRequestError(validation_message(error, where)) from None


def _response(error: ApiError) -> Response[Any]:
    return Response(status_code=error.status, content_type="application/json", body=error_body(error))


def _refuse(error: ApiError) -> Response[Any]:
    _log.info("refused with %d %s: %s", error.status, error.code, error.message)
    return _response(error)


def _fail(error: Exception) -> Response[Any]:
    _log.error("failed", exc_info=error)
    return _response(ApiError("Internal server error. See the function's logs."))


def _no_route(_: NoRouteError) -> Response[Any]:
    return _response(NotFoundError("The endpoint does not exist."))
