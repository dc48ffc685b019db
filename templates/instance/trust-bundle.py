#!/usr/bin/python3
"""Fetches the certificate authorities that containers trust: trust-bundle.py URL REGION SHA256.

URL is a zip file in S3, read with the instance's role; SHA256 is the digest of the bundle in it. The standard library
suffices, since cloud-init brings Python and an image need not have the AWS CLI.
"""

import hashlib
import hmac
import io
import json
import os
import sys
import time
import urllib.parse
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path

METADATA = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254")
ATTEMPTS = int(os.environ.get("ATTEMPTS", "60"))
TARGET = Path(os.environ.get("DIRECTORY", "/var/lib/lisa/trust"), "ca-bundle.pem")
MEMBER = "lisa/ca-bundle.pem"
EMPTY = hashlib.sha256(b"").hexdigest()


def _get(url, headers, method="GET"):
    request = urllib.request.Request(url, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def _credentials():
    token = _get(f"{METADATA}/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"}, "PUT").decode()
    headers = {"X-aws-ec2-metadata-token": token}
    path = f"{METADATA}/latest/meta-data/iam/security-credentials/"
    return json.loads(_get(path + _get(path, headers).decode().strip(), headers))


def _signed(url, region, role):
    """Headers of a GET (Signature Version 4)."""
    parts = urllib.parse.urlsplit(url)
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"host": parts.netloc, "x-amz-content-sha256": EMPTY, "x-amz-date": now}
    if role.get("Token"):
        headers["x-amz-security-token"] = role["Token"]
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"GET\n{parts.path}\n\n{lines}\n{names}\n{EMPTY}"
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = ("AWS4" + role["SecretAccessKey"]).encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"Credential={role['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"}


def _fetch(url, region, sha256):
    if TARGET.is_file() and hashlib.sha256(TARGET.read_bytes()).hexdigest() == sha256:
        return
    for attempt in range(1, ATTEMPTS + 1):
        try:
            archive = _get(url, _signed(url, region, _credentials()))
            break
        except (OSError, HTTPException, ValueError, KeyError) as error:
            if attempt == ATTEMPTS:
                sys.exit(f"lisa-trust: cannot fetch {url}: {error}. The ECS agent is not started.")
            time.sleep(5)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        bundle = files.read(MEMBER)
    if hashlib.sha256(bundle).hexdigest() != sha256:
        sys.exit(f"lisa-trust: {MEMBER} in {url} is not the reviewed one ({sha256}). The ECS agent is not started.")
    TARGET.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    part = TARGET.with_suffix(".part")
    part.write_bytes(bundle)
    part.chmod(0o644)
    part.replace(TARGET)


if __name__ == "__main__":
    _fetch(*sys.argv[1:])
