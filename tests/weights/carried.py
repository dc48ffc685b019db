"""Carriers of small models: the Hub's cache, tar archives and OCI layouts, as their programs write them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any, Literal

from backports import zstd

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Mode = Literal["w", "w:gz", "w:zst"]
MODEL_PACK = "application/vnd.cncf.model.weight.v1.raw"


def cache(hub: Path, files: dict[str, bytes], name: str = "models--org--cached-model") -> Path:
    """A model in the Hub's cache: large files by SHA-256, others by their git hash, links in the snapshot."""
    root = hub / name
    (root / "blobs").mkdir(parents=True)
    for path, content in files.items():
        if path.endswith(".safetensors"):
            digest = hashlib.sha256(content).hexdigest()
        else:
            digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        (root / "blobs" / digest).write_bytes(content)
        link = root / "snapshots" / COMMIT / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(root / "blobs" / digest, link.parent))
    return root


def member(path: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(path)
    info.size = len(content)
    for name, value in fields.items():
        setattr(info, name, value)
    return info, content


def tar_of(members: list[tuple[tarfile.TarInfo, bytes]], mode: Mode = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz" if mode == "w:gz" else "w") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return zstd.compress(file.getvalue()) if mode == "w:zst" else file.getvalue()


def tar(path: Path, files: dict[str, bytes] | Path, mode: Mode = "w") -> Path:
    """An archive of files, or of a directory with its links."""
    if isinstance(files, Path):
        with tarfile.open(path, "w:gz" if mode == "w:gz" else "w") as archive:
            archive.add(files, ".")
        if mode == "w:zst":
            path.write_bytes(zstd.compress(path.read_bytes()))
        return path
    path.write_bytes(tar_of([member(name, content) for name, content in files.items()], mode))
    return path


def oci_layout(root: Path, files: dict[str, bytes], media_type: str = MODEL_PACK) -> Path:
    """A layout with a layer for each file, raw or as an archive."""
    (root / "blobs/sha256").mkdir(parents=True)

    def blob(content: bytes, kind: str, **annotations: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (root / "blobs/sha256" / digest).write_bytes(content)
        return {
            "mediaType": kind,
            "digest": f"sha256:{digest}",
            "size": len(content),
            **({"annotations": annotations} if annotations else {}),
        }

    layers = []
    for path, content in files.items():
        if media_type.endswith(("tar", "gzip", "zstd")):
            mode: Mode = "w:gz" if media_type.endswith("gzip") else "w:zst" if media_type.endswith("zstd") else "w"
            layers.append(blob(tar_of([member(path, content)], mode), media_type))
        else:
            layers.append(blob(content, media_type, **{"org.cncf.model.filepath": path}))
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(b"{}", "application/vnd.cncf.model.config.v1+json"),
        "layers": layers,
    }
    index = {
        "schemaVersion": 2,
        "manifests": [blob(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")],
    }
    (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (root / "index.json").write_text(json.dumps(index))
    return root
