"""What to do about a models bucket that does not exist; the commands and the documentation say the same."""

from __future__ import annotations


def missing_bucket_fix(bucket: str, region: str = "<region>") -> str:
    """The fix, a sentence without a full stop.

    Args:
        bucket: name of the bucket.
        region: the Region of the environment.
    """
    return f"Check s3BucketModels, or create the bucket, which LISA does not: {create_command(bucket, region)}"


def create_command(bucket: str, region: str) -> str:
    """The command that creates the bucket, as docs/start.md has it."""
    return f"`aws s3 mb s3://{bucket} --region {region}`"
