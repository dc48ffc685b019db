"""Images by their tags, which name the version of the engine in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lisa_schema.models.container import AssetImage, EcrImage, Image, RegistryImage

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:\.(?:\d+|post\d+))*(?:rc\d+)?(?P<suffix>-[A-Za-z0-9._-]+)?")
_PUBLISHED = {"vllm": "vllm-openai", "tgi": "text-generation-inference", "tei": "text-embeddings-inference"}
"""Last part of the name of the images that each engine's project publishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedImage:
    """What the reference of an image says about the engine in it.

    Attributes:
        reference: the reference as it is configured.
        repository: the reference without tag and digest.
        tag: the tag; empty when there is none.
        key: the key that has the reference, below `containerConfig.image`.
    """

    reference: str
    repository: str
    tag: str
    key: str

    def publishes(self, engine: str) -> bool:
        """Return whether the repository has the name under which an engine's project publishes it."""
        return self.repository.rpartition("/")[2] == _PUBLISHED.get(engine)

    @property
    def version(self) -> tuple[int, int, int] | None:
        """The version in the tag (`v0.9.2`, `0.29.0-cu129`, `3.3`); None when the tag has none, such as `stable`."""
        match = _VERSION.fullmatch(self.tag)
        if match is None:
            return None
        return (int(match[1]), int(match[2]), int(match[3] or 0))

    @property
    def suffix(self) -> str:
        """What follows the version in the tag, such as `-cu129`; empty without a version."""
        match = _VERSION.fullmatch(self.tag)
        return (match["suffix"] or "") if match else ""


def tagged_image(image: Image) -> TaggedImage | None:
    """Read the reference of a configured image; None for a tarball, whose content no name describes."""
    if isinstance(image, AssetImage):
        return read_reference(image.base_image, "baseImage")
    if isinstance(image, RegistryImage):
        return read_reference(image.registry, "registry")
    if isinstance(image, EcrImage):
        repository = image.repository_arn.rpartition(":repository/")[2]
        reference = f"{repository}{image.reference}"
        return TaggedImage(reference=reference, repository=repository, tag=image.version_tag, key="tag")
    return None


def read_reference(reference: str, key: str = "") -> TaggedImage:
    """Split an image reference into repository and tag; a digest is dropped."""
    name = reference.partition("@")[0]
    path, slash, last = name.rpartition("/")
    repository, _, tag = last.partition(":")
    return TaggedImage(reference=reference, repository=f"{path}{slash}{repository}", tag=tag, key=key)


def parse_version(text: str) -> tuple[int, ...]:
    """Read a version such as `0.19.0` as numbers.

    Raises:
        ValueError: a part is not a number.
    """
    return tuple(int(part) for part in text.split("."))
