"""An OCI image layout as a carrier, with a model as ModelPack, KitOps or ORAS store it.

A layer is a file at the path in an annotation, or a tar archive of files. Each layer's digest is verified before its
content is looked at.

Source: OCI image-spec v1.1 (image-layout.md, manifest.md); CNCF model-spec (annotations); KitOps (tar layers).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lisa_weights.bounded_json import parse
from lisa_weights.carriers.tar_tree import TarTree, open_tar_stream
from lisa_weights.carriers.tree import MAX_FILES, Entry, Tree, read_small, require_plain_path
from lisa_weights.errors import WeightsError

LAYOUT_FILES = frozenset({"oci-layout", "index.json"})
"""Files at the root by which a layout is recognized."""

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_JSON_MEMORY = 40_000_000
_PATH_ANNOTATIONS = ("org.cncf.model.filepath", "org.cnai.model.filepath", "org.opencontainers.image.title")
_TAR = re.compile(r"[.+]tar([.+](gzip|zstd))?$")
_ORAS_FILE = "application/vnd.oci.image.layer.v1.tar"
"""What `oras push` calls a file whose type was not given, although it is no archive."""
_ORAS_UNPACK = "io.deis.oras.content.unpack"
_ARCHIVE_NAME = re.compile(r".+\.(tar|tgz|tar\.gz|tar\.zst)")
_COMPRESSED = re.compile(r"[.+](gzip|zstd)$")
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Layer:
    media_type: str
    digest: str
    size: int
    path: str | None
    is_archive: bool


class OciTree:
    """The files in the layers of a model's manifest.

    Attributes:
        entries: every file by its path.
    """

    def __init__(self, blobs: Tree, archives: ExitStack, max_bytes: int) -> None:
        self._blobs = blobs
        self._where: dict[str, tuple[TarTree | None, str]] = {}
        descriptor = self._manifest_of(_document(read_small(blobs, "index.json"), "index.json"))
        manifest = _document(self._verified(_layer(descriptor)), "its manifest")
        layers = manifest.get("layers")
        if not isinstance(layers, list) or not layers:
            raise _refused("its manifest has no layers")
        found: dict[str, Entry] = {}
        for layer in map(_layer, layers):
            self._add(layer, found, archives, max_bytes)
        self.entries: Mapping[str, Entry] = found

    def open(self, path: str) -> IO[bytes]:
        """Open a file at its beginning."""
        archive, inner = self._where[path]
        return archive.open(inner) if archive else self._blobs.open(inner)

    def location(self, path: str) -> Path | None:
        """Where a file lies on the disk; None inside a layer that is an archive."""
        archive, inner = self._where[path]
        return None if archive else self._blobs.location(inner)

    def _manifest_of(self, index: Mapping[str, Any]) -> Mapping[str, Any]:
        """The descriptor of the only manifest, which may be in a nested index."""
        for _ in range(3):
            manifests = index.get("manifests")
            if not isinstance(manifests, list) or not all(isinstance(each, dict) for each in manifests):
                raise _refused("its index has no manifests")
            if len(manifests) != 1:
                raise _refused(f"it has {len(manifests)} manifests, so that the model is ambiguous; copy one of them")
            descriptor: Mapping[str, Any] = manifests[0]
            if "index" not in str(descriptor.get("mediaType")):
                return descriptor
            index = _document(self._verified(_layer(descriptor)), "its index")
        raise _refused("its indexes are nested too deeply")

    def _add(self, layer: _Layer, found: dict[str, Entry], archives: ExitStack, max_bytes: int) -> None:
        blob = self._blob(layer)
        files: dict[str, tuple[TarTree | None, str, Entry]]
        if layer.is_archive:
            self._require_digest(blob, layer)
            stream = archives.enter_context(self._blobs.open(blob))
            archive = archives.enter_context(open_tar_stream(stream, f"the layer {layer.digest[:12]}", max_bytes))
            files = {path: (archive, path, entry) for path, entry in archive.entries.items()}
        elif _COMPRESSED.search(layer.media_type):
            raise _refused(f"a layer is compressed and no archive ({layer.media_type})")
        else:
            if layer.path is None:
                raise _refused(f"a layer has no path ({layer.media_type}, {layer.digest[:12]})")
            path = require_plain_path(layer.path, "The OCI layout")
            files = {path: (None, blob, Entry(layer.size, layer.digest, layer.digest))}
        for path, (holder, inner, entry) in files.items():
            if path in found:
                raise _refused(f"two layers have {path!r}")
            found[path] = entry
            self._where[path] = (holder, inner)
        if len(found) > MAX_FILES:
            raise _refused(f"it has more than {MAX_FILES} files")

    def _blob(self, layer: _Layer) -> str:
        path = f"blobs/sha256/{layer.digest}"
        entry = self._blobs.entries.get(path)
        if entry is None:
            raise _refused(f"{path} is missing")
        if entry.size != layer.size:
            raise _refused(f"{path} has {entry.size} bytes instead of {layer.size}")
        return path

    def _verified(self, layer: _Layer) -> bytes:
        content = read_small(self._blobs, self._blob(layer))
        if hashlib.sha256(content).hexdigest() != layer.digest:
            raise _refused(f"blobs/sha256/{layer.digest} does not match its digest")
        return content

    def _require_digest(self, blob: str, layer: _Layer) -> None:
        digest = hashlib.sha256()
        with self._blobs.open(blob) as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
        if digest.hexdigest() != layer.digest:
            raise _refused(f"{blob} does not match its digest")


@contextmanager
def open_oci_layout(files: Tree, max_bytes: int) -> Iterator[OciTree]:
    """Open a layout.

    Args:
        files: its files, in a directory or in an archive.
        max_bytes: content of an archive's files at most.

    Raises:
        WeightsError: it is not a layout of one model, a blob is missing or differs from its digest, or a path is
            refused.
    """
    with ExitStack() as archives:
        yield OciTree(files, archives, max_bytes)


def _document(content: bytes, what: str) -> Mapping[str, Any]:
    try:
        found = parse(content, _JSON_MEMORY)
    except WeightsError as error:
        raise _refused(f"{what} {error}") from error
    if not isinstance(found, dict):
        raise _refused(f"{what} is not a JSON object")
    return found


def _layer(descriptor: object) -> _Layer:
    if not isinstance(descriptor, dict):
        raise _refused("a descriptor is not a JSON object")
    media_type, digest, size = (descriptor.get(key) for key in ("mediaType", "digest", "size"))
    matched = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    if not isinstance(media_type, str) or matched is None or not isinstance(size, int):
        raise _refused("a descriptor lacks its type, its size or its SHA-256 digest")
    annotations = descriptor.get("annotations")
    named = annotations if isinstance(annotations, dict) else {}
    path = next((named[key] for key in _PATH_ANNOTATIONS if isinstance(named.get(key), str)), None)
    return _Layer(media_type, matched[1], size, path, _is_archive(media_type, named))


def _is_archive(media_type: str, annotations: Mapping[str, Any]) -> bool:
    """Whether a layer is a tar archive: by its type, except for files of `oras push` under its default type."""
    if media_type != _ORAS_FILE or annotations.get(_ORAS_UNPACK) == "true":
        return _TAR.search(media_type) is not None
    title = annotations.get("org.opencontainers.image.title")
    return not isinstance(title, str) or _ARCHIVE_NAME.fullmatch(title) is not None


def _refused(why: str) -> WeightsError:
    return WeightsError(
        f"The OCI layout was refused: {why}. Copy the model into a new layout, for example with `oras`."
    )
