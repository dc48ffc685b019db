"""Models that are imported from every carrier; nothing is written where one is refused."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest

from lisa_weights import importing
from lisa_weights.carriers import placement
from lisa_weights.carriers.carrier import CarrierKind
from lisa_weights.errors import WeightsError
from lisa_weights.importing import Imported, import_model
from lisa_weights.model_directory import read_directory
from lisa_weights.model_shapes import ModelShape
from weights.carried import COMMIT, cache, oci_layout, tar
from weights.model_files import SHARDS, content, sharded, single, write

MODEL = "org/model"


def refused(source: Path, models: Path, said: str, model: str | None = MODEL, *, replace: bool = False) -> None:
    before = content(models)
    with pytest.raises(WeightsError, match=said):
        import_model(source, models, model, replace=replace)
    assert content(models) == before


def imported(source: Path, models: Path, model: str | None = MODEL) -> Imported:
    result = import_model(source, models, model)
    assert sorted(content(models)) == sorted(f"{result.model}/{path}" for path in result.sizes)
    return result


CARRIERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "directory": lambda path, files: write(path / "carried", files),
    "cache": lambda path, files: cache(path / "hub", files),
    "tar": lambda path, files: tar(path / "m.tar", files),
    "tar of a directory": lambda path, files: tar(
        path / "m.tar", {f"a/b/{name}": data for name, data in files.items()}
    ),
    "compressed tar": lambda path, files: tar(path / "m.tgz", files, "w:gz"),
    "tar with zstd": lambda path, files: tar(path / "m.tar.zst", files, "w:zst"),
    "tar of a cache with zstd": lambda path, files: tar(path / "m.tar.zst", cache(path / "hub", files).parent, "w:zst"),
    "layout of archives with zstd": lambda path, files: oci_layout(
        path / "oci", files, "application/vnd.cncf.model.weight.v1.tar+zstd"
    ),
    "tar of a layout": lambda path, files: tar(path / "m.tar", oci_layout(path / "oci", files)),
    "compressed tar of a layout of archives": lambda path, files: tar(
        path / "m.tgz", oci_layout(path / "oci", files, "application/vnd.kitops.modelkit.model.v1.tar+gzip"), "w:gz"
    ),
    "tar of a directory with a layout": lambda path, files: tar(
        path / "m.tar", oci_layout(path / "all" / "oci", files).parent
    ),
    "tar of a cache": lambda path, files: tar(path / "m.tar", cache(path / "hub", files).parent),
    "layout of files": lambda path, files: oci_layout(path / "oci", files),
    "layout of archives": lambda path, files: oci_layout(
        path / "oci", files, "application/vnd.kitops.modelkit.model.v1.tar"
    ),
    "layout of compressed archives": lambda path, files: oci_layout(
        path / "oci", files, "application/vnd.kitops.modelkit.model.v1.tar+gzip"
    ),
}


def test_model_beside_other_files_of_an_archive(tmp_path: Path) -> None:
    files = {"README.md": b"#", "docs/guide.md": b"#", "Kitfile": b"k"}
    inside = {f"model/{name}": data for name, data in single().items()}
    result = imported(tar(tmp_path / "m.tar", files | inside), tmp_path / "models")
    assert content(result.path) == single()
    assert {path: result.files.left_out[path] for path in files} == dict.fromkeys(files, "outside of model/")


@pytest.mark.parametrize("carrier", CARRIERS)
def test_every_carrier_brings_the_same_files(tmp_path: Path, carrier: str) -> None:
    files = {**sharded(), "README.md": b"# m"}
    result = imported(CARRIERS[carrier](tmp_path, files), tmp_path / "models")
    assert content(result.path) == files
    assert result.files.shape is ModelShape.SHARDED
    assert read_directory(result.path).completeness.is_complete


def test_cache_states_the_name_and_the_commit_and_its_blobs_are_verified(tmp_path: Path) -> None:
    result = imported(cache(tmp_path / "hub", sharded()), tmp_path / "models", None)
    assert (result.model, result.revision, result.carrier) == ("org/cached-model", COMMIT, CarrierKind.HUB_CACHE)
    assert set(result.verified) == set(sharded())


def test_cache_of_these_tests_is_one_to_the_hubs_own_library(tmp_path: Path) -> None:
    cache(tmp_path / "hub", sharded())
    found = huggingface_hub.scan_cache_dir(tmp_path / "hub")
    (repository,) = found.repos
    (revision,) = repository.revisions
    assert (list(found.warnings), repository.repo_id, revision.commit_hash) == ([], "org/cached-model", COMMIT)
    assert {file.file_name for file in revision.files} == {path.rpartition("/")[2] for path in sharded()}


def test_snapshot_directory_is_enough(tmp_path: Path) -> None:
    snapshot = cache(tmp_path / "hub", sharded()) / "snapshots" / COMMIT
    result = imported(snapshot, tmp_path / "models", None)
    assert (result.model, result.revision) == ("org/cached-model", COMMIT)


@pytest.mark.parametrize("name", [SHARDS[0], "config.json"])
def test_blob_that_differs_from_its_name_is_refused(tmp_path: Path, name: str) -> None:
    source = cache(tmp_path / "hub", sharded())
    blob = (source / "snapshots" / COMMIT / name).resolve()
    blob.write_bytes(b"X" + blob.read_bytes()[1:])
    refused(source, tmp_path / "models", f"{name} differs from its digest")


def test_several_commits_are_told_apart_by_main(tmp_path: Path) -> None:
    source = cache(tmp_path / "hub", sharded())
    shutil.copytree(source / "snapshots" / COMMIT, source / "snapshots" / ("f" * 40), symlinks=True)
    refused(source, tmp_path / "models", f"several commits of the model: {COMMIT}, f{{40}}")
    (source / "refs").mkdir()
    (source / "refs/main").write_text("f" * 40)
    assert imported(source, tmp_path / "models").revision == "f" * 40


def test_cache_of_several_models_is_ambiguous(tmp_path: Path) -> None:
    source = cache(tmp_path / "hub", sharded())
    shutil.copytree(source, source.with_name("models--org--other"), symlinks=True)
    refused(source.parent, tmp_path / "models", "has several models: models--org--cached-model/, models--org--other/")


def test_cache_without_its_blobs_is_refused_with_the_fix(tmp_path: Path) -> None:
    source = cache(tmp_path / "hub", sharded())
    shutil.rmtree(source / "blobs")
    refused(source, tmp_path / "models", r"link to a file that is missing.*with blobs/.*cp -rL")


def test_large_files_are_linked_and_small_ones_copied(tmp_path: Path) -> None:
    files = {**sharded(b"a" * (2 << 20)), "merges.txt": b"a b"}
    source = write(tmp_path / "carried", files)
    result = imported(source, tmp_path / "models")
    assert content(result.path) == files
    (result.path / "merges.txt").write_text("changed")
    assert (source / "merges.txt").read_text() == "a b"
    if not placement._clone(source / SHARDS[0], tmp_path / "clone"):
        assert (result.path / SHARDS[0]).samefile(source / SHARDS[0])


def test_a_model_that_exists_is_kept_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    models = tmp_path / "models"
    imported(write(tmp_path / "one", single()), models)
    other = write(tmp_path / "two", sharded())
    refused(other, models, r"exists: pass `--replace`")
    result = import_model(other, models, MODEL, replace=True)
    assert content(models) == {f"{MODEL}/{path}": data for path, data in sharded().items()}
    assert result.path == models / MODEL


def test_refused_carrier_does_not_replace_anything(tmp_path: Path) -> None:
    models = tmp_path / "models"
    imported(write(tmp_path / "one", single()), models)
    source = cache(tmp_path / "hub", sharded())
    (source / "snapshots" / COMMIT / SHARDS[1]).resolve().write_bytes(b"?")
    refused(source, models, "differs from its digest", replace=True)


@pytest.mark.parametrize("after", ["old", "new"])
def test_replacement_that_was_killed_is_completed_or_undone(tmp_path: Path, after: str) -> None:
    models = tmp_path / "models"
    old = write(models / "org/.lisa-replaced-model", single())
    if after == "new":
        write(models / MODEL, sharded())
    source = write(tmp_path / "carried", {"README.md": b"x"})
    with pytest.raises(WeightsError, match="There are no weights"):
        import_model(source, models, MODEL, replace=True)
    importing._recover(models / MODEL)
    assert not old.exists()
    assert content(models / MODEL) == (single() if after == "old" else sharded())


def test_name_is_required_where_the_carrier_has_none(tmp_path: Path) -> None:
    source = write(tmp_path / "carried", single())
    refused(source, tmp_path / "models", "pass `--as org/name`", None)
    refused(source, tmp_path / "models", "is not a model name", "../x")
    refused(tmp_path / "absent", tmp_path / "models", "does not exist")


def test_full_disk_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tar(tmp_path / "m.tar", sharded())
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1200))
    refused(source, tmp_path / "models", "which do not fit the disk")
    directory = write(tmp_path / "carried", sharded())
    refused(directory, tmp_path / "models", "too full to import model: .* 1200 are free")


def test_link_out_of_a_directory_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "carried", single())
    (tmp_path / "secret").write_text("secret")
    (source / "vocab.txt").symlink_to(tmp_path / "secret")
    refused(source, tmp_path / "models", "link to a file outside")
    (source / "vocab.txt").unlink()
    (source / "vocab.txt").symlink_to(tmp_path)
    refused(source, tmp_path / "models", "is a link to a directory")
    (source / "vocab.txt").unlink()
    os.mkfifo(source / "vocab.txt")
    refused(source, tmp_path / "models", "is not a regular file")


@pytest.mark.parametrize(
    ("files", "method"),
    [
        ({"config.json": b'{"quantization_config": {"quant_method": "gptq", "bits": 4}}'}, "gptq"),
        ({"config.json": b'{"quantization_config": {"quant_method": "awq"}}'}, "awq"),
        ({"config.json": b'{"quantization_config": {"quant_method": "fp8"}}'}, "fp8"),
        ({"config.json": b"{}", "hf_quant_config.json": b'{"quantization": {"quant_algo": "NVFP4"}}'}, "nvfp4"),
        ({"config.json": b"{}", "quantize_config.json": b"{}"}, "gptq"),
        ({"config.json": b"{}"}, None),
    ],
)
def test_quantization_is_recognized(tmp_path: Path, files: dict[str, bytes], method: str | None) -> None:
    result = imported(write(tmp_path / "carried", {**single(), **files}), tmp_path / "models")
    assert result.quantization == method


def test_sha256_of_a_layer_is_verified(tmp_path: Path) -> None:
    result = imported(oci_layout(tmp_path / "oci", single()), tmp_path / "models")
    assert set(result.verified) == set(single())
    digest = hashlib.sha256(single()["model.safetensors"]).hexdigest()
    blob = tmp_path / "oci/blobs/sha256" / digest
    blob.write_bytes(b"?" + blob.read_bytes()[1:])
    shutil.rmtree(tmp_path / "models")
    refused(tmp_path / "oci", tmp_path / "models", "model.safetensors differs from its digest")
