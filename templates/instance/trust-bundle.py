#!/usr/bin/python3
"""Fetches the certificate authorities that containers trust: trust-bundle.py URL REGION SHA256 MEMBER DIRECTORY.

URL is a zip file in S3, read with the instance's role; MEMBER is a folder in it with ca-bundle.pem, whose digest is
compared. The standard library suffices, since cloud-init brings Python and an image need not have the AWS CLI.
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
from datetime import datetime, timezone

METADATA = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254")
FILE = "ca-bundle.pem"
EMPTY = hashlib.sha256(b"").hexdigest()


def get(url, headers, method="GET"):
    request = urllib.request.Request(url, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def credentials():
    token = get(f"{METADATA}/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"}, "PUT").decode()
    headers = {"X-aws-ec2-metadata-token": token}
    path = f"{METADATA}/latest/meta-data/iam/security-credentials/"
    return json.loads(get(path + get(path, headers).decode().strip(), headers))


def signed(url, region, role):
    """Headers of a GET (Signature Version 4)."""
    parts = urllib.parse.urlsplit(url)
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
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


def main(url, region, sha256, member, directory, attempts=60):
    target = os.path.join(directory, FILE)
    try:
        with open(target, "rb") as file:
            if hashlib.sha256(file.read()).hexdigest() == sha256:
                return
    except FileNotFoundError:
        pass
    for attempt in range(1, int(attempts) + 1):
        try:
            archive = get(url, signed(url, region, credentials()))
            break
        except (OSError, ValueError, KeyError) as error:
            if attempt == int(attempts):
                sys.exit(f"lisa-trust: cannot fetch {url}: {error}. The ECS agent is not started.")
            time.sleep(5)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        bundle = files.read(f"{member}/{FILE}")
    if hashlib.sha256(bundle).hexdigest() != sha256:
        sys.exit(f"lisa-trust: {FILE} in {url} is not the reviewed one ({sha256}). The ECS agent is not started.")
    os.makedirs(directory, mode=0o755, exist_ok=True)
    with open(f"{target}.part", "wb") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(bundle)
    os.replace(f"{target}.part", target)


if __name__ == "__main__":
    main(*sys.argv[1:])
