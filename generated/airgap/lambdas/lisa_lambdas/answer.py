"""Answers in the form that API Gateway's proxy integration wants."""

from __future__ import annotations

import json
from typing import Any


def not_implemented(what: str) -> dict[str, Any]:
    """501: this release does not have it yet."""
    body = {"message": f"This release does not have {what} yet.", "code": "NotImplemented"}
    return {
        "statusCode": 501,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
