"""Where a local model came from, noted in its directory, and whether it has arrived.

A download from the Hub notes its commit before its first file: until the note says that all files have arrived, the
model is incomplete, whatever its files look like. Afterwards the note has the stamps of the files, so that the commit is
locked also by another command than the one that was killed, and only while the files are those that arrived.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lisa_schema.atomic_file import replace_file
from lisa_weights.lock.fingerprint import Stamp, stamp

_FILE = ".lisa-origin.json"
_MAX_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The note of a model's directory.

    Attributes:
        revision: the commit on the Hub; None where it is unknown.
        source: the carrier that it was imported from; None for a download.
        files: stamps of the files that arrived, by path; None before all have.
    """

    revision: str | None
    source: str | None
    files: Mapping[str, Stamp] | None

    @property
    def has_arrived(self) -> bool:
        """Whether all files have arrived."""
        return self.files is not None


def note_download(directory: Path, revision: str) -> None:
    """Note that a commit is being downloaded into a model's directory, which is made when it does not exist.

    Raises:
        OSError: the system refuses.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory, {"revision": revision})


def note_arrival(directory: Path, revision: str | None, names: Iterable[str], source: str | None = None) -> None:
    """Note that all files have arrived.

    Raises:
        OSError: the system refuses.
    """
    files = {name: stamp(directory / name) for name in sorted(names)}
    _write(directory, {"revision": revision, "source": source, "files": files})


def read_origin(directory: Path) -> Origin | None:
    """Read the note of a model's directory; None where there is none or it is not readable."""
    try:
        with (directory / _FILE).open("rb") as stream:
            content = json.loads(stream.read(_MAX_BYTES))
        files = content.get("files")
        return Origin(
            revision=_text(content.get("revision")),
            source=_text(content.get("source")),
            files=None if files is None else {str(name): _stamp(one) for name, one in files.items()},
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def is_arriving(directory: Path) -> bool:
    """Whether a download into a model's directory has begun and not ended."""
    origin = read_origin(directory)
    return origin is not None and not origin.has_arrived


def arrived_revision(directory: Path) -> str | None:
    """The commit of the files in a model's directory; None where it is unknown or a file changed since it arrived."""
    origin = read_origin(directory)
    if origin is None or origin.files is None:
        return None
    try:
        is_unchanged = all(stamp(directory / name) == was for name, was in origin.files.items())
    except OSError:
        return None
    return origin.revision if is_unchanged else None


def _write(directory: Path, content: Mapping[str, Any]) -> None:
    replace_file(directory / _FILE, (json.dumps(content, indent=1) + "\n").encode(), mode=0o644)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _stamp(value: Any) -> Stamp:
    size, changed, touched = (int(part) for part in value)
    return size, changed, touched
