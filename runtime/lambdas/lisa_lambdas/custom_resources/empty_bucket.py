"""Empties a bucket before CloudFormation deletes it: every object, every version, every delete marker.

Property: BucketName. Create and Update do nothing. What is written meanwhile (access logs) is deleted too; when time
runs short the answer is a failure, never silence, which would leave the stack waiting for an hour.
"""

import json
import logging
import urllib.request
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

RESERVE_MS = 20000

log = logging.getLogger()
log.setLevel(logging.INFO)


def handler(event: Any, context: Any) -> None:
    """Answer CloudFormation."""
    bucket = event["ResourceProperties"].get("BucketName", "")
    status, reason = "SUCCESS", ""
    try:
        if event["RequestType"] == "Delete":
            empty(boto3.client("s3"), bucket, context)
    except Exception as error:
        log.exception("cannot empty %s", bucket)
        status, reason = "FAILED", f"Cannot empty the bucket {bucket}: {error}"[:1000]
    answer(event, Status=status, Reason=reason, PhysicalResourceId=bucket or "none", Data={})


def answer(event: Any, **found: Any) -> None:
    """Put the answer where CloudFormation waits; the signed address takes no content type."""
    found.update({name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")})
    body, headers = json.dumps(found).encode(), {"Content-Type": ""}
    request = urllib.request.Request(event["ResponseURL"], body, headers, method="PUT")
    urllib.request.urlopen(request, timeout=30)


def empty(s3: Any, bucket: str, context: Any) -> None:
    """Delete until a listing finds nothing."""
    if not bucket:
        raise ValueError("the property BucketName is missing")
    deleted = before = 0
    try:
        while True:
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
                keys = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
                for start in range(0, len(keys), 1000):
                    if context.get_remaining_time_in_millis() < RESERVE_MS:
                        raise TimeoutError(f"time ran out after {deleted} versions; delete the stack again to continue")
                    batch = keys[start : start + 1000]
                    delete(s3, bucket, batch)
                    deleted += len(batch)
            if deleted == before:
                break
            before = deleted
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
    log.info("%s is empty; deleted %d versions", bucket, deleted)


def delete(s3: Any, bucket: str, keys: Any) -> None:
    """Delete versions; S3 reports those it did not delete in a good answer."""
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
    for error in answer.get("Errors", []):
        raise RuntimeError(f"{error['Key']} cannot be deleted: {error['Code']} {error.get('Message', '')}")
