"""A bundle that was changed or cut short is neither verified nor unpacked."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.bundle.conftest import OTHER_WEIGHTS, Enclave, lisa

from lisa_compiler.bundle.manifest import BundleError, parse


def rewritten(bundle: Path, change: Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None]) -> Path:
    """Write a bundle again with changed entries; None drops one."""
    target = bundle.with_name("changed.tar")
    with tarfile.open(bundle) as old, tarfile.open(target, "w") as new:
        for entry in old:
            stream = old.extractfile(entry)
            changed = change(entry, stream.read() if stream else b"")
            if changed is not None:
                changed[0].size = len(changed[1])
                new.addfile(changed[0], io.BytesIO(changed[1]))
    return target


def changed_content(entry: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return entry, OTHER_WEIGHTS if entry.name.endswith(".safetensors") else content


def changed_size(entry: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return entry, b"short" if entry.name.endswith(".safetensors") else content


def dropped(entry: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes] | None:
    return None if entry.name == "project/config.yaml" else (entry, content)


def link(entry: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    if entry.name == "project/config.yaml":
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        return entry, b""
    return entry, content


def renamed(entry: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    entry.name = "../outside" if entry.name == "project/config.yaml" else entry.name
    return entry, content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed_content, "model.safetensors in"),
        (changed_size, "has 5 bytes instead of project/models/org/small-model/model.safetensors"),
        (dropped, "instead of project/config.yaml"),
        (link, "has a link or a special file instead of project/config.yaml"),
        (renamed, "has ../outside instead of project/config.yaml"),
    ],
)
def test_what_was_changed_is_neither_verified_nor_unpacked(enclave: Enclave, change: Any, words: str) -> None:
    bundle = rewritten(enclave.make(), change)
    for arguments in (["verify", bundle], ["unpack", bundle, enclave.folder / "there"]):
        result = lisa("bundle", *arguments)
        assert result.exit_code == 1
        assert words in result.stderr
    assert not (enclave.folder / "there").exists()
    assert not (enclave.folder / "outside").exists()
    assert list(enclave.folder.glob(".there*")) == []


def test_an_entry_too_many_is_refused(enclave: Enclave) -> None:
    bundle = enclave.make()
    with tarfile.open(bundle, "a") as tar:
        tar.addfile(tarfile.TarInfo("project/more"), io.BytesIO())
    assert "contains project/more, which its bundle.json does not list" in lisa("bundle", "verify", bundle).stderr


@pytest.mark.parametrize("kept", [100, 3000, 20_000])
def test_a_bundle_that_is_cut_short_is_refused(enclave: Enclave, kept: int) -> None:
    bundle = enclave.make()
    bundle.write_bytes(bundle.read_bytes()[:kept])
    assert lisa("bundle", "verify", bundle).exit_code == 1
    assert lisa("bundle", "unpack", bundle, enclave.folder / "there").exit_code == 1
    assert not (enclave.folder / "there").exists()


@pytest.mark.parametrize("content", [b"", b"text", b"\0" * 10_240])
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    result = lisa("bundle", "verify", tmp_path / "x.tar")
    assert result.exit_code == 1
    assert "x.tar" in result.stderr


def manifest_with(*paths: str) -> bytes:
    entry = {"kind": "project", "size": 0, "sha256": "0" * 64, "executable": False, "stored": True}
    content = {"schemaVersion": 1, "lisaVersion": "1", "environment": "dev", "python": "", "platform": ""}
    listed = [{**entry, "path": path} for path in paths]
    return json.dumps({**content, "base": None, "missing": [], "files": listed}).encode()


@pytest.mark.parametrize("path", ["../x", "/x", "a/../x", "./x", "a//x", "", ".", "bundle.json", "a\\x", "a/./x"])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(BundleError, match="is not a path in a bundle"):
        parse(manifest_with(path), "x.tar")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (manifest_with("a", "a"), "lists a file twice"),
        (manifest_with("a", "a/b"), "is below a file"),
        (manifest_with("a").replace(b'"schemaVersion": 1', b'"schemaVersion": 2'), "which this version cannot read"),
        (manifest_with("a").replace(b'"size": 0', b'"size": -1'), "does not start with a bundle.json"),
        (b"[]", "does not start with a bundle.json"),
        (b"[" * 100_000, "does not start with a bundle.json"),
    ],
)
def test_a_manifest_that_is_none_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BundleError, match=words):
        parse(content, "x.tar")
