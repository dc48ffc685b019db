"""What an image's name says about the server in it: which engine, which version, and which processors it is built for.

Names of the projects' own images, of AWS Deep Learning Containers and of mirrors are read by their words. What a name
does not say is None: unknown, never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from lisa_schema.engine_versions import EngineVersion, TagVersion, read_tag
from lisa_schema.errors import LisaError
from lisa_schema.image_reference import ImageReference, image_fault, parse_image
from lisa_schema.models import AssetImage, EcrImage, RegistryImage, TarballImage


class Accelerator(Enum):
    """What an image computes on; the value is how messages name it."""

    NVIDIA = "NVIDIA GPUs"
    CPU = "CPUs"
    AMD = "AMD GPUs"
    NEURON = "AWS Neuron accelerators"
    GAUDI = "Intel Gaudi accelerators"
    INTEL = "Intel GPUs"
    TPU = "TPUs"
    ASCEND = "Ascend NPUs"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineImage:
    """What is known about an image.

    Attributes:
        reference: the reference or path as it is configured.
        key: the key below `containerConfig.image` that has its tag.
        name: the reference without its digest.
        repository: path in the registry; empty without a reference.
        engine: `vllm`, `tgi`, `tei` or `sglang`; None if the name has none of them, or several.
        is_plain: whether it is a well-known image without an inference server, such as `python`.
        version: of the engine.
        accelerator: what it computes on.
        is_arm: whether it is for arm64 processors.
        tag: empty without one.
        is_pinned: whether the reference has a digest.
    """

    reference: str
    key: str
    name: str
    repository: str = ""
    engine: str | None = None
    is_plain: bool = False
    version: EngineVersion | None = None
    accelerator: Accelerator | None = None
    is_arm: bool = False
    tag: str = ""
    is_pinned: bool = False

    def publishes(self, engine: str) -> bool:
        """Return whether the repository has the name under which an engine's project publishes it."""
        return self.repository == _SGLANG if engine == "sglang" else self._last == _PUBLISHED.get(engine)

    @property
    def _last(self) -> str:
        return self.repository.rpartition("/")[2]

    def running(self, engine: str) -> TagVersion | None:
        """Return the version in the tag of a container that runs an engine.

        An image whose name has no engine is read as one of the container's; an image of another engine has no version.
        """
        return _version(engine, self.repository, self.tag) if self.engine in {None, engine} else None


_FULL_NAMES: Final = {"text-generation-inference": "tgi", "text-embeddings-inference": "tei"}
_PUBLISHED: Final = {"vllm": "vllm-openai", "tgi": "text-generation-inference", "tei": "text-embeddings-inference"}
"""Last part of the name of the images that each engine's project publishes."""
_SGLANG: Final = "lmsysorg/sglang"
_ENGINES: Final = ("vllm", "sglang", "tgi", "tei")
_PLAIN: Final = (
    "alpine amazoncorretto amazonlinux busybox caddy centos cuda debian eclipse-temurin fedora golang "
    "hello-world httpd mambaforge miniconda3 nginx node openjdk photon postgres pypy python pytorch redis "
    "rockylinux rust ubi8 ubi9 ubuntu"
)
_ACCELERATORS: Final = {
    **dict.fromkeys(("cpu", "xeon"), Accelerator.CPU),
    **dict.fromkeys(("rocm", "amd", "mi30x", "mi35x"), Accelerator.AMD),
    **dict.fromkeys(("neuron", "neuronx", "inf2", "trn1", "trn2"), Accelerator.NEURON),
    **dict.fromkeys(("hpu", "gaudi"), Accelerator.GAUDI),
    "xpu": Accelerator.INTEL,
    "tpu": Accelerator.TPU,
    **dict.fromkeys(("npu", "ascend", "cann"), Accelerator.ASCEND),
}
_ARM: Final = frozenset({"aarch64", "arm64"})
_NVIDIA: Final = re.compile(r"cuda\d*|cu1[1-9]\d|gpu|gb200|h[12]00")
# text-embeddings-inference: `86-1.8` is for compute capability 8.6, `1.8` for 8.0.
_TEI_GPU: Final = re.compile(r"(turing|hopper|[7-9]\d|1[0-9]\d)-.+")
_TEI_VERSION: Final = re.compile(r"(latest|\d+\.\d+(\.\d+)?)(-.*)?")


def engine_image(image: AssetImage | EcrImage | RegistryImage | TarballImage) -> EngineImage:
    """Read the image of a container."""
    if isinstance(image, TarballImage):
        words = _words(image.path.rpartition("/")[2])
        return EngineImage(reference=image.path, key="path", name=image.path, engine=_engine_of(words), is_pinned=True)
    if isinstance(image, EcrImage):
        repository = image.repository_arn.partition(":repository/")[2]
        digest = image.reference.removeprefix("@") if image.is_pinned else ""
        found = ImageReference(registry="ecr", repository=repository, tag=image.version_tag, digest=digest)
        return _read(found, f"{repository}{image.reference}", "tag")
    if isinstance(image, AssetImage):
        return read_image(image.base_image, "baseImage")
    return read_image(image.registry)


@lru_cache(maxsize=1024)
def read_image(reference: str, key: str = "registry") -> EngineImage:
    """Read the reference of an image; of a text that is none, nothing but the text is known."""
    found = parse_image(reference)
    return _read(found, reference, key) if found else EngineImage(reference=reference, key=key, name=reference)


def named_image(reference: str) -> EngineImage:
    """Read the reference of an image that a person names.

    Raises:
        LisaError: the text is no reference.
    """
    if parse_image(reference) is None:
        fault, fix = image_fault(reference) or ("is not the reference of an image", "Write it as for `docker pull`.")
        raise LisaError(f"`{reference}` {fault}. {fix}")
    return read_image(reference)


@lru_cache(maxsize=1024)
def _read(found: ImageReference, reference: str, key: str) -> EngineImage:
    parts = found.repository.split("/")
    engine = _engine(parts)
    words = [*_words(parts[-1]), *_words(found.tag)]
    tagged = f"{found.repository}:{found.tag}" if found.tag else found.repository
    version = _version(engine, found.repository, found.tag) if engine else None
    return EngineImage(
        reference=reference,
        key=key,
        name=tagged if found.registry in {"", "ecr"} else f"{found.registry}/{tagged}",
        repository=found.repository,
        engine=engine,
        is_plain=engine is None and parts[-1] in _PLAIN.split(),
        version=version.version if version else None,
        accelerator=_accelerator(engine, parts, found.tag, words),
        is_arm=not _ARM.isdisjoint(words),
        tag=found.tag,
        is_pinned=bool(found.digest),
    )


def _version(engine: str, repository: str, tag: str) -> TagVersion | None:
    """The version of an engine in a tag. `huggingface-pytorch-tgi-inference:2.7-gpu` has that of PyTorch alone."""
    is_of_pytorch = "pytorch" in _words(repository.rpartition("/")[2]) and engine not in tag
    return None if is_of_pytorch else read_tag(engine, tag)


def _engine(parts: list[str]) -> str | None:
    """The engine that the last part names which names any: a mirror's path comes before the image's own name."""
    for part in reversed(parts):
        full = [engine for name, engine in _FULL_NAMES.items() if name in part]
        found = full or [engine for engine in _ENGINES if engine in _words(part)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _engine_of(words: list[str]) -> str | None:
    found = [engine for engine in _ENGINES if engine in words]
    return found[0] if len(found) == 1 else None


def _accelerator(engine: str | None, parts: list[str], tag: str, words: list[str]) -> Accelerator | None:
    if engine is None:
        return None
    named = {_ACCELERATORS[word] for word in (*words, *parts[:-1]) if word in _ACCELERATORS}
    named |= {Accelerator.AMD for word in words if word.startswith("rocm")}
    if named:
        return named.pop() if len(named) == 1 else None
    if any(_NVIDIA.fullmatch(word) for word in words):
        return Accelerator.NVIDIA
    if engine == "tei":
        is_own = "text-embeddings-inference" in parts[-1] and _TEI_VERSION.fullmatch(tag or "latest")
        return Accelerator.NVIDIA if is_own or _TEI_GPU.fullmatch(tag) else None
    return None


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", text.lower()) if word]
