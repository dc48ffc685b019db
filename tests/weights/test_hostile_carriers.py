"""Archives and OCI layouts that were made to do harm, or are damaged: refused, and nothing is written."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from lisa_weights.carriers import compression, tar_tree
from lisa_weights.errors import WeightsError
from lisa_weights.importing import import_model
from weights.carried import COMMIT, cache, member, oci_layout, tar, tar_of
from weights.model_files import sharded, single, write

Member = tuple[tarfile.TarInfo, bytes]
CONFIG = member("config.json", b"{}")
TWO_NAMES = [member("./model.safetensors", b"1"), member("model.safetensors", b"2")]


def refused(source: Path, directory: Path, said: str) -> None:
    models = directory / "models"
    with pytest.raises(WeightsError, match=said):
        import_model(source, models, "org/model")
    left = [path for path in models.rglob("*") if path.is_file()] if models.exists() else []
    assert left == []


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([member("../config.json", b"{}")], r"'\.\./config\.json' is not a path inside it"),
        ([member("a/../../config.json", b"{}")], "is not a path inside it"),
        ([member("/etc/config.json", b"{}")], "is not a path inside it"),
        ([member("a\\b", b"{}")], "is not a path inside it"),
        ([member("a\nb", b"{}")], "is not a path inside it"),
        ([member("a" * 2000, b"{}")], "is not a path inside it"),
        (TWO_NAMES, "it has 'model.safetensors' twice"),
        ([member("vocab.txt", type=tarfile.SYMTYPE, linkname="/etc/passwd")], "is not a file in the archive"),
        ([member("vocab.txt", type=tarfile.SYMTYPE, linkname="../config.json")], "is not a file in the archive"),
        ([member("vocab.txt", type=tarfile.SYMTYPE, linkname="vocab.txt")], "is not a file in the archive"),
        ([member("vocab.txt", type=tarfile.LNKTYPE, linkname="/etc/passwd")], "is not a file in the archive"),
        ([member("vocab.txt", type=tarfile.CHRTYPE)], "is a device, a sparse file or of an unknown type"),
        ([member("vocab.txt", type=tarfile.FIFOTYPE)], "is a device"),
        ([CONFIG], "There are no weights"),
        ([], "There are no weights"),
    ],
)
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_members_that_are_refused(tmp_path: Path, members: list[Member], said: str, mode: Any) -> None:
    (tmp_path / "m.tar").write_bytes(tar_of(members, mode))
    refused(tmp_path / "m.tar", tmp_path, said)


def test_links_inside_an_archive_are_followed_and_not_created(tmp_path: Path) -> None:
    members = [member(path, content) for path, content in single().items()]
    members += [
        member("a/tokenizer.model", type=tarfile.SYMTYPE, linkname="../config.json"),
        member("vocab.txt", type=tarfile.LNKTYPE, linkname="config.json"),
    ]
    (tmp_path / "m.tar").write_bytes(tar_of(members))
    path = import_model(tmp_path / "m.tar", tmp_path / "models", "org/model").path
    assert (path / "vocab.txt").read_bytes() == b"{}"
    assert not any(each.is_symlink() for each in path.rglob("*"))


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_archive_that_was_truncated_anywhere(tmp_path: Path, mode: Any) -> None:
    whole = tar(tmp_path / "m.tar", sharded(), mode).read_bytes()
    end = len(whole) - (10240 if mode == "w" else 1)
    for length in range(0, end, max(1, end // 60)):
        (tmp_path / "m.tar").write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            import_model(tmp_path / "m.tar", tmp_path / "models", "org/model")
    assert not (tmp_path / "models/org/model").exists()


def test_compressed_archive_that_was_changed_anywhere(tmp_path: Path) -> None:
    files = {**single(), "notes.txt": bytes(range(256)) * 8}
    whole = tar(tmp_path / "m.tar", files, "w:gz").read_bytes()
    refusals = 0
    for position in range(10, len(whole) - 4):
        (tmp_path / "m.tar").write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            path = import_model(tmp_path / "m.tar", tmp_path / "models", "org/model", replace=True).path
        except WeightsError:
            refusals += 1
        else:  # a bit that fills up the last byte, or the name of the archive
            assert {name: (path / name).read_bytes() for name in files} == files
    assert refusals > len(whole) - 40


def test_compressed_archive_with_a_bomb_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_tree, "_MAX_REST", 1 << 20)
    (tmp_path / "m.tar").write_bytes(gzip.compress(tar_of([CONFIG]) + b"\0" * (2 << 20)))
    refused(tmp_path / "m.tar", tmp_path, "too many bytes after its last file")


def test_special_file_is_no_carrier(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.tar")
    refused(tmp_path / "m.tar", tmp_path, "is a special file")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x28\xb5\x2f\xfd" + b"x" * 600, "is not a readable tar archive, plain or with gzip or zstd"),
        (zstd.compress(b"x" * 600), "is not a readable tar archive"),
        (b"PK\3\4" + b"x" * 600, "is not a readable tar archive"),
        (b"", "is not a readable tar archive|There are no weights"),
        (gzip.compress(b"x" * 600, mtime=0), "is not a readable tar archive"),
    ],
    ids=["damaged zstd", "zstd", "zip", "empty", "gzip"],
)
def test_files_that_are_no_archives(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "m.tar").write_bytes(content)
    refused(tmp_path / "m.tar", tmp_path, said)


def test_header_of_a_member_cannot_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_tree, "_MAX_READ", 1 << 16)
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 20
    file = io.BytesIO(header.tobuf() + b"\0" * (1 << 20) + tar_of([CONFIG]))
    (tmp_path / "m.tar").write_bytes(file.getvalue())
    refused(tmp_path / "m.tar", tmp_path, "a header of a member is too large")


def test_number_of_files_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_tree, "MAX_FILES", 3)
    refused(tar(tmp_path / "m.tar", {str(number): b"" for number in range(4)}), tmp_path, "more than 3 files")


def test_archive_with_several_layouts_is_to_be_extracted(tmp_path: Path) -> None:
    for name in "ab":
        oci_layout(tmp_path / "all" / name, single())
    refused(tar(tmp_path / "m.tar", tmp_path / "all"), tmp_path, "has several OCI layouts. Extract it with `tar -xf`")


@pytest.mark.parametrize("count", [1, 300, 5000])
def test_truncated_zstd_is_refused(tmp_path: Path, count: int) -> None:
    content = zstd.compress(tar_of([member(name, os.urandom(4000)) for name in ("config.json", "model.safetensors")]))
    (tmp_path / "m.tar.zst").write_bytes(content[:-count])
    refused(tmp_path / "m.tar.zst", tmp_path, "is not a readable tar archive")


def test_compressed_zstd_archive_with_a_bomb_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_tree, "_MAX_REST", 1 << 20)
    (tmp_path / "m.tar").write_bytes(zstd.compress(tar_of([CONFIG]) + b"\0" * (2 << 20)))
    refused(tmp_path / "m.tar", tmp_path, "too many bytes after its last file")


def test_without_a_library_zstd_is_refused_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "_ZSTD_LIBRARIES", ("no_such_library",))
    (tmp_path / "m.tar.zst").write_bytes(zstd.compress(tar_of([CONFIG])))
    refused(tmp_path / "m.tar.zst", tmp_path, r"install `pip install 'lisa-gitops\[zstd\]'`, or .* `unzstd m.tar.zst`")


def test_layout_in_an_archive_is_verified(tmp_path: Path) -> None:
    layout = oci_layout(tmp_path / "oci", single())
    digest = hashlib.sha256(single()["model.safetensors"]).hexdigest()
    blob = layout / "blobs/sha256" / digest
    blob.write_bytes(b"?" + blob.read_bytes()[1:])
    refused(tar(tmp_path / "m.tar", layout), tmp_path, "model.safetensors differs from its digest")


def _index(root: Path, change: Callable[[dict[str, Any]], None]) -> None:
    index = json.loads((root / "index.json").read_text())
    change(index)
    (root / "index.json").write_text(json.dumps(index))


def _manifest(root: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest, and the index to its new digest."""
    index = json.loads((root / "index.json").read_text())
    (descriptor,) = index["manifests"]
    manifest = json.loads((root / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")).read_text())
    change(manifest)
    content = json.dumps(manifest).encode()
    digest = hashlib.sha256(content).hexdigest()
    (root / "blobs/sha256" / digest).write_bytes(content)
    descriptor.update(digest=f"sha256:{digest}", size=len(content))
    (root / "index.json").write_text(json.dumps(index))


def _set(path: str) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest["layers"][0]["annotations"].update({"org.cncf.model.filepath": path})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda root: _manifest(root, _set("../config.json")), "is not a path inside it"),
        (lambda root: _manifest(root, _set("/etc/passwd")), "is not a path inside it"),
        (lambda root: _manifest(root, _set("model.safetensors")), "two layers have 'model.safetensors'"),
        (lambda root: _manifest(root, lambda m: m.update(layers=[])), "has no layers"),
        (lambda root: _manifest(root, lambda m: m["layers"][0].pop("annotations")), "a layer has no path"),
        (lambda root: _manifest(root, lambda m: m["layers"][0].update(size=1)), "bytes instead of 1"),
        (lambda root: _manifest(root, lambda m: m["layers"][0].update(digest="sha256:" + "0" * 64)), "is missing"),
        (lambda root: _manifest(root, lambda m: m["layers"][0].update(digest="sha256:../../x")), "lacks its type"),
        (lambda root: _manifest(root, lambda m: m["layers"][0].update(mediaType="a.tar+zstd")), "not a readable tar"),
        (lambda root: _manifest(root, lambda m: m["layers"][0].update(mediaType="a.raw+zstd")), "compressed and no"),
        (lambda root: _manifest(root, lambda m: m["layers"][0].update(mediaType="a.v1.tar")), "not a readable tar"),
        (lambda root: _index(root, lambda i: i.update(manifests=i["manifests"] * 2)), "has 2 manifests"),
        (lambda root: _index(root, lambda i: i.update(manifests=[])), "has 0 manifests"),
        (lambda root: _index(root, lambda i: i.update(manifests=3)), "has no manifests"),
        (lambda root: _index(root, lambda i: i["manifests"][0].update(size=1)), "bytes instead of 1"),
        (lambda root: (root / "index.json").write_text("{"), "is not JSON"),
    ],
)
def test_layouts_that_are_refused(tmp_path: Path, change: Callable[[Path], object], said: str) -> None:
    root = oci_layout(tmp_path / "oci", single())
    change(root)
    refused(root, tmp_path, said)


@pytest.mark.parametrize("kind", ["application/vnd.kitops.modelkit.model.v1.tar", "a.v1.tar+gzip"])
def test_layer_that_is_an_archive_is_verified_before_it_is_read(tmp_path: Path, kind: str) -> None:
    root = oci_layout(tmp_path / "oci", single(), kind)
    index = json.loads((root / "index.json").read_text())["manifests"][0]["digest"].removeprefix("sha256:")
    layer = json.loads((root / "blobs/sha256" / index).read_text())["layers"][0]["digest"].removeprefix("sha256:")
    blob = root / "blobs/sha256" / layer
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    refused(root, tmp_path, f"{layer} does not match its digest")


def test_link_out_of_the_cache_is_refused(tmp_path: Path) -> None:
    source = cache(tmp_path / "hub", single())
    write(tmp_path, {"secret": b"secret"})
    link = source / "snapshots" / COMMIT / "vocab.txt"
    link.symlink_to(tmp_path / "secret")
    refused(source, tmp_path, "is a link to a file outside")
    refused(link.parent, tmp_path, "is a link to a file outside")
