"""Put artifacts into the account: what it has already is neither built nor sent again.

An object of S3 and a tag in ECR appear when they are whole, so that an interrupted run leaves nothing half done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.artifacts import images
from lisa_compiler.artifacts.artifact import ArtifactType
from lisa_compiler.aws.errors import DeployError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lisa_compiler.artifacts.artifact import Artifact, Destination
    from lisa_compiler.artifacts.images import Builder
    from lisa_compiler.aws.account import Account

_NOT_BOOTSTRAPPED = frozenset({"NoSuchBucket", "RepositoryNotFoundException"})


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """Where the account keeps artifacts: the bucket and the repository that the bootstrap made.

    Attributes:
        account: whose.
        environment: name of the environment, for what is said.
    """

    account: Account
    environment: str

    def is_missing(self, artifact: Artifact) -> bool:
        """Whether an artifact is missing in any of its places.

        Raises:
            DeployError: AWS refuses, or the account is not bootstrapped.
        """
        return any(not self._exists(artifact.kind, place) for place in artifact.places)

    def upload_file(self, artifact: Artifact, file: Path) -> None:
        """Upload a zip file to wherever it is missing."""
        for place in artifact.places:
            if self._exists(artifact.kind, place):
                continue
            self.account.buckets(place.role).upload_zip(file, place.store, place.key)

    def push_image(self, artifact: Artifact, builder: Builder, image: str) -> None:
        """Push an image to wherever it is missing."""
        for place in artifact.places:
            if self._exists(artifact.kind, place):
                continue
            registry = self.account.registry(place.role)
            uri = registry.repository_uri(place.store)
            images.log_in(builder, uri.partition("/")[0], registry.password())
            try:
                images.push(builder, image, f"{uri}:{place.key}")
            except DeployError:
                # Its tags are immutable: another run may have pushed the same image meanwhile.
                if not self._exists(artifact.kind, place):
                    raise

    def _exists(self, kind: ArtifactType, place: Destination) -> bool:
        try:
            if kind is ArtifactType.IMAGE:
                return self.account.registry(place.role).has_image(place.store, place.key)
            return self.account.buckets(place.role).has_object(place.store, place.key)
        except RequestError as error:
            if error.code in _NOT_BOOTSTRAPPED:
                raise DeployError(
                    f"The account {self.account.number} has no {place.store} for artifacts: "
                    f"run `lisa bootstrap --env {self.environment}` first."
                ) from error
            raise


def log_in_to(builder: Builder, account: Account, registries: Iterable[str]) -> None:
    """Log the builder in to registries of ECR in the account's region."""
    secret = account.registry().password()
    for registry in registries:
        images.log_in(builder, registry, secret)
