"""Certificate authorities of databases: those of Amazon RDS by Region, and those in a file of the project."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Final

from lisa_compiler.project.authorities import as_pem, read_authorities
from lisa_compiler.project.local_files import LocalFileError
from lisa_compiler.resources import templates_dir

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RDS_AUTHORITIES = templates_dir() / "trust" / "rds-authorities.pem"
"""The authorities of RDS; written by tools/refresh_database_authorities.py."""

NAME: Final = re.compile(r"Amazon RDS ([a-z]{2}(?:-[a-z]+)+-[0-9]+) Root CA (?:RSA2048|RSA4096|ECC384) G1")
"""Common name of an authority of RDS, with its Region."""

_ENTRY = re.compile(rf"^# ({NAME.pattern}), until [0-9-]+\n-----BEGIN.+?-----END CERTIFICATE-----\n", re.M | re.S)


def rds_authorities(regions: Iterable[str]) -> bytes:
    """The authorities of RDS in Regions, in PEM, each after a comment with its name; empty where there are none."""
    wanted = set(regions)
    text = RDS_AUTHORITIES.read_text(encoding="ascii")
    return "\n".join(entry[0] for entry in _ENTRY.finditer(text) if entry[2] in wanted).encode("ascii")


def read_database_authorities(project: Path, path: str) -> bytes:
    """Read the file of `databaseAuthorityBundle`, in PEM, each certificate after a comment with its name.

    Raises:
        LocalFileError: the file cannot be used, as read_authorities() says.
    """
    return as_pem(read_authorities(project, path)).lstrip()


def require_one_valid(project: Path, path: str, now: datetime.datetime) -> None:
    """Check that the file can be used, and that not everything in it has expired: bundles of RDS keep that for long.

    Raises:
        LocalFileError: it cannot, or everything has.
    """
    if all(certificate.not_valid_after_utc < now for certificate in read_authorities(project, path)):
        raise LocalFileError(path, "contains expired certificates only.", "Download the current bundle of the Region.")
