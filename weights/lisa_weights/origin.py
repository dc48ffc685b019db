"""Where a local model came from, noted in its directory, and whether it has arrived.

A download from the Hub notes its commit before its first file: until the note says that all files have arrived, the
model is incomplete, whatever its files look like. Afterwards the note has the stamps of the files, so that another
command than the one that was killed locks the commit too, and only while the files are those that arrived.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lisa_schema.atomic_file import remove_abandoned, replace_file
from lisa_weights.lock.fingerprint import Stamp, stamp

_FILE = ".lisa-origin.json"
_MAX_BYTES = 8 << 20
_CONVERTED = (".safetensors", ".safetensors.index.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The note of a model's directory.

    Attributes:
        revision: the commit on the Hub; None where it is unknown.
        carried: stamps of the files of the carrier that it was imported from, by their paths; None for a download.
        files: stamps of the files that arrived, by path; None before all have.
    """

    revision: str | None
    carried: Mapping[str, Stamp] | None
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


def remove_abandoned_notes(directory: Path) -> None:
    """Remove what a process that was killed while it wrote a note left in a model's directory."""
    with suppress(OSError):
        remove_abandoned(directory / _FILE)


def forget_download(directory: Path) -> None:
    """Remove the note of a download that has brought nothing."""
    (directory / _FILE).unlink(missing_ok=True)


def note_arrival(
    directory: Path, revision: str | None, names: Iterable[str], carried: Mapping[str, Stamp] | None = None
) -> None:
    """Note that all files have arrived.

    Args:
        directory: the model's.
        revision: the commit on the Hub; None where it is unknown.
        names: paths of the files.
        carried: stamps of the files of the carrier that they were imported from, by their paths.

    Raises:
        OSError: the system refuses.
    """
    files = {name: stamp(directory / name) for name in sorted(names)}
    _write(directory, {"revision": revision, "carried": carried, "files": files})


def read_origin(directory: Path) -> Origin | None:
    """Read the note of a model's directory; None where there is none or it is not readable."""
    try:
        with (directory / _FILE).open("rb") as stream:
            content = json.loads(stream.read(_MAX_BYTES))
        revision = content.get("revision")
        return Origin(
            revision=revision if isinstance(revision, str) else None,
            carried=_stamps(content.get("carried")),
            files=_stamps(content.get("files")),
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def is_arriving(directory: Path) -> bool:
    """Whether a download into a model's directory has begun and not ended."""
    origin = read_origin(directory)
    return origin is not None and not origin.has_arrived


def arriving_problem(model: str) -> str:
    """The problem of such a directory, a clause without a full stop."""
    return (
        f"its download from the Hub has not ended: run `lisa weights fetch {model}`, or remove {_FILE} from its "
        "directory if the files are your own"
    )


def arrived_revision(directory: Path, served: Iterable[str], *, is_converted: bool) -> str | None:
    """The commit of the files in a model's directory; None where it is unknown, or a file changed or was added.

    Args:
        directory: the model's.
        served: paths of the files that serving needs.
        is_converted: whether LISA converted safetensors that did not arrive from a checkpoint that did.
    """
    origin = read_origin(directory)
    if origin is None or origin.files is None:
        return None
    added = [path for path in served if path not in origin.files]
    if added and not (is_converted and all(path.endswith(_CONVERTED) for path in added)):
        return None
    return origin.revision if _are_unchanged(directory, origin.files) else None


def arrived_from(directory: Path, carried: Mapping[str, Stamp]) -> bool:
    """Whether a model's directory has what was imported from these files, and neither has changed since."""
    origin = read_origin(directory)
    if origin is None or origin.files is None or origin.carried != dict(carried):
        return False
    return _are_unchanged(directory, origin.files)


def _are_unchanged(directory: Path, files: Mapping[str, Stamp]) -> bool:
    try:
        return all(stamp(directory / name) == was for name, was in files.items())
    except OSError:
        return False


def _write(directory: Path, content: Mapping[str, Any]) -> None:
    replace_file(directory / _FILE, (json.dumps(content, indent=1) + "\n").encode(), mode=0o644)


def _stamps(value: Any) -> dict[str, Stamp] | None:
    return None if value is None else {str(name): _stamp(one) for name, one in value.items()}


def _stamp(value: Any) -> Stamp:
    size, changed, touched = (int(part) for part in value)
    return size, changed, touched
