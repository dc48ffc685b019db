"""The Python of the gateway's base image: whether it suffices, and which image takes the place of one that does not."""

from __future__ import annotations

import re
from typing import Final

OLDEST_GATEWAY_PYTHON: Final = (3, 11)
"""The oldest Python that the gateway runs on."""

_REPLACEMENT: Final = "3.12"
_PYTHON_IMAGE: Final = re.compile(
    r"(?P<repository>(?:.*/)?python):(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+))?(?:\.[0-9]+)?(?P<variant>-.*)?(?P<rest>.*)\Z"
)
_OFFICIAL: Final = frozenset({"python", "library/python", "docker.io/python", "docker.io/library/python"}) | {
    "public.ecr.aws/docker/library/python"
}
_VARIANTS: Final = frozenset({"", "-slim", "-bookworm", "-slim-bookworm", "-trixie", "-slim-trixie"})
"""Variants that the official image of the replacement has, too."""


def has_old_python(base_image: str) -> bool:
    """Whether an image is a Python image, by its name, that is too old for the gateway."""
    found = _PYTHON_IMAGE.fullmatch(base_image)
    return found is not None and (int(found["major"]), int(found["minor"] or 99)) < OLDEST_GATEWAY_PYTHON


def replacement(base_image: str) -> str | None:
    """The official image to build the gateway on instead of an official one that is too old; None for all others.

    Another registry may not have the replacement, so that an image there is not replaced.
    """
    found = _PYTHON_IMAGE.fullmatch(base_image)
    if found is None or not has_old_python(base_image) or found["repository"] not in _OFFICIAL or found["rest"]:
        return None
    variant = found["variant"] or ""
    return f"{found['repository']}:{_REPLACEMENT}{variant}" if variant in _VARIANTS else None
