"""The cache of digests of local models, and of which files were converted from which.

It is stored in `models/` and only saves time: without it, or if a file's stamp differs, the file is read again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lisa_schema.atomic_file import exclusive_access, replace_file
from lisa_weights.lock.fingerprint import Stamp, stamp
from lisa_weights.output_tensors import CONVERTER_VERSION

_FILE = ".lisa-weights.json"
_FORMAT = 1
_FIRST_CONVERTER = 1
"""Version of the converter that did not record its version."""

_SETTLED_NS = 50_000_000
"""A file that was written more recently than this may change again without a new time stamp."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A checkpoint and the files that were converted from it.

    Attributes:
        checkpoint: stamps of the checkpoint's files by name.
        written: stamps of the safetensors and of their index by name.
        converter: version of the converter that wrote them.
    """

    checkpoint: Mapping[str, Stamp]
    written: Mapping[str, Stamp]
    converter: int


@dataclass(slots=True)
class DigestCache:
    """Digests and conversions of the models below a directory.

    Attributes:
        models: the directory.
        digests: stamp and SHA-256 of files, by path below it.
        conversions: the last conversion of each model.
    """

    models: Path
    digests: dict[str, tuple[Stamp, str]] = field(default_factory=dict)
    conversions: dict[str, Conversion] = field(default_factory=dict)
    _recorded: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def load(cls, models: Path) -> DigestCache:
        """Read the saved cache; empty if there is none or it is not readable."""
        try:
            content = json.loads((models / _FILE).read_bytes())
            if content["format"] != _FORMAT:
                return cls(models)
            return cls(
                models,
                {path: (_stamp(one["stamp"]), str(one["sha256"])) for path, one in content["digests"].items()},
                {
                    name: Conversion(
                        _stamps(one["checkpoint"]), _stamps(one["written"]), int(one.get("converter", _FIRST_CONVERTER))
                    )
                    for name, one in content["conversions"].items()
                },
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return cls(models)

    def save(self) -> None:
        """Add what was recorded to the saved cache, which other processes may have written meanwhile.

        Entries of deleted files are removed. An error while saving is ignored.
        """
        if not self.models.is_dir():
            return
        with suppress(OSError), exclusive_access(self.models.parent):
            saved = DigestCache.load(self.models)
            for path in self._recorded & self.digests.keys():
                saved.digests[path] = self.digests[path]
            for model in self._recorded & self.conversions.keys():
                saved.conversions[model] = self.conversions[model]
            saved._write()

    def _write(self) -> None:
        digests = {path: known for path, known in self.digests.items() if (self.models / path).is_file()}
        conversions = {name: one for name, one in self.conversions.items() if (self.models / name).is_dir()}
        content = {
            "format": _FORMAT,
            "digests": {path: {"stamp": known, "sha256": digest} for path, (known, digest) in sorted(digests.items())},
            "conversions": {
                name: {
                    "checkpoint": dict(one.checkpoint),
                    "written": dict(one.written),
                    "converter": one.converter,
                }
                for name, one in sorted(conversions.items())
            },
        }
        replace_file(self.models / _FILE, (json.dumps(content, indent=1) + "\n").encode(), mode=0o644)

    def digest(self, path: str) -> str | None:
        """SHA-256 of a file below the directory, if it has not changed since it was read."""
        known = self.digests.get(path)
        return known[1] if known is not None and _same(self.models / path, known[0]) else None

    def record_digest(self, path: str, before: Stamp, digest: str, *, read_at: int) -> None:
        """Record a file's digest, unless the file may have changed while it was read.

        Args:
            path: below the directory.
            before: its stamp before it was read.
            digest: SHA-256 in hexadecimal.
            read_at: nanoseconds of the clock before it was read.
        """
        if max(before[1:]) < read_at - _SETTLED_NS and _same(self.models / path, before):
            self.digests[path] = (before, digest)
            self._recorded.add(path)

    def record_conversion(self, model: str, checkpoint: Mapping[str, Stamp], digests: Mapping[str, str | None]) -> None:
        """Record a conversion, and the digests of the files it wrote.

        Raises:
            OSError: a file no longer exists.
        """
        written = {name: stamp(self.models / model / name) for name in digests}
        known = self.conversions.get(model)
        if known is not None and known.converter == CONVERTER_VERSION:
            # A module's conversion does not end that of the model's own checkpoint.
            kept = {name: was for name, was in known.written.items() if _same(self.models / model / name, was)}
            written = {**kept, **written}
        self.conversions[model] = Conversion(checkpoint, written, CONVERTER_VERSION)
        self._recorded.add(model)
        for name, digest in digests.items():
            if digest is not None:
                self.digests[f"{model}/{name}"] = (written[name], digest)
                self._recorded.add(f"{model}/{name}")

    def outdated(self, model: str, checkpoint: Mapping[str, Stamp]) -> tuple[str, ...]:
        """Names of the files that were converted from a different checkpoint than the present one.

        Empty without a checkpoint, if it is the same one, or if the safetensors were not written by this conversion.
        """
        known = self.conversions.get(model)
        if known is None or not checkpoint or dict(known.checkpoint) == dict(checkpoint):
            return ()
        return tuple(known.written) if self._is_unchanged(model, known) else ()

    def converter(self, model: str) -> int:
        """Version of the converter that wrote a model's safetensors; 0 where none is recorded or they changed."""
        known = self.conversions.get(model)
        return known.converter if known is not None and self._is_unchanged(model, known) else 0

    def _is_unchanged(self, model: str, known: Conversion) -> bool:
        return all(_same(self.models / model / name, was) for name, was in known.written.items())


def now() -> int:
    """Nanoseconds of the clock that files' times are taken from."""
    return time.time_ns()


def _same(path: Path, known: Stamp) -> bool:
    try:
        return stamp(path) == known
    except OSError:
        return False


def _stamps(value: Any) -> dict[str, Stamp]:
    return {str(name): _stamp(one) for name, one in value.items()}


def _stamp(value: Any) -> Stamp:
    size, changed, touched = (int(part) for part in value)
    return size, changed, touched
