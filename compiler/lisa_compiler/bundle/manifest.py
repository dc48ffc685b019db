"""bundle.json: every file of a bundle with its digest, size and kind; the first entry of the archive."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Final

from lisa_schema.errors import LisaError

MANIFEST: Final = "bundle.json"
SCHEMA_VERSION: Final = 1
"""Raised when the form of bundle.json changes."""

MAX_MANIFEST_BYTES: Final = 64 * 2**20
"""Bytes of bundle.json above which it is not read: it is the only part that is held in memory."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class BundleError(LisaError):
    """A bundle cannot be made, or is not what it says."""


class FileType(StrEnum):
    """What a file of a bundle is."""

    PROJECT = "project"
    WEIGHTS = "weights"
    IMAGE = "image"
    WHEEL = "wheel"
    CDK = "cdk"
    GUIDE = "guide"


@dataclass(frozen=True, slots=True, order=True)
class BundledFile:
    """One file.

    Attributes:
        path: relative to the unpacked bundle, with forward slashes.
        size: bytes.
        sha256: digest of the content, in hexadecimal.
        kind: what it is.
        executable: whether it is a program.
        stored: whether this archive holds it; an incremental bundle omits what its base has.
    """

    path: str
    size: int
    sha256: str
    kind: FileType
    executable: bool
    stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleManifest:
    """What a bundle is.

    Attributes:
        lisa_version: version of LISA in it.
        environment: the environment that it is for.
        python: version of Python that its wheels are for, as `3.12`; empty when it has none.
        platform: platform of its wheels, as `linux-x86_64`.
        base: digest of bundle.json of the bundle that it is incremental to; None for a complete one.
        missing: what was omitted, since it was not where the bundle was created.
        files: by path; those of the base that it needs among them.
    """

    lisa_version: str
    environment: str
    python: str
    platform: str
    base: str | None
    missing: tuple[str, ...]
    files: tuple[BundledFile, ...]

    @property
    def stored(self) -> tuple[BundledFile, ...]:
        """Those that the archive holds, in its order."""
        return tuple(file for file in self.files if file.stored)

    def render(self) -> bytes:
        """Write bundle.json: the same bytes for the same bundle."""
        content = {
            "schemaVersion": SCHEMA_VERSION,
            "lisaVersion": self.lisa_version,
            "environment": self.environment,
            "python": self.python,
            "platform": self.platform,
            "base": self.base,
            "missing": list(self.missing),
            "files": [
                {
                    "path": file.path,
                    "kind": file.kind.value,
                    "size": file.size,
                    "sha256": file.sha256,
                    "executable": file.executable,
                    "stored": file.stored,
                }
                for file in self.files
            ],
        }
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()

    @property
    def digest(self) -> str:
        """SHA-256 of bundle.json: whoever knows it knows every file."""
        return hashlib.sha256(self.render()).hexdigest()


def parse(content: bytes, where: str) -> BundleManifest:
    """Read bundle.json.

    Raises:
        BundleError: it is not one of this version, or a path in it leads out of the bundle.
    """
    try:
        data = json.loads(content)
        if data["schemaVersion"] != SCHEMA_VERSION:
            raise BundleError(f"{where} was created by LISA {data['lisaVersion']}, which this version cannot read.")
        manifest = BundleManifest(
            lisa_version=str(data["lisaVersion"]),
            environment=str(data["environment"]),
            python=str(data["python"]),
            platform=str(data["platform"]),
            base=None if data["base"] is None else str(data["base"]),
            missing=tuple(str(name) for name in data["missing"]),
            files=tuple(_file(entry) for entry in data["files"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"{where} does not start with a {MANIFEST} of LISA.") from error
    _validate(manifest.files, where)
    return manifest


def _file(entry: dict[str, Any]) -> BundledFile:
    size, digest = entry["size"], entry["sha256"]
    if not isinstance(size, int) or size < 0 or not _DIGEST.fullmatch(digest):
        raise ValueError(entry)
    return BundledFile(
        str(entry["path"]),
        size,
        digest,
        FileType(entry["kind"]),
        executable=entry["executable"] is True,
        stored=entry["stored"] is True,
    )


def _validate(files: Sequence[BundledFile], where: str) -> None:
    paths = {file.path for file in files}
    if len(paths) != len(files):
        raise BundleError(f"{where} lists a file twice.")
    for path in paths:
        pure = PurePosixPath(path)
        inside = str(pure) == path and not pure.is_absolute() and ".." not in pure.parts
        if not inside or path in {".", MANIFEST} or "\\" in path or "\0" in path:
            raise BundleError(f"{where} lists “{path}”, which is not a path in a bundle.")
        if any(str(parent) in paths for parent in pure.parents):
            raise BundleError(f"{where} lists “{path}”, which is below a file.")
