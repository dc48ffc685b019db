"""Objects of the models bucket with S3's own SHA-256 checksums, for lisa_weights.store.checksums.ChecksumClient."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lisa_compiler.aws.errors import DeployError, RequestError
from lisa_compiler.aws.sdk import BotoCoreError, ClientError, Config
from lisa_compiler.aws.session import open_session, translate_aws_errors

_SHA256 = "SHA256"
_CONCURRENT_PARTS = 4
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_DENIED = frozenset({"403", "AccessDenied", "Forbidden"})

Parts = Sequence[tuple[int, int]]
IsCancelled = Callable[[], bool]


class UploadCancelledError(Exception):
    """The upload of a file was cancelled; no object was written."""


class _File(io.FileIO):
    """A file that is read until the upload is cancelled."""

    def __init__(self, path: Path, is_cancelled: IsCancelled) -> None:
        super().__init__(path)
        self._is_cancelled = is_cancelled

    def read(self, size: int | None = -1, /) -> bytes:
        """Read the next bytes.

        Raises:
            UploadCancelledError: the upload is cancelled.
        """
        if self._is_cancelled():
            raise UploadCancelledError
        return super().read(size)


@dataclass(frozen=True, slots=True)
class ObjectDigests:
    """What S3 has about the content of an object.

    Attributes:
        metadata: user metadata, with names in lower case.
        checksum: S3's SHA-256 checksum, in base64, with the number of parts if there are some; None if it has none.
    """

    metadata: Mapping[str, str]
    checksum: str | None


@dataclass(frozen=True, slots=True)
class ChecksumObjects:
    """Objects with S3's SHA-256 checksums.

    Attributes:
        client: boto3's client of S3.
    """

    client: Any

    def digests(self, bucket: str, key: str) -> ObjectDigests | None:
        """Read the checksum and the metadata of an object; None if it does not exist.

        The checksum of an object that is encrypted with a KMS key requires kms:Decrypt; without this permission it is
        None.

        Raises:
            RequestError: the store rejects the request or does not respond.
        """
        try:
            try:
                found = self._head(bucket, key, ChecksumMode="ENABLED")
            except RequestError as error:
                if error.code not in _DENIED:
                    raise
                found = self._head(bucket, key)
        except RequestError as error:
            if error.code in _ABSENT:
                return None
            raise
        metadata = {str(name).lower(): str(value) for name, value in found.get("Metadata", {}).items()}
        return ObjectDigests(metadata, found.get("ChecksumSHA256"))

    def _head(self, bucket: str, key: str, **options: str) -> dict[str, Any]:
        with translate_aws_errors(f"s3://{bucket}/{key} cannot be read"):
            found: dict[str, Any] = self.client.head_object(Bucket=bucket, Key=key, **options)
        return found

    def put(
        self,
        file: Path,
        bucket: str,
        key: str,
        *,
        checksum: str | None,
        parts: Parts,
        metadata: Mapping[str, str],
        is_cancelled: IsCancelled,
    ) -> str | None:
        """Send a file; S3 rejects it if its content does not have the checksum.

        The file is read once: the checksum is in the signature, so that the content itself is not signed.

        Args:
            file: path on the disk.
            bucket: name of the bucket.
            key: key of the object.
            checksum: SHA-256 of the file in base64; of the digests of its parts, if it has parts; None if unknown.
            parts: offset and bytes of each part; empty for a file of at most 5 GiB.
            metadata: user metadata of the object.
            is_cancelled: is asked before each block of the file.

        Returns:
            The checksum that the store computed; None if it computes none.

        Raises:
            DeployError: the store rejects the request or does not respond, the file cannot be read, or the upload is
                cancelled.
        """
        what = f"s3://{bucket}/{key} cannot be uploaded"
        try:
            with translate_aws_errors(what):
                request = {"Bucket": bucket, "Key": key, **({"ChecksumSHA256": checksum} if checksum else {})}
                if parts:
                    answer = self._in_parts(
                        request, metadata, parts, lambda *part: self._send_part(file, is_cancelled, *part)
                    )
                else:
                    with _File(file, is_cancelled) as stream:
                        answer = self.client.put_object(**request, Body=stream, Metadata=dict(metadata))
            found: str | None = answer.get("ChecksumSHA256")
        except UploadCancelledError as error:
            raise DeployError(f"{what}: it was cancelled.") from error
        except OSError as error:
            raise DeployError(f"{what}: {file} cannot be read: {error.strerror}. Check its permissions.") from error
        return found

    def copy(self, bucket: str, source: str, key: str, *, parts: Parts, metadata: Mapping[str, str]) -> None:
        """Copy an object within the bucket without a download; S3 computes the SHA-256 checksum of the copy.

        Args:
            bucket: name of the bucket.
            source: key of the object.
            key: key of the copy.
            parts: offset and bytes of each part; empty for an object of at most 5 GiB.
            metadata: user metadata of the copy.

        Raises:
            RequestError: the store rejects the request or does not respond.
        """
        origin = {"Bucket": bucket, "Key": source}
        with translate_aws_errors(f"s3://{bucket}/{source} cannot be copied"):
            if parts:
                target = {"Bucket": bucket, "Key": key}
                self._in_parts(target, metadata, parts, lambda *part: self._copy_part(origin, *part))
                return
            self.client.copy_object(
                Bucket=bucket,
                Key=key,
                CopySource=origin,
                ChecksumAlgorithm=_SHA256,
                Metadata=dict(metadata),
                MetadataDirective="REPLACE",
            )

    def _in_parts(
        self,
        request: Mapping[str, str],
        metadata: Mapping[str, str],
        parts: Parts,
        send: Callable[[dict[str, Any], int, int], dict[str, Any]],
    ) -> dict[str, Any]:
        target = {"Bucket": request["Bucket"], "Key": request["Key"]}
        created = self.client.create_multipart_upload(**target, ChecksumAlgorithm=_SHA256, Metadata=dict(metadata))
        upload = {**target, "UploadId": created["UploadId"]}
        try:
            with ThreadPoolExecutor(_CONCURRENT_PARTS) as pool:
                numbered = [({**upload, "PartNumber": number}, *part) for number, part in enumerate(parts, 1)]
                sent = list(pool.map(lambda part: send(*part), numbered))
            listed = [{"PartNumber": number, **part} for number, part in enumerate(sent, 1)]
            answer: dict[str, Any] = self.client.complete_multipart_upload(
                **{**request, **upload}, MultipartUpload={"Parts": listed}
            )
        except BaseException:
            with suppress(ClientError, BotoCoreError):
                self.client.abort_multipart_upload(**upload)
            raise
        return answer

    def _send_part(
        self, file: Path, is_cancelled: IsCancelled, request: dict[str, Any], start: int, size: int
    ) -> dict[str, Any]:
        with _File(file, is_cancelled) as stream:
            stream.seek(start)
            data = stream.read(size)
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        answer = self.client.upload_part(**request, Body=data, ChecksumSHA256=checksum)
        return {"ETag": answer["ETag"], "ChecksumSHA256": checksum}

    def _copy_part(self, origin: dict[str, str], request: dict[str, Any], start: int, size: int) -> dict[str, Any]:
        answer = self.client.upload_part_copy(
            **request, CopySource=origin, CopySourceRange=f"bytes={start}-{start + size - 1}"
        )["CopyPartResult"]
        checksum = {"ChecksumSHA256": answer["ChecksumSHA256"]} if "ChecksumSHA256" in answer else {}
        return {"ETag": answer["ETag"], **checksum}


def open_checksum_objects(region: str, endpoint_url: str | None) -> ChecksumObjects:
    """Open S3, or an S3-compatible store, with the credentials that the environment has, as s5cmd does.

    Args:
        region: Region of the bucket.
        endpoint_url: address of a store; None for S3.

    Raises:
        DeployError: the profile or the address is invalid.
    """
    style = {"addressing_style": "path"} if endpoint_url else {}
    config = Config(
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=32,
        s3={**style, "payload_signing_enabled": False},
    )
    try:
        client = open_session(None, region).client("s3", endpoint_url=endpoint_url, config=config)
    except (BotoCoreError, ValueError) as error:
        raise DeployError(f"No session with S3: {error}. Check AWS_PROFILE and --endpoint-url.") from error
    return ChecksumObjects(client)
