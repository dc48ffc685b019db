"""The routes of the API Gateway API, as data: the stacks, the tests and the models API read the same table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path that a Lambda function answers.

    Attributes:
        method: HTTP method, or `ANY`.
        path: as API Gateway writes it, `/session/{sessionId}`.
        open: whether it is answered without the authorizer.
    """

    method: str
    path: str
    open: bool = False


SESSION_ROUTES = (
    Route("GET", "/session"),
    Route("DELETE", "/session"),
    Route("GET", "/session/{sessionId}"),
    Route("PUT", "/session/{sessionId}"),
    Route("DELETE", "/session/{sessionId}"),
)

BACK_CHANNEL_LOGOUT = "/backchannel-logout"
"""Path at which the identity provider reports sign-outs; it has no token, and signs what it sends."""

SIGN_OUT_ROUTES = (Route("POST", BACK_CHANNEL_LOGOUT, open=True),)

USAGE_ROUTES = (Route("GET", "/usage"),)

REPOSITORY_ROUTES = (
    Route("GET", "/repository"),
    Route("POST", "/repository/presigned-url"),
    Route("POST", "/repository/{repositoryId}/bulk"),
    Route("GET", "/repository/{repositoryId}/similaritySearch"),
    Route("POST", "/repository/{repositoryId}/similaritySearch"),
    Route("DELETE", "/repository/{repositoryId}/{documentId}"),
)

TOKENS_ROUTES = (
    Route("GET", "/tokens"),
    Route("POST", "/tokens"),
    Route("DELETE", "/tokens"),
    Route("DELETE", "/tokens/{tokenId}"),
)

MODELS_ROUTES = (
    Route("ANY", "/models"),
    Route("ANY", "/models/{proxy+}"),
    Route("GET", "/proposals"),
    Route("GET", "/proposals/{proposalId}"),
    Route("DELETE", "/proposals/{proposalId}"),
    Route("GET", "/docs", open=True),
    Route("GET", "/openapi.json", open=True),
)

API_ROUTES = (
    *SESSION_ROUTES,
    *TOKENS_ROUTES,
    *USAGE_ROUTES,
    *SIGN_OUT_ROUTES,
    *REPOSITORY_ROUTES,
    *MODELS_ROUTES,
)
"""The routes of all functions."""
