"""What can be wrong with a token, with an issuer's documents, or with the way to them."""

from __future__ import annotations


class OidcError(Exception):
    """Root of this package's errors. The text names no token and no claim's value, so that it may be logged."""


class TokenError(OidcError):
    """The token is refused: answer 401, with this text."""


class MalformedTokenError(TokenError):
    """It is not a signed JSON web token, or a claim of it has the wrong type."""


class RefusedAlgorithmError(TokenError):
    """Its algorithm is not in the allowlist, as `none` and those of shared secrets (HS256 …) never are."""


class UnknownKeyError(TokenError):
    """No key of the issuer has its key id and fits its algorithm."""


class BadSignatureError(TokenError):
    """The signature is not the named key's."""


class ExpiredTokenError(TokenError):
    """Its `exp` has passed."""


class SignedOutError(TokenError):
    """The session that it belongs to has ended at the identity provider."""


class ImmatureTokenError(TokenError):
    """Its `nbf` or `iat` is yet to come."""


class WrongIssuerError(TokenError):
    """Its `iss` is not the configured issuer."""


class WrongTypeError(TokenError):
    """It is neither an access token nor an ID token."""


class WrongAudienceError(TokenError):
    """It was not made for the configured client."""


class MissingClaimError(TokenError):
    """It lacks a claim that every token must have."""


class IssuerError(OidcError):
    """Something is wrong with the issuer, not with the token: answer 503."""


class UnreachableIssuerError(IssuerError):
    """The issuer did not answer, or answered with an error."""


class UnusableIssuerError(IssuerError):
    """The issuer answered with something that is not what OpenID Connect wants, or that is not safe to use."""
