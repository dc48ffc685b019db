"""Puts the web application into its bucket: the files of a zip archive, and env.js from a property.

Properties: BucketName, SourceBucket, SourceKey, EnvJs. Other files are deleted. Delete does nothing: the bucket has its
own resource, and a replaced bucket may still be in use.
"""

import io
import json
import logging
import mimetypes
import urllib.request
import zipfile
from typing import Any

import boto3  # type: ignore[import-untyped]

log = logging.getLogger()

TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}


def handler(event: Any, context: Any) -> None:
    """Answer CloudFormation."""
    properties = event["ResourceProperties"]
    bucket = properties.get("BucketName", "")
    status, reason, data = "SUCCESS", "", {}
    try:
        if event["RequestType"] != "Delete":
            data = {"Files": publish(boto3.client("s3"), bucket, properties, context)}
    except Exception as error:
        log.exception("cannot publish to %s", bucket)
        status, reason = "FAILED", f"Cannot copy the web application to {bucket}: {error}"[:1000]
    answer(event, Status=status, Reason=reason, PhysicalResourceId=f"website-{bucket}", Data=data)


def answer(event: Any, **found: Any) -> None:
    """Put the answer where CloudFormation waits; the signed address takes no content type."""
    found.update({name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")})
    body, headers = json.dumps(found).encode(), {"Content-Type": ""}
    request = urllib.request.Request(event["ResponseURL"], body, headers, method="PUT")
    urllib.request.urlopen(request, timeout=30)


def publish(s3: Any, bucket: str, properties: Any, context: Any) -> int:
    """Upload every file, index.html last so that a visitor never gets a page without its parts; then clean up."""
    source = s3.get_object(Bucket=properties["SourceBucket"], Key=properties["SourceKey"])
    archive = zipfile.ZipFile(io.BytesIO(source["Body"].read()))
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if "index.html" not in names:
        raise ValueError("the archive has no index.html")
    names = [name for name in names if name not in ("env.js", "index.html")]
    for name in [*sorted(names), "env.js", "index.html"]:
        if context.get_remaining_time_in_millis() < 20000:
            raise TimeoutError("time ran out; update the stack again to continue")
        put(s3, bucket, name, properties["EnvJs"].encode() if name == "env.js" else archive.read(name))
    keep = {*names, "env.js", "index.html"}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        old = [{"Key": entry["Key"]} for entry in page.get("Contents", []) if entry["Key"] not in keep]
        if old:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": old, "Quiet": True})
            for error in answer.get("Errors", []):
                raise RuntimeError(f"{error['Key']} cannot be deleted: {error['Code']}")
    return len(keep)


def put(s3: Any, bucket: str, name: str, body: bytes) -> None:
    """Upload a file; only names that carry a digest of their content (Vite's assets/) may be cached for long."""
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    kind = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    cache = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
    s3.put_object(Bucket=bucket, Key=name, Body=body, ContentType=kind, CacheControl=cache)
