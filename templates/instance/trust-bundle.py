"""Fetches the certificate authorities that containers trust: trust-bundle.py URL REGION SHA256.

URL is a zip file in S3, read with the instance's role; SHA256 is the digest of the bundle in it.
"""

import hashlib
import io
import os
import sys
import time
import zipfile
from pathlib import Path

import aws_requests

ATTEMPTS = int(os.environ.get("ATTEMPTS", "60"))
TARGET = Path(os.environ.get("DIRECTORY", "/var/lib/lisa/trust"), "ca-bundle.pem")
MEMBER = "lisa/ca-bundle.pem"


def _has_digest(bundle, sha256):
    return hashlib.sha256(bundle).hexdigest() == sha256


def _fetch(url, region, sha256):
    if TARGET.is_file() and _has_digest(TARGET.read_bytes(), sha256):
        return
    for attempt in range(1, ATTEMPTS + 1):
        try:
            archive = aws_requests.call("GET", url, region=region, service="s3")
            break
        except OSError as error:
            if attempt == ATTEMPTS:
                sys.exit(f"lisa-trust: cannot fetch {url}: {error}. The ECS agent is not started.")
            time.sleep(5)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            bundle = files.read(MEMBER)
    except (KeyError, zipfile.BadZipFile):
        bundle = b""
    if not _has_digest(bundle, sha256):
        sys.exit(f"lisa-trust: {MEMBER} in {url} is not the reviewed one ({sha256}). The ECS agent is not started.")
    TARGET.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    part = TARGET.with_suffix(".part")
    part.write_bytes(bundle)
    part.chmod(0o644)
    part.replace(TARGET)


if __name__ == "__main__":
    _fetch(*sys.argv[1:])
