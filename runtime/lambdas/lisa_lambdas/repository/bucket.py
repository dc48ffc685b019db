"""The documents bucket: where browsers upload to, and what is ingested from."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Dict, Iterator
from urllib.parse import quote

import boto3  # type: ignore[import-untyped]
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lisa_lambdas.errors import NotFoundError, TooLargeError, UnavailableError

MAX_BYTES = 50 * 1024 * 1024
"""Bytes of a document."""
_UPLOAD_SECONDS = 900
_BLOCK_BYTES = 1024 * 1024
_ABSENT = ("404", "NoSuchKey", "NotFound")
# botocore's variables for the address of another S3, which need not have a host name for each bucket.
_OTHER_S3 = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


@dataclass(frozen=True)
class Fetched:
    """A document's content.

    Attributes:
        file: the content, at its beginning.
        digest: its SHA-256, in hexadecimal digits.
    """

    file: BinaryIO
    digest: str


class DocumentsBucket:
    """The bucket of a deployment.

    Args:
        s3: client of S3 that signs by signature version 4, for the Region's own host.
        name: the bucket.
    """

    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = s3
        self._name = name

    @classmethod
    def of_session(cls, session: boto3.Session, name: str) -> DocumentsBucket:
        """The bucket with a separate client.

        Forms name the host of the session's Region. botocore's default is S3's global host, which answers 400 for
        Regions launched after 20 March 2019 and otherwise may redirect, which browsers do not follow with a form
        (Amazon S3 User Guide, "Virtual hosting of buckets"). Signature version 4 is required by the bucket's key.
        """
        style = "auto" if any(os.environ.get(variable) for variable in _OTHER_S3) else "virtual"
        s3 = {"addressing_style": style, "us_east_1_regional_endpoint": "regional"}
        return cls(session.client("s3", config=Config(signature_version="s3v4", s3=s3)), name)

    def source(self, key: str) -> str:
        """How a document is named in what is found in it."""
        return f"s3://{self._name}/{key}"

    def key(self, source: str) -> str:
        """The key that a source names; empty for one of another bucket."""
        prefix = self.source("")
        return source[len(prefix) :] if source.startswith(prefix) else ""

    def allow_upload(self, key: str, username: str) -> Dict[str, Any]:
        """Allow a browser to upload a file of at most 50 MiB to one key within fifteen minutes.

        Returns:
            `url` and `fields` of the form (Amazon S3 API Reference, "POST Object"). S3 refuses a form that changes the
            key or the user, which becomes metadata of the object, percent-encoded since headers are ASCII.
        """
        user = {"x-amz-meta-user": quote(username, safe="@")}
        found: Dict[str, Any] = self._s3.generate_presigned_post(
            Bucket=self._name,
            Key=key,
            Fields=user,
            Conditions=[user, ["content-length-range", 1, MAX_BYTES]],
            ExpiresIn=_UPLOAD_SECONDS,
        )
        return found

    @contextmanager
    def fetch(self, key: str) -> Iterator[Fetched]:
        """A document in a temporary file, which is gone afterwards.

        Raises:
            NotFoundError: there is none.
            TooLargeError: it has more than 50 MiB.
            UnavailableError: S3 does not give it.
        """
        with tempfile.TemporaryFile() as file:
            digest = self._download(key, file)
            file.seek(0)
            yield Fetched(file, digest)

    def _download(self, key: str, file: BinaryIO) -> str:
        digest = hashlib.sha256()
        try:
            answer = self._s3.get_object(Bucket=self._name, Key=key)
            if answer["ContentLength"] > MAX_BYTES:
                raise TooLargeError(f"{key} has more than {MAX_BYTES // 2**20} MiB.")
            for block in answer["Body"].iter_chunks(_BLOCK_BYTES):
                digest.update(block)
                file.write(block)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                raise NotFoundError(f"The document {key} does not exist.") from None
            raise UnavailableError(f"S3 cannot return {key}. Try again later.") from error
        except BotoCoreError as error:
            raise UnavailableError(f"S3 cannot return {key}. Try again later.") from error
        return digest.hexdigest()
