"""Artifacts of a deployment: what each is, what it is made from, and where it goes in the account."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lisa_compiler.product.artifact import MATERIALIZED, ProductArtifact


class ArtifactType(StrEnum):
    """What an artifact is."""

    IMAGE = "image"
    LAYER = "layer"
    CODE = "code"
    WEB = "web"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class DirectorySource:
    """A folder that is zipped; `path` is absolute."""

    path: Path


@dataclass(frozen=True, slots=True)
class PrebuiltFile:
    """A file that is taken as it is: a layer's zip file, or an image's tarball; `path` is absolute."""

    path: Path


@dataclass(frozen=True, slots=True)
class ProductSource:
    """Product code, which is compared with the manifest's digest and put into a file or directory when it is needed.

    Attributes:
        product: what the manifest names.
        project: directory that the configuration's paths are relative to.
        output: the environment's output.
        lisa_version: version of LISA that compiled it.
    """

    product: ProductArtifact
    project: Path
    output: Path
    lisa_version: str

    @property
    def target(self) -> Path:
        """The zip file, or the directory of an image's build context."""
        return self.project / MATERIALIZED / self.product.file_name


@dataclass(frozen=True, slots=True)
class BuildContext:
    """A container image that is built.

    Attributes:
        folder: the build context.
        arguments: (name, value) of the build.
        platform: as Docker writes it, such as `linux/amd64`.
        product: what the directory is materialized from; None when it is in the output.
    """

    folder: Path
    arguments: tuple[tuple[str, str], ...]
    platform: str
    product: ProductSource | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an artifact goes in the account.

    Attributes:
        store: bucket, or repository of an image.
        key: key of the object, or tag of the image.
        role: ARN of the role that puts it there; None for the caller's own rights.
    """

    store: str
    key: str
    role: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Something that stacks need, named by the digest of what it is made from.

    Attributes:
        kind: what it is.
        name: the layer's, the image's or the function's; `application` for the web.
        digest: SHA-256 in hexadecimal.
        source: what it is made from.
        places: where it goes; empty when the `cdk` CLI decides.
        components: the stacks that need it.
    """

    kind: ArtifactType
    name: str
    digest: str
    source: DirectorySource | PrebuiltFile | ProductSource | BuildContext
    places: tuple[Destination, ...]
    components: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """What a person calls it: `layer common`."""
        return f"{self.kind} {self.name}"
