"""weights.lock.json: what the weights of each model are, by size and SHA-256; committed with the configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from lisa_schema.atomic_file import replace_file
from lisa_weights.errors import WeightsError
from lisa_weights.lock.proofs import Proof, proofs_as_json, proofs_from_json

LOCK_FILE = "weights.lock.json"
"""Name of the lock in the project root."""

SCHEMA_VERSION = 1
"""Raised when the form of the lock changes."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class SourceKind(StrEnum):
    """The source of weights: a local directory, or the Hugging Face Hub."""

    LOCAL = "local"
    HUB = "hub"


@dataclass(frozen=True, slots=True, order=True)
class LockedFile:
    """One file of a model.

    Attributes:
        path: relative to the model's directory and to its prefix in the bucket, with forward slashes.
        size: bytes.
        sha256: digest of the content, in hexadecimal.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedModel:
    """The weights of one model.

    Attributes:
        kind: the source of the weights.
        revision: the commit on the Hub; None for a local directory.
        files: by path, sorted.
        parameters: elements of all tensors.
        dtypes: how many tensors have each dtype, by safetensors name.
        converter: version of the converter that made the safetensors (output_tensors.CONVERTER_VERSION); 0 where they
            were not converted by LISA as far as it is recorded; None in an entry that an older LISA wrote, which did
            not check for dropped names.
        proofs: that it can be loaded, those that were not made included; empty in an entry of an older LISA.
    """

    kind: SourceKind
    revision: str | None
    files: tuple[LockedFile, ...]
    parameters: int
    dtypes: Mapping[str, int]
    converter: int | None = None
    proofs: tuple[Proof, ...] = ()

    @property
    def total_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class WeightsLock:
    """The content of the lock file: models by name."""

    models: Mapping[str, LockedModel] = field(default_factory=dict)

    def with_model(self, name: str, model: LockedModel) -> WeightsLock:
        """The lock with one model added or replaced."""
        return WeightsLock({**self.models, require_model_name(name): model})

    def without_model(self, name: str) -> WeightsLock:
        """The lock without one model."""
        return WeightsLock({key: model for key, model in self.models.items() if key != name})


def require_model_name(name: str) -> str:
    """The name itself, when it can be a directory below models/ and a prefix in a bucket.

    Raises:
        WeightsError: a part is empty, begins with a dot or has other characters than letters, digits, `.`, `_`, `-`.
    """
    if not all(_SEGMENT.fullmatch(part) for part in name.split("/")):
        raise WeightsError(f"“{name}” is not a model name: use the name on its model card, such as `org/name`.")
    return name


def load(path: Path) -> WeightsLock:
    """Read a lock; one that does not exist is empty.

    Raises:
        WeightsError: it cannot be read, is not JSON, or does not have the form of this version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return WeightsLock()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is not JSON ({error}): {_RESTORE}") from error
    if not isinstance(content, dict) or content.get("schemaVersion") != SCHEMA_VERSION:
        raise WeightsError(f"{path} does not have schemaVersion {SCHEMA_VERSION}: use the LISA that wrote it.")
    try:
        return WeightsLock({require_model_name(name): _model(value) for name, value in content["models"].items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path} is not a valid lock file ({error!r}): {_RESTORE}") from error


def save(path: Path, lock: WeightsLock) -> None:
    """Write the lock file atomically; equal locks have equal bytes.

    Raises:
        WeightsError: the file cannot be written; the lock is unchanged.
    """
    try:
        replace_file(path, render(lock), mode=0o644, sync=True)
    except OSError as error:
        raise WeightsError(f"{path} could not be written and is unchanged: {error.strerror}.") from error


def render(lock: WeightsLock) -> bytes:
    """The bytes of a lock: models and files sorted, two spaces of indent, a newline at the end."""
    models = {name: as_json(model) for name, model in sorted(lock.models.items())}
    content = {"schemaVersion": SCHEMA_VERSION, "models": models}
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def as_json(model: LockedModel) -> dict[str, Any]:
    """One model as the lock and generated/<env>/weights.json write it."""
    return {
        "source": {"kind": model.kind.value, "revision": model.revision},
        **({} if model.converter is None else {"converter": model.converter}),
        "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in sorted(model.files)],
        "totalBytes": model.total_bytes,
        "parameters": model.parameters,
        "dtypes": dict(sorted(model.dtypes.items())),
        **({"proofs": proofs_as_json(model.proofs)} if model.proofs else {}),
    }


_RESTORE = "restore it from git, or remove it and stage the models again with `lisa weights stage`."


def _model(value: Any) -> LockedModel:
    revision = value["source"]["revision"]
    model = LockedModel(
        kind=SourceKind(value["source"]["kind"]),
        revision=None if revision is None else _text(revision),
        files=tuple(sorted(_file(file) for file in value["files"])),
        parameters=_count(value["parameters"]),
        dtypes={_text(name): _count(count) for name, count in value["dtypes"].items()},
        converter=_count(value["converter"]) if "converter" in value else None,
        proofs=proofs_from_json(value["proofs"]) if "proofs" in value else (),
    )
    if len({file.path for file in model.files}) != len(model.files):
        raise ValueError("duplicate path")
    if value["totalBytes"] != model.total_bytes:
        raise ValueError("totalBytes is not the sum of the files' sizes")
    return model


def _file(value: Any) -> LockedFile:
    path, digest = _text(value["path"]), _text(value["sha256"])
    pure = PurePosixPath(path)
    plain = str(pure) == path and path != "." and not pure.is_absolute() and ".." not in pure.parts
    if not plain or "\\" in path or not path.isprintable():
        raise ValueError(f"{path!r} is not a path inside a model")
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is not a SHA-256 digest")
    return LockedFile(path, _count(value["size"]), digest)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{value!r} is not a count")
    return value
