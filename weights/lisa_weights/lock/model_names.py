"""Names of models and of their files: what can be a directory, a prefix in a bucket and a line of a list."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lisa_weights.errors import WeightsError

DIGEST = re.compile(r"[0-9a-f]{64}")
"""A SHA-256 digest in hexadecimal, which names content and is the last part of a prefix."""

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def is_model_name(name: str) -> bool:
    """Whether a name can be a directory below models/ and a prefix in a bucket."""
    return all(_SEGMENT.fullmatch(part) and not DIGEST.fullmatch(part) for part in name.split("/"))


def require_model_name(name: str) -> str:
    """The name itself, when it can be a directory below models/ and a prefix in a bucket.

    Raises:
        WeightsError: a part is empty, begins with a dot, has other characters than letters, digits, `.`, `_`, `-`, or
            is a digest, which names content.
    """
    if not is_model_name(name):
        raise WeightsError(f"“{name}” is not a model name: use the name on its model card, such as `org/name`.")
    return name


def require_prefix(prefix: str) -> str:
    """The prefix itself, when it can be that of a model: its name, or its name and the digest of its content.

    Raises:
        WeightsError: it cannot.
    """
    name, _, digest = prefix.rpartition("/")
    require_model_name(name if name and DIGEST.fullmatch(digest) else prefix)
    return prefix


def require_file_names(paths: Iterable[str]) -> None:
    """Check that files can be locked under their names, which shell scripts and the lists of containers repeat.

    Raises:
        WeightsError: a name has a tab, a line break, another invisible character, a quote or a backslash.
    """
    for path in paths:
        if not path.isprintable() or set(path) & set("\\'\""):
            raise WeightsError(
                f"The file name {path!r} has a quote, a backslash or an invisible character: "
                "rename the file, or remove it from the model's directory."
            )
