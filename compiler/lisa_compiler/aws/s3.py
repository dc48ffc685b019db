"""Objects in buckets of an account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.aws.sdk import S3UploadFailedError
from lisa_compiler.aws.session import translate_aws_errors


@dataclass(frozen=True, slots=True)
class Buckets:
    """Buckets that an account owns.

    Attributes:
        client: boto3's client of S3.
        owner: number of the account; AWS rejects requests for a bucket of another one.
    """

    client: Any
    owner: str

    def has_object(self, bucket: str, key: str) -> bool:
        """Whether an object exists.

        Raises:
            RequestError: AWS rejects the request; with the code NoSuchBucket, the bucket does not exist.
        """
        with translate_aws_errors(f"The bucket {bucket} cannot be read"):
            found = self.client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1, ExpectedBucketOwner=self.owner)
        return any(each["Key"] == key for each in found.get("Contents", ()))

    def keys(self, bucket: str, prefix: str, *, after: str) -> Iterator[str]:
        """Names of objects in order, from the first one after a name.

        Raises:
            RequestError: AWS rejects the request; with the code NoSuchBucket, the bucket does not exist.
        """
        with translate_aws_errors(f"The bucket {bucket} cannot be listed"):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix, StartAfter=after, ExpectedBucketOwner=self.owner
            )
            for page in pages:
                yield from (each["Key"] for each in page.get("Contents", ()))

    def read(self, bucket: str, key: str) -> bytes:
        """The content of an object, whole in memory.

        Raises:
            RequestError: AWS rejects the request.
        """
        with translate_aws_errors(f"s3://{bucket}/{key} cannot be read"):
            found = self.client.get_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self.owner)
            content: bytes = found["Body"].read()
        return content

    def upload_zip(self, file: Path, bucket: str, key: str) -> None:
        """Upload a zip file in parallel parts; the object appears when it is complete.

        Raises:
            DeployError: AWS rejects the request, or a part of it.
        """
        options = {"ContentType": "application/zip", "ExpectedBucketOwner": self.owner}
        what = f"s3://{bucket}/{key} cannot be uploaded"
        try:
            with translate_aws_errors(what):
                self.client.upload_file(str(file), bucket, key, ExtraArgs=options)
        except S3UploadFailedError as error:
            raise DeployError(f"{what}: {error}.") from error
