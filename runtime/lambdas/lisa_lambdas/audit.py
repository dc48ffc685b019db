"""Audit records of the functions: one JSON line each in the function's log group, whatever LOG_LEVEL is.

Users are digests, as in the gateway's audit log; no record has a token.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from typing import Any, Dict, Optional

from lisa_lambdas.caller import Caller


def record(event: str, *, caller: Optional[Caller] = None, **facts: Any) -> None:
    """Write a record.

    Args:
        event: what happened, in the past tense and snake_case.
        caller: who did it; None for the identity provider.
        facts: further members, which must be JSON.
    """
    content: Dict[str, Any] = {"audit": event, "time": _now()}
    if caller is not None:
        content["caller"] = {"id": digest(caller.subject), "isAdmin": caller.is_admin}
    sys.stdout.write(json.dumps({**content, **facts}, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def digest(subject: str) -> str:
    """What a record may contain about a user: the first 12 hexadecimal digits of the SHA-256 of the subject."""
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
