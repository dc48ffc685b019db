"""The handler that Lambda calls."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Dict, Optional

from lisa_lambdas.authorizer.bearer import bearer_token
from lisa_lambdas.authorizer.policy import policy_for, stage_of
from lisa_lambdas.authorizer.settings import AuthorizerEnvironment
from lisa_lambdas.environment import read_environment
from lisa_oidc import BlockingVerifier, Expectation, TokenError

if TYPE_CHECKING:
    from lisa_lambdas.authorizer.sign_outs import SignOuts

_log = logging.getLogger(__name__)


class Unauthorized(Exception):  # noqa: N818
    """API Gateway answers 401 when an authorizer fails with just this word; after any other failure, 500."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def handler(event: Dict[str, Any], context: object) -> Dict[str, Any]:  # noqa: ARG001
    """Answer a request authorizer's event with a policy.

    Raises:
        Unauthorized: there is no token, or it is refused; the log says why.
        lisa_oidc.IssuerError: the issuer's keys are not known, and cannot be fetched now.
        SignOutTableError: whether the caller signed out is not known.
        MethodArnError: the event is none of API Gateway's.
    """
    stage_of(event.get("methodArn"))
    token = bearer_token(event)
    verifier = _verifier()
    if token is None or verifier is None:
        _log.info("refused: %s", "no bearer token" if token is None else "authentication is not configured")
        raise Unauthorized
    try:
        caller = verifier.verify(token)
        if (sign_outs := _sign_outs()) is not None:
            sign_outs.check(caller)
    except TokenError as error:
        _log.info("refused: %s", error)
        raise Unauthorized from None
    return policy_for(caller, event["methodArn"])


@lru_cache(maxsize=None)
def _verifier() -> Optional[BlockingVerifier]:
    """The verifier, which keeps the issuer's keys for as long as the process lives."""
    settings = read_environment(AuthorizerEnvironment)
    if not settings.authority:
        return None
    expectation = Expectation(
        client_id=settings.client_id, groups_path=settings.jwt_groups_prop, admin_group=settings.admin_group
    )
    return BlockingVerifier(settings.authority, expectation)


@lru_cache(maxsize=None)
def _sign_outs() -> Optional[SignOuts]:
    """The table of sign-outs; None when the identity provider reports none."""
    table = read_environment(AuthorizerEnvironment).sign_out_table_name
    if not table:
        return None
    from lisa_lambdas.authorizer.sign_outs import open_sign_outs  # boto3: 0.5 s of the first request

    return open_sign_outs(table)
