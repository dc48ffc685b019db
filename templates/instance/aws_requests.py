"""Requests of the programs on an instance: instance metadata, and AWS APIs with the credentials of the instance's role.

Only the standard library is used: the image has Python, and need not have the AWS CLI. Errors are OSError.
"""

import datetime
import hashlib
import hmac
import json
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import urlsplit

METADATA = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254")


def send(url, body=None, headers=None, method=None):
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read()
    except HTTPException as error:
        raise OSError(f"{url}: {error}") from None


def metadata(path):
    """Instance metadata, version 2; None for an item that does not exist."""
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = send(METADATA + "/latest/api/token", b"", lifetime, "PUT").decode(errors="replace")
    try:
        answer = send(METADATA + "/latest/meta-data/" + path, None, {"X-aws-ec2-metadata-token": token})
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    return answer.decode(errors="replace")


def credentials():
    """Access key, secret key and session token of the instance's role."""
    path = "iam/security-credentials/"
    try:
        keys = json.loads(metadata(path + metadata(path).strip()))
        return keys["AccessKeyId"], keys["SecretAccessKey"], keys.get("Token")
    except (AttributeError, KeyError, TypeError, ValueError, urllib.error.HTTPError):
        raise OSError("the instance has no credentials of its role yet") from None


def call(method, url, *, region, service, body=b"", headers=None):
    """Send a request with a Signature Version 4 (AWS General Reference); the URL has no query."""
    access_key, secret, token = credentials()
    address, payload = urlsplit(url), hashlib.sha256(body).hexdigest()
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {**(headers or {}), "Host": address.netloc, "X-Amz-Content-Sha256": payload, "X-Amz-Date": stamp}
    if token:
        headers["X-Amz-Security-Token"] = token
    names = ";".join(sorted(name.lower() for name in headers))
    lines = "".join(sorted(f"{name.lower()}:{value}\n" for name, value in headers.items()))
    request = f"{method}\n{address.path}\n\n{lines}\n{names}\n{payload}"
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = ("AWS4" + secret).encode()
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"Credential={access_key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    headers["Authorization"] = f"AWS4-HMAC-SHA256 {credential}"
    return send(url, body or None, headers, method)
