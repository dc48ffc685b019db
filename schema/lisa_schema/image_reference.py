"""References to container images: `registry/repository:tag@digest`.

Source: the grammar of distribution/reference, which Docker and containerd use. The first part is a registry only if it
has a dot or a port, or is localhost; repositories are in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REGISTRY: Final = r"(?:localhost(?::[0-9]+)?|[A-Za-z0-9-]*\.[A-Za-z0-9.-]+(?::[0-9]+)?|[A-Za-z0-9-]+:[0-9]+)"
_TAG: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST: Final = r"sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})"

IMAGE_PATTERN: Final = rf"^(?:{_REGISTRY}/)?{_PART}(?:/{_PART})*(?::{_TAG})?(?:@{_DIGEST})?$"
"""The grammar as a JSON Schema pattern."""

_PARTS: Final = re.compile(
    rf"(?:(?P<registry>{_REGISTRY})/)?(?P<repository>{_PART}(?:/{_PART})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?"
)
_MOVING: Final = frozenset(
    {
        *("canary", "current", "dev", "develop", "edge", "head", "latest", "lts", "main", "mainline", "master"),
        *("nightly", "rolling", "snapshot", "stable", "trunk"),
    }
)
# A commit, a date or a version in a tag names one build: nightly-0a1b2c3d, dev-20260901, 3.3-stable.
_FIXED: Final = re.compile(r"[0-9]{6,}|(?=[0-9a-f]*[0-9])[0-9a-f]{7,64}|v?[0-9]+\.[0-9].*", re.IGNORECASE)
_HUB_SITE: Final = "hub.docker.com"
_SITES: Final = frozenset(
    {_HUB_SITE, "gallery.ecr.aws", "quay.io", "github.com", "huggingface.co", "catalog.ngc.nvidia.com", "hf.co"}
)
"""Sites with web pages about images; quay.io is a registry, too."""

_COMMAND: Final = re.compile(r"^(?:docker|podman|buildah|nerdctl)\s+pull\s+", re.IGNORECASE)
_SCHEME: Final = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_DIGEST_TAIL: Final = re.compile(r"@(?!sha256:[0-9a-f]{64}$|sha512:[0-9a-f]{128}$).*$", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """An image in a registry.

    Attributes:
        registry: host, with its port; empty for Docker Hub.
        repository: path in the registry, in lower case.
        tag: empty if the reference has none.
        digest: `sha256:…`; empty if the reference has none.
    """

    registry: str
    repository: str
    tag: str
    digest: str


def parse_image(text: str) -> ImageReference | None:
    """Read a reference; None if the text is none."""
    found = _PARTS.fullmatch(text)
    return ImageReference(**{name: part or "" for name, part in found.groupdict().items()}) if found else None


def image_fault(text: str) -> tuple[str, str] | None:
    """Describe what is wrong with a text that should be a reference.

    Returns:
        The fault, as the end of a sentence that starts with the text, and the fix, a sentence; None if the text is a
        reference, or is none for a reason that is not recognized.
    """
    if parse_image(text) is not None:
        return None
    faults, corrected = [], text
    for fault, repaired in _repairs(text):
        faults.append(fault)
        corrected = repaired
    if not faults:
        return None
    told = " and ".join(faults)
    return told, f"Write `{corrected}`." if parse_image(corrected) else "Write the reference as for `docker pull`."


def is_moving(tag: str) -> bool:
    """Return whether a tag, or none, names another image from time to time, such as `latest` or `nightly`."""
    words = [word for word in re.split(r"[-_]", tag) if word]
    return not words or (not _MOVING.isdisjoint(map(str.lower, words)) and not any(map(_FIXED.fullmatch, words)))


def web_page(text: str) -> str | None:
    """Return the reference of the image that a web page shows; empty if it is not clear, None for no web page."""
    host, slash, path = text.removeprefix("www.").partition("/")
    if not slash or host not in _SITES:
        return None
    first, _, rest = path.partition("/")
    if host == "quay.io":
        return f"quay.io/{rest}" if first == "repository" and "/" in rest else None
    if host == "gallery.ecr.aws":
        return f"public.ecr.aws/{path}"
    if host == _HUB_SITE:
        return rest.removeprefix("docker/") if first in ("r", "repository", "_") else ""
    return ""


def outer_space(text: str) -> str:
    """Tell where a text has white space at its ends, as the end of a sentence; empty if it has none."""
    before, after = text.lstrip() != text, text.rstrip() != text
    if before and after:
        return "has spaces at both ends"
    return f"has a space at the {'end' if after else 'beginning'}" if before or after else ""


def _repairs(text: str) -> Iterator[tuple[str, str]]:
    """The faults of a text in turn, each with the text without it and those before."""
    if told := outer_space(text):
        text = text.strip()
        yield told, text
    if _COMMAND.match(text):
        text = _COMMAND.sub("", text)
        yield "is a command", text
    if scheme := _SCHEME.match(text):
        text = text[scheme.end() :]
        yield f"has the scheme `{scheme[0]}`", text
    if text.strip("/") != text or "//" in text:
        text = re.sub(r"/{2,}", "/", text).strip("/")
        yield "has a slash too many", text
    if page := web_page(text):
        text = page
        yield "is the address of a web page", text
    if re.search(r"\s", text):
        text = "".join(text.split())
        yield "has a space", text
    name, mark, tail = text.partition("@")
    if mark and _DIGEST_TAIL.match(mark + tail):
        if re.fullmatch(r"sha(256:[0-9A-Fa-f]{64}|512:[0-9A-Fa-f]{128})", tail):
            text = f"{name}@{tail.lower()}"
            yield "has a digest in upper case", text
        else:
            yield "has a digest that is not `sha256:` and 64 hexadecimal digits", text
    if text.partition("@")[0].endswith(":"):
        text = text.replace(":@", "@").rstrip(":")
        yield "has a colon without a tag", text
    folded = _lower_repository(text)
    if folded != text:
        yield "has upper-case letters in the repository", folded


def _lower_repository(text: str) -> str:
    """Lower the letters of the repository, and leave those of the registry and the tag."""
    name, mark, digest = text.partition("@")
    path, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    registry, _, rest = path.partition("/")
    if re.fullmatch(_REGISTRY, registry):
        path = "/".join(part for part in (registry, rest.lower()) if part)
    else:
        path = path.lower()
    return f"{path}{slash}{last.lower()}{colon}{tag}{mark}{digest}"
