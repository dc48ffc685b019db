"""weights.lock.json: what the weights of each model are, by size and SHA-256; committed with the configuration."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from lisa_schema.atomic_file import exclusive_access, remove_abandoned, replace_file
from lisa_weights.errors import WeightsError
from lisa_weights.lock.entry_fields import FieldError, Fields
from lisa_weights.lock.lock_text import RESTORE, read_json
from lisa_weights.lock.locked_adapter import LockedAdapter, adapter_from_json
from lisa_weights.lock.model_names import DIGEST, require_model_name
from lisa_weights.lock.proofs import Proof, proofs_as_json, proofs_of_entry
from lisa_weights.lock.s3_checksum import is_parts_checksum
from lisa_weights.shape.transformer import CheckpointShape

LOCK_FILE = "weights.lock.json"
"""Name of the lock in the project root."""

SCHEMA_VERSION = 2
"""Version of a lock whose entries have a prefix; an older LISA would ignore it and read another model's objects."""

_VERSION_WITHOUT_PREFIXES = 1


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
        parts_sha256: S3's checksum of a file that is too large for one request (see s3_checksum), else None.
    """

    path: str
    size: int
    sha256: str
    parts_sha256: str | None = field(default=None, compare=False)


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
        prefix: where the files are in the bucket: `<model>/<content digest>`; None in an entry that an older LISA
            wrote, whose files are in `<model>`.
        shape: what decides how much memory it needs on a GPU; None in an entry that an older LISA wrote.
        adapter: what is locked of a LoRA adapter; None for a model.
    """

    kind: SourceKind
    revision: str | None
    files: tuple[LockedFile, ...]
    parameters: int
    dtypes: Mapping[str, int]
    converter: int | None = None
    proofs: tuple[Proof, ...] = ()
    prefix: str | None = None
    shape: CheckpointShape | None = None
    adapter: LockedAdapter | None = None

    @property
    def content_digest(self) -> str:
        """SHA-256 of the list of files: a line of path, size and SHA-256 for each, separated by tabs, sorted by path.

        It is the digest of a model's `weights.tsv` without its first line.
        """
        lines = "".join(f"{file.path}\t{file.size}\t{file.sha256}\n" for file in sorted(self.files))
        return hashlib.sha256(lines.encode()).hexdigest()

    def location(self, name: str) -> str:
        """Key prefix of the files of the model of that name, without a slash at the end."""
        return self.prefix or name

    def with_prefix(self, name: str) -> LockedModel:
        """The same model, stored under the prefix that its content names."""
        return replace(self, prefix=f"{require_model_name(name)}/{self.content_digest}")

    def with_adapter(self, adapter: LockedAdapter) -> LockedModel:
        """The same adapter, of which something else is recorded."""
        return replace(self, adapter=adapter)

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


def load(path: Path) -> WeightsLock:
    """Read a lock; one that does not exist is empty.

    Raises:
        WeightsError: it cannot be read, is not JSON, or does not have the form of this version.
    """
    try:
        return parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        return WeightsLock()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error


def parse(data: bytes, path: str) -> WeightsLock:
    """Parse the bytes of a lock.

    Args:
        data: the file's.
        path: its name, for messages.

    Raises:
        WeightsError: it is not JSON, or does not have the form of this version.
    """
    content = read_json(data, path)
    version = content.get("schemaVersion") if isinstance(content, dict) else None
    if version not in {_VERSION_WITHOUT_PREFIXES, SCHEMA_VERSION}:
        raise WeightsError(
            f"{path} does not have schemaVersion {_VERSION_WITHOUT_PREFIXES} or {SCHEMA_VERSION}: "
            "use the LISA that wrote it."
        )
    try:
        entries = Fields.of(content).named_objects("models")
        return WeightsLock({require_model_name(name): _model(name, entry) for name, entry in entries})
    except FieldError as error:
        raise WeightsError(f"{path} is not a valid lock file: {error}. To fix it, {RESTORE}") from error


def record_models(path: Path, models: Mapping[str, LockedModel]) -> tuple[str, ...]:
    """Add or replace entries of the lock file; the entries that other processes write meanwhile are kept.

    Returns:
        The names of the entries that are new or have changed; the file is unchanged where there are none.

    Raises:
        WeightsError: the file cannot be read or written; the lock is unchanged.
    """
    with exclusive_access(path.parent):
        lock = load(path)
        changed = tuple(name for name, entry in models.items() if lock.models.get(name) != entry)
        for name in changed:
            lock = lock.with_model(name, models[name])
        if changed:
            save(path, lock)
        else:
            remove_abandoned(path)
    return changed


def save(path: Path, lock: WeightsLock) -> None:
    """Write the lock file atomically; equal locks have equal bytes.

    Raises:
        WeightsError: the file cannot be written; the lock is unchanged.
    """
    try:
        replace_file(path, render(lock), mode=0o644, sync=True)
    except OSError as error:
        raise WeightsError(
            f"{path} could not be written and is unchanged: {error.strerror}. Free up space or check the permissions "
            "of its directory, and rerun the command."
        ) from error


def render(lock: WeightsLock) -> bytes:
    """The bytes of a lock: models and files sorted, two spaces of indent, a newline at the end.

    A lock without prefixes has version 1, so that the bytes of an older lock stay the same.
    """
    models = {name: as_json(model) for name, model in sorted(lock.models.items())}
    has_prefixes = any(model.prefix is not None for model in lock.models.values())
    content = {"schemaVersion": SCHEMA_VERSION if has_prefixes else _VERSION_WITHOUT_PREFIXES, "models": models}
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def as_json(model: LockedModel) -> dict[str, Any]:
    """One model as the lock and generated/<env>/weights.json write it."""
    return {
        "source": {"kind": model.kind.value, "revision": model.revision},
        **({} if model.converter is None else {"converter": model.converter}),
        **({} if model.prefix is None else {"prefix": model.prefix}),
        "files": [_file_as_json(file) for file in sorted(model.files)],
        "totalBytes": model.total_bytes,
        "parameters": model.parameters,
        "dtypes": dict(sorted(model.dtypes.items())),
        **({} if model.shape is None else {"shape": model.shape.as_json()}),
        **({"proofs": proofs_as_json(model.proofs)} if model.proofs else {}),
        **({} if model.adapter is None else {"adapter": model.adapter.as_json()}),
    }


def _file_as_json(file: LockedFile) -> dict[str, Any]:
    parts = {} if file.parts_sha256 is None else {"partsSha256": file.parts_sha256}
    return {"path": file.path, "size": file.size, "sha256": file.sha256, **parts}


def _model(name: str, entry: Fields) -> LockedModel:
    source, dtypes = entry.object("source"), entry.object("dtypes")
    kind = source.text("kind")
    if kind not in set(SourceKind):
        source.reject("kind", f"must be {' or '.join(SourceKind)}, and is {kind!r}")
    model = LockedModel(
        kind=SourceKind(kind),
        revision=source.optional_text("revision"),
        files=tuple(sorted(map(_file, entry.objects("files")))),
        parameters=entry.count("parameters"),
        dtypes={dtype: dtypes.count(dtype) for dtype in dtypes.value},
        converter=entry.count("converter") if "converter" in entry.value else None,
        proofs=proofs_of_entry(entry),
        prefix=entry.text("prefix") if "prefix" in entry.value else None,
        shape=_shape(entry),
        adapter=adapter_from_json(entry.object("adapter")) if "adapter" in entry.value else None,
    )
    paths = Counter(file.path for file in model.files)
    if repeated := [path for path, count in paths.items() if count > 1]:
        entry.reject("files", f"has the path {repeated[0]!r} twice")
    if model.prefix is not None and model != model.with_prefix(name):
        expected = model.with_prefix(name).prefix
        entry.reject("prefix", f"is {model.prefix!r}, and the files have the prefix {expected!r}")
    if (total := entry.count("totalBytes")) != model.total_bytes:
        entry.reject("totalBytes", f"is {total}, and the files have {model.total_bytes} bytes")
    return model


def _file(fields: Fields) -> LockedFile:
    path, size, digest = fields.text("path"), fields.count("size"), fields.text("sha256")
    pure = PurePosixPath(path)
    plain = str(pure) == path and path != "." and not pure.is_absolute() and ".." not in pure.parts
    if not plain or "\\" in path or not path.isprintable():
        fields.reject("path", f"is {path!r}, which is not a path inside a model")
    if not DIGEST.fullmatch(digest):
        fields.reject("sha256", f"is {digest!r}, which is not a SHA-256 digest of 64 hexadecimal digits")
    parts = fields.text("partsSha256") if "partsSha256" in fields.value else None
    if parts is not None and not is_parts_checksum(parts, size):
        fields.reject("partsSha256", f"is {parts!r}, which is not a checksum of parts of {size} bytes")
    return LockedFile(path, size, digest, parts)


def _shape(entry: Fields) -> CheckpointShape | None:
    if "shape" not in entry.value:
        return None
    try:
        return CheckpointShape.from_json(entry.object("shape").value)
    except KeyError as error:
        entry.reject("shape", f"lacks the key `{error.args[0]}`")
    except (TypeError, ValueError, AttributeError) as error:
        entry.reject("shape", f"cannot be read: {error}")
