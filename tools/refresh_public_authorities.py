"""Regenerate templates/trust/public-authorities.pem: `python tools/refresh_public_authorities.py`.

The certificates are those of the installed certifi, which publishes Mozilla's list of public authorities. They are kept
in the repository because the output of a compile must not depend on which certifi a machine has.
"""

from __future__ import annotations

import sys
from pathlib import Path

import certifi

from lisa_compiler.project.authorities import PUBLIC_AUTHORITIES, PUBLIC_HEADING, as_pem, parse

_SOURCE = """\
{heading}: Mozilla's list as published by certifi {version}, Mozilla Public License 2.0.
# Regenerate with tools/refresh_public_authorities.py.
"""


def main() -> None:
    """Write the file."""
    found = parse(Path(certifi.where()).read_bytes())
    source = _SOURCE.format(heading=PUBLIC_HEADING.decode("ascii"), version=certifi.__version__).encode("ascii")
    PUBLIC_AUTHORITIES.write_bytes(source + as_pem(found))
    sys.stdout.write(f"{len(found)} certificates of certifi {certifi.__version__}\n")


if __name__ == "__main__":
    main()
