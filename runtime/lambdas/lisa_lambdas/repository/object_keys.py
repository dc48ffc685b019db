"""Keys of objects in the documents bucket: each user's are below a prefix of their own."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote

from lisa_lambdas.errors import BadRequestError, ForbiddenError

if TYPE_CHECKING:
    from lisa_lambdas.caller import Caller

_KEY_BYTES = 1024
"""Bytes of an S3 key (Amazon S3 User Guide, "Naming Amazon S3 objects")."""


def prefix_of(caller: Caller) -> str:
    """The caller's prefix with its slash: another one for every subject, and without a slash inside."""
    return quote(caller.subject, safe="").replace(".", "%2E") + "/"


def upload_key(caller: Caller, name: str) -> str:
    """The key that a file is uploaded to: below the caller's prefix, which the name may begin with.

    Raises:
        BadRequestError: the name is not one of a file, or too long.
    """
    prefix = prefix_of(caller)
    return _checked(name if name.startswith(prefix) else prefix + name)


def ingestion_key(caller: Caller, key: str) -> str:
    """The key that a caller may ingest; one without a slash is the caller's own file, as in LISA 2.x.

    Raises:
        BadRequestError: the key is not one of a file, or too long.
        ForbiddenError: it is another user's, and the caller is not an administrator.
    """
    whole = _checked(key if "/" in key else prefix_of(caller) + key)
    return must_own(caller, whole)


def must_own(caller: Caller, key: str) -> str:
    """The key, when it is below the caller's prefix or the caller is an administrator.

    Raises:
        ForbiddenError: it is another user's.
    """
    if caller.is_admin or key.startswith(prefix_of(caller)):
        return key
    raise ForbiddenError("The document belongs to another user: only this user or an administrator can do this.")


def _checked(key: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in key) or "\\" in key:
        raise BadRequestError("A key must not contain control characters or backslashes.")
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise BadRequestError("A key must not start or end with a slash, or contain empty path segments, '.' or '..'.")
    if len(key.encode()) > _KEY_BYTES:
        raise BadRequestError(f"A key must have at most {_KEY_BYTES} bytes, including the prefix of the user.")
    return key
