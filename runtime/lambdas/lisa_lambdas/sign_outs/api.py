"""The endpoint of sign-outs (OpenID Connect Back-Channel Logout 1.0, sections 2.5 to 2.8).

Anybody can reach it, as a provider has no credential besides its signature: nothing is written, and nothing is looked
up in the table, before the signature of a token of limited length is verified.
"""

from __future__ import annotations

from typing import Any, Dict, Protocol
from urllib.parse import parse_qs

from lisa_lambdas import audit
from lisa_lambdas.errors import BadRequestError, TooLargeError, UnavailableError, UnsupportedMediaTypeError
from lisa_lambdas.rest import RestApi
from lisa_lambdas.sign_outs.store import SignOutStore
from lisa_oidc import IssuerError, LogoutToken, TokenError

PATH = "/backchannel-logout"
LONGEST_BODY = 16 * 1024
"""Characters of a body; logout tokens have about 1,000."""

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20


class LogoutVerifier(Protocol):
    """Verifies logout tokens."""

    def verify_logout(self, token: str) -> LogoutToken:
        """Verify one.

        Raises:
            TokenError: it is refused.
            IssuerError: the issuer's keys are not known now.
        """


def create_app(store: SignOutStore, verifier: LogoutVerifier, *, web_origin: str) -> RestApi:
    """The endpoint of one table of sign-outs."""
    api = RestApi(web_origin)

    @api.post(PATH)
    def sign_out() -> Dict[str, Any]:
        try:
            token = verifier.verify_logout(_logout_token(api))
        except TokenError as error:
            raise _refusal(str(error)) from None
        except IssuerError:
            raise UnavailableError("The identity provider's keys cannot be fetched. Send the request again.") from None
        if not store.record(token):
            raise _refusal("The logout token was received before.")
        named: Dict[str, Any] = {} if token.session is None else {"session": audit.digest(token.session)}
        if token.subject is not None:
            named["user"] = audit.digest(token.subject)
        audit.record("user_signed_out", **named)
        return {}

    return api


def _logout_token(api: RestApi) -> str:
    """The token in the form; other fields are ignored, as the specification says."""
    kind = api.current_event.headers.get("content-type") or ""
    if kind.split(";")[0].strip().lower() != _FORM:
        raise UnsupportedMediaTypeError(f"The body must be {_FORM}.")
    if len(api.current_event.body or "") > LONGEST_BODY:
        raise TooLargeError(f"The body is longer than {LONGEST_BODY} characters.")
    try:
        found = parse_qs(api.read_text(), max_num_fields=_MOST_FIELDS).get("logout_token", [])
    except ValueError:
        raise _refusal(f"The form has more than {_MOST_FIELDS} fields.") from None
    if len(found) != 1:
        raise _refusal("The form must have one `logout_token`.")
    return found[0]


def _refusal(message: str) -> BadRequestError:
    """400 in the form of section 2.8, beside the members that all errors have."""
    return BadRequestError(message, details={"error": "invalid_request", "error_description": message})
