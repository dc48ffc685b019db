"""Put artifacts into the account: what it has already is neither built nor sent again.

An object of S3 and a tag in ECR appear when they are whole, so that an interrupted run leaves nothing half done.
"""

from __future__ import annotations

import base64
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.artifacts import images
from lisa_compiler.artifacts.artifact import Kind
from lisa_compiler.aws.account import code_of, explained
from lisa_compiler.aws.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lisa_compiler.artifacts.artifact import Artifact, Place
    from lisa_compiler.artifacts.images import Builder
    from lisa_compiler.aws.account import Account

_NOT_BOOTSTRAPPED = frozenset({"NoSuchBucket", "RepositoryNotFoundException"})


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the account keeps artifacts: the bucket and the repository that the bootstrap made.

    Attributes:
        account: whose.
        environment: name of the environment, for what is said.
    """

    account: Account
    environment: str

    def lacks(self, artifact: Artifact) -> bool:
        """Whether an artifact is missing in any of its places.

        Raises:
            DeployError: AWS refuses, or the account is not bootstrapped.
        """
        return any(not self._holds(artifact.kind, place) for place in artifact.places)

    def put_file(self, artifact: Artifact, file: Path) -> None:
        """Upload a zip file to wherever it is missing."""
        transfer = importlib.import_module("boto3.exceptions")
        for place in artifact.places:
            if self._holds(artifact.kind, place):
                continue
            s3 = self.account.client("s3", place.role)
            owner = {"ContentType": "application/zip", "ExpectedBucketOwner": self.account.number}
            with explained(f"{artifact.title} cannot be uploaded to s3://{place.container}"):
                try:
                    s3.upload_file(str(file), place.container, place.key, ExtraArgs=owner)
                except transfer.S3UploadFailedError as error:
                    raise DeployError(f"{artifact.title} cannot be uploaded: {error}.") from error

    def put_image(self, artifact: Artifact, builder: Builder, image: str) -> None:
        """Push an image to wherever it is missing."""
        for place in artifact.places:
            if self._holds(artifact.kind, place):
                continue
            ecr = self.account.client("ecr", place.role)
            with explained(f"{place.container} cannot be pushed to"):
                found = ecr.describe_repositories(repositoryNames=[place.container])["repositories"][0]
            uri = str(found["repositoryUri"])
            images.log_in(builder, uri.partition("/")[0], password(ecr))
            try:
                images.push(builder, image, f"{uri}:{place.key}")
            except DeployError:
                # Its tags are immutable: another run may have pushed the same image meanwhile.
                if not self._holds(artifact.kind, place):
                    raise

    def _holds(self, kind: Kind, place: Place) -> bool:
        exceptions = importlib.import_module("botocore.exceptions")
        with explained(f"{place.container} cannot be read"):
            try:
                return self._has_image(place) if kind is Kind.IMAGE else self._has_object(place)
            except exceptions.ClientError as error:
                if code_of(error) == "ImageNotFoundException":
                    return False
                if code_of(error) in _NOT_BOOTSTRAPPED:
                    raise DeployError(
                        f"The account {self.account.number} has no {place.container} for artifacts: "
                        f"run `lisa bootstrap --env {self.environment}` first."
                    ) from error
                raise

    def _has_object(self, place: Place) -> bool:
        answer = self.account.client("s3", place.role).list_objects_v2(
            Bucket=place.container, Prefix=place.key, MaxKeys=1, ExpectedBucketOwner=self.account.number
        )
        return any(found["Key"] == place.key for found in answer.get("Contents", ()))

    def _has_image(self, place: Place) -> bool:
        ecr = self.account.client("ecr", place.role)
        return bool(
            ecr.describe_images(repositoryName=place.container, imageIds=[{"imageTag": place.key}])["imageDetails"]
        )


def password(ecr: object) -> str:
    """A password of the registries that the caller may use, for twelve hours; the user's name is AWS.

    Raises:
        DeployError: AWS refuses it.
    """
    with explained("ECR returned no password"):
        given = ecr.get_authorization_token()["authorizationData"][0]  # type: ignore[attr-defined]  # of boto3
    return base64.b64decode(given["authorizationToken"]).decode().partition(":")[2]


def log_in_to(builder: Builder, account: Account, registries: Iterable[str]) -> None:
    """Log the builder in to registries of ECR in the account's region."""
    secret = password(account.client("ecr"))
    for registry in registries:
        images.log_in(builder, registry, secret)
