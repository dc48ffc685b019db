"""OCI layouts that `oras push --oci-layout` wrote, and archives that it calls files."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from lisa_weights.carriers.carrier import CarrierKind
from lisa_weights.importing import import_model
from weights.carried import member, oci_layout, tar, tar_of
from weights.model_files import content, single, write

LAYOUTS = json.loads((Path(__file__).parent / "data/oras-1.3.6.json").read_bytes())
"""By how it was called: with files, with a directory, and with files in a directory."""


def imported(source: Path, models: Path) -> dict[str, bytes]:
    result = import_model(source, models, "org/model")
    assert result.carrier is CarrierKind.OCI_LAYOUT
    return content(result.path)


@pytest.mark.parametrize("in_archive", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_imported(tmp_path: Path, layout: str, in_archive: bool) -> None:
    files = {path: base64.b64decode(encoded) for path, encoded in LAYOUTS[layout].items()}
    root = write(tmp_path / "oci", files)
    found = imported(tar(tmp_path / "m.tar", root) if in_archive else root, tmp_path / "models")
    assert found["config.json"] == b"{}"
    assert found["model.safetensors"].endswith(b"abcd")
    assert len(found["model.safetensors"]) == 72
    assert found.keys() - {"config.json", "model.safetensors"} == ({"tokenizer.json"} if layout != "title" else set())


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:zst"])
def test_file_that_is_an_archive_is_opened(tmp_path: Path, mode: str) -> None:
    name = {"w": "model.tar", "w:gz": "model.tar.gz", "w:zst": "model.tar.zst"}[mode]
    archive = tar_of([member(*each) for each in single().items()], mode)  # type: ignore[arg-type]
    root = oci_layout(tmp_path / "oci", {name: archive})
    index = json.loads((root / "index.json").read_text())
    (descriptor,) = index["manifests"]
    manifest = json.loads((root / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")).read_text())
    (layer,) = manifest["layers"]
    layer |= {
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "annotations": {"org.opencontainers.image.title": name},
    }
    written = json.dumps(manifest).encode()
    digest = hashlib.sha256(written).hexdigest()
    (root / "blobs/sha256" / digest).write_bytes(written)
    descriptor.update(digest=f"sha256:{digest}", size=len(written))
    (root / "index.json").write_text(json.dumps(index))
    assert imported(root, tmp_path / "models") == single()
