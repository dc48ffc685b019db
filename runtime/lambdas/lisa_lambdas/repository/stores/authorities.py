"""Files of the certificate authorities of databases: those that the compiler wrote, and the deployment's bundle."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from lisa_lambdas.errors import UnavailableError

_log = logging.getLogger(__name__)


def joined(*files: str) -> str:
    """One file with the certificates of several, since libpq reads one; it lasts as long as the function.

    Args:
        files: paths of PEM files; empty ones are left out.

    Returns:
        Its path; empty where there is no file.

    Raises:
        UnavailableError: a file cannot be read, or the joined one cannot be written.
    """
    given = [file for file in files if file]
    try:
        content = [Path(file).read_bytes() for file in given]
        if len(given) <= 1:
            return "".join(given)
        with tempfile.NamedTemporaryFile(prefix="lisa-authorities-", suffix=".pem", delete=False) as written:
            written.write(b"\n".join(content))
    except OSError as error:
        _log.error("the certificate authorities of the database cannot be read: %s", error)
        raise UnavailableError("The database of the RAG repository is unreachable; try again later.") from error
    return written.name
