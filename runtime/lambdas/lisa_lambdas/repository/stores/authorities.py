"""Certificate authorities of databases: those of RDS, and the bundle that the deployment trusts."""

from __future__ import annotations

import logging
import re
import ssl
import tempfile
from pathlib import Path
from typing import Any, Tuple

from lisa_lambdas.errors import UnavailableError

_log = logging.getLogger(__name__)
_RDS_AUTHORITY = "Amazon RDS"
"""How the names of RDS's authorities begin (RDS User Guide, "Using SSL/TLS to encrypt a connection")."""
_RDS_HOST = re.compile(r"\.[a-z]{2,4}(-[a-z]+)+-\d+\.rds\.")
"""In the address of a database of RDS: `name.id.region.rds.suffix`."""


def database_authorities(host: str, *, ca_file: str, trust_bundle: str) -> Tuple[str, ...]:
    """Files of the authorities that may sign the certificate of a database; empty when these are unknown.

    They are unknown for a database of RDS while neither file has RDS's authorities, which are not public ones.

    Args:
        host: address of the database.
        ca_file: PEM file of authorities of databases; empty when there is none.
        trust_bundle: PEM file of the authorities that the deployment trusts; empty for those of the system.

    Raises:
        UnavailableError: a file cannot be read, or has no certificate.
    """
    files = tuple(file for file in (ca_file, trust_bundle) if file)
    if not ca_file and _RDS_HOST.search(host.lower()) and not any(map(_has_rds_authority, files)):
        return ()
    return files


def joined(files: Tuple[str, ...]) -> str:
    """One file with the certificates of several, since libpq reads one; it lasts as long as the function. "" for none.

    Raises:
        UnavailableError: a file cannot be read, or the joined one cannot be written.
    """
    if len(files) <= 1:
        return "".join(files)
    try:
        content = b"\n".join(Path(file).read_bytes() for file in files)
        with tempfile.NamedTemporaryFile(prefix="lisa-authorities-", suffix=".pem", delete=False) as written:
            written.write(content)
    except OSError as error:
        raise _unreadable(error) from error
    return written.name


def _has_rds_authority(file: str) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except OSError as error:
        raise _unreadable(error) from error
    found: Any = context.get_ca_certs()
    return any(
        name == "commonName" and value.startswith(_RDS_AUTHORITY)
        for authority in found
        for part in authority["subject"]
        for name, value in part
    )


def _unreadable(error: OSError) -> UnavailableError:
    _log.error("the certificate authorities of the database cannot be read: %s", error)
    return UnavailableError("The database of the RAG repository is unreachable; try again later.")
