"""LISA's API tokens, for the gateway and the Lambda functions; it runs on Python 3.8 and later."""

from lisa_tokens.form import (
    PREFIX,
    SCOPES,
    STORED_PREFIX,
    has_token_form,
    has_valid_checksum,
    new_token,
    new_token_id,
    stored_key,
)

__all__ = [
    "PREFIX",
    "SCOPES",
    "STORED_PREFIX",
    "has_token_form",
    "has_valid_checksum",
    "new_token",
    "new_token_id",
    "stored_key",
]
