"""Versions of inference servers, read from tags of images and compared."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_NUMBER: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.?(post|rc)(\d+))?")
_MAJORS: Final = {"vllm": (0,), "sglang": (0,), "tgi": (1, 2, 3), "tei": (0, 1)}
"""Major versions that an engine has: tags of other images, such as NVIDIA's `25.09-py3`, count something else."""


@dataclass(frozen=True, order=True, slots=True)
class EngineVersion:
    """A version; `order` is what it is compared by, `text` how it is written."""

    order: tuple[int, ...]
    text: str = field(compare=False)

    @property
    def release(self) -> tuple[int, int, int]:
        """The release, by which tables of measurements and of GPUs are keyed: `(0, 10, 1)` of `0.10.1.1`."""
        return (self.order[0], self.order[1], self.order[2])

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class TagVersion:
    """The version in the tag of an image.

    Attributes:
        version: of the engine.
        suffix: what follows it, such as `-cu129`.
    """

    version: EngineVersion
    suffix: str


def version(text: str) -> EngineVersion:
    """Read a version, such as `0.9.2`, `0.10.1.1` or `0.5.12.post1`.

    Raises:
        ValueError: the text is none.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(text)
    *numbers, suffix, count = found.groups()
    # A release candidate comes before its release, a post-release after it.
    after = 0 if suffix is None else int(count) + 1 if suffix == "post" else int(count) - 1_000_000
    return EngineVersion((*(int(number or 0) for number in numbers), after), text.removeprefix("v"))


def release(text: str) -> tuple[int, int, int]:
    """Read the release of a version; see `EngineVersion.release`.

    Raises:
        ValueError: the text is no version.
    """
    return version(text).release


def read_tag(engine: str, tag: str) -> TagVersion | None:
    """Read the version in the tag of an engine's image; None if it has none.

    Tags are such as `v0.9.2`, `86-1.8` (for compute capability 8.6) and `0.11-gpu-py312`. `2.7.0-tgi3.3.6-gpu-py311`
    of AWS Deep Learning Containers begins with the version of PyTorch.
    """
    if engine not in _MAJORS:
        return None
    text = re.sub(r"^(cpu|cuda|turing|hopper|\d{2,3})-(arm64-)?", "", tag) if engine == "tei" else tag
    named = re.search(rf"(?:^|-){engine}(?=v?\d)", text)
    if named is not None:
        text = text[named.end() :]
    found = re.match(rf"{_NUMBER.pattern}(?=$|[-_+])", text)
    if found is None:
        return None
    read = version(found[0])
    return TagVersion(read, text[found.end() :]) if read.order[0] in _MAJORS[engine] else None
