"""Models from the Hub: what is fetched, what is verified, and its refusals."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.model_directory import LocalState, read_directory
from lisa_weights.store.hub import fetch, look_up
from lisa_weights.store.hub_digests import DigestKind, content_digest
from weights.adapter_files import adapter
from weights.hub_server import COMMIT, MODEL, Hub, git_blob, patch_endpoint, sha256
from weights.model_files import SHARDS, sharded

huggingface_hub = pytest.importorskip("huggingface_hub")
errors = pytest.importorskip("huggingface_hub.errors")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(sharded() | {"README.md": b"#", "pytorch_model.bin": b"old", "onnx/model.onnx": b"o"}) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        patch_endpoint(monkeypatch, endpoint)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield server
        server.shutdown()


def test_only_what_serving_needs_is_fetched(hub: Hub, tmp_path: Path) -> None:
    listing = look_up(MODEL)
    assert listing.revision == COMMIT
    assert [name for name, _ in listing.files] == sorted(sharded())
    assert listing.total_bytes == sum(map(len, sharded().values()))
    fetched = fetch(listing, tmp_path / MODEL)
    assert (fetched.revision, fetched.needs_conversion) == (COMMIT, False)
    assert set(hub.asked) == set(sharded())
    found = read_directory(tmp_path / MODEL)
    assert found.state is LocalState.COMPLETE
    assert found.files.keys() == sharded().keys()


def test_what_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    fetch(look_up(MODEL), tmp_path)
    (tmp_path / SHARDS[1]).unlink()
    hub.asked.clear()
    fetch(look_up(MODEL), tmp_path)
    assert hub.asked == [SHARDS[1]]


def test_a_checkpoint_is_fetched_where_there_are_no_safetensors(hub: Hub, tmp_path: Path) -> None:
    hub.files = {"config.json": b"{}", "pytorch_model.bin": b"old", "tf_model.h5": b"x"}
    fetched = fetch(look_up(MODEL), tmp_path)
    assert fetched.needs_conversion
    assert fetched.files == ("config.json", "pytorch_model.bin")


def test_checkpoint_of_a_module_is_fetched_although_the_model_has_safetensors(hub: Hub, tmp_path: Path) -> None:
    hub.files = {
        "config.json": b"{}",
        "model.safetensors": b"x",
        "pytorch_model.bin": b"y",
        "2_Dense/config.json": b"{}",
        "2_Dense/pytorch_model.bin": b"z",
    }
    listing = look_up(MODEL)
    assert listing.needs_conversion
    assert {name for name, _ in listing.files} == hub.files.keys() - {"pytorch_model.bin"}
    hub.files["2_Dense/model.safetensors"] = b"z"
    assert not look_up(MODEL).needs_conversion


def test_a_model_without_weights(hub: Hub) -> None:
    hub.files = {"config.json": b"{}", "model.gguf": b"g"}
    with pytest.raises(WeightsError, match="neither safetensors nor a PyTorch checkpoint"):
        look_up(MODEL)


def test_the_token_is_of_the_environment_alone(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "saved"))
    (tmp_path / "saved").write_text("hf_saved")
    look_up(MODEL)
    assert hub.tokens == {None}
    monkeypatch.setenv("HF_TOKEN", "hf_environment")
    look_up(MODEL)
    assert hub.tokens == {None, "Bearer hf_environment"}


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        ((403, "GatedRepo"), "org/name is gated: accept its terms on its model card"),
        ((401, "GatedRepo"), "org/name is gated"),
        ((404, "RepoNotFound"), "The Hub has no model org/name"),
        ((404, "RevisionNotFound"), "org/name has no revision main"),
        ((403, ""), "denies access"),
        ((500, ""), "returned 500"),
        ((400, ""), "returned 400"),
    ],
)
def test_a_refusal_is_one_sentence(hub: Hub, refusal: tuple[int, str], text: str) -> None:
    hub.refusal = refusal
    with pytest.raises(WeightsError, match=text) as caught:
        look_up(MODEL)
    assert "\n" not in str(caught.value)


def test_a_hub_that_does_not_answer(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    patch_endpoint(monkeypatch, "http://127.0.0.1:1")
    with pytest.raises(WeightsError, match=r"is unreachable .* add the model to models/org/name yourself"):
        look_up(MODEL)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "could not be written: No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (RuntimeError("xet broke"), r"failed \(xet broke\): rerun the command"),
        (errors.OfflineModeIsEnabled("offline"), "HF_HUB_OFFLINE"),
        (errors.LocalEntryNotFoundError("gone"), "is unreachable"),
        (TimeoutError("late"), "is unreachable"),
    ],
)
def test_what_breaks_a_download(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, text: str
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise error

    listing = look_up(MODEL)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", broken)
    with pytest.raises(WeightsError, match=text):
        fetch(listing, tmp_path)


def test_files_that_did_not_come_are_told(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listing = look_up(MODEL)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(tmp_path))
    with pytest.raises(WeightsError, match="did not return"):
        fetch(listing, tmp_path)


@pytest.mark.parametrize("name", ["../x", "a/b/c"])
def test_a_name_that_is_none(hub: Hub, name: str) -> None:
    with pytest.raises(WeightsError, match="is not a model name"):
        look_up(name)


@pytest.mark.parametrize(
    ("path", "kind"), [(SHARDS[0], "SHA-256"), ("config.json", "Git blob hash")], ids=["large", "small"]
)
def test_other_bytes_of_a_mirror_are_refused_and_removed(hub: Hub, tmp_path: Path, path: str, kind: str) -> None:
    right = hub.files[path]
    wrong = right[:-1] + bytes([right[-1] ^ 1])
    hub.served = {path: wrong}
    listing = look_up(MODEL)
    with pytest.raises(WeightsError) as caught:
        fetch(listing, tmp_path)
    digests = [git_blob(data) if kind == "Git blob hash" else sha256(data) for data in (wrong, right)]
    assert f"{path} has the {kind} {digests[0]} instead of {digests[1]}" in str(caught.value)
    assert f"What http://127.0.0.1:{hub.server_port} returned for {MODEL}" in str(caught.value)
    assert not (tmp_path / path).exists()
    assert all((tmp_path / name).read_bytes() == hub.files[name] for name in sharded() if name != path)
    hub.served = {}
    hub.asked.clear()
    fetch(listing, tmp_path)
    assert hub.asked == [path]


def test_a_file_that_changed_on_the_disk_is_removed_by_the_next_fetch(hub: Hub, tmp_path: Path) -> None:
    fetch(look_up(MODEL), tmp_path)
    before = (tmp_path / SHARDS[0]).stat()
    (tmp_path / SHARDS[0]).write_bytes(bytes(before.st_size))
    os.utime(tmp_path / SHARDS[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WeightsError, match=f"{SHARDS[0]} has the SHA-256"):
        fetch(look_up(MODEL), tmp_path)
    fetch(look_up(MODEL), tmp_path)
    assert (tmp_path / SHARDS[0]).read_bytes() == hub.files[SHARDS[0]]


def test_a_mirror_without_digests_is_refused_before_anything_is_fetched(hub: Hub, tmp_path: Path) -> None:
    hub.reports_digests = False
    with pytest.raises(WeightsError, match=r"reports no digest of .*config\.json"):
        fetch(look_up(MODEL), tmp_path)
    assert hub.asked == []


def test_digests_are_those_of_git(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"test content\n")
    # The example of Pro Git, "Git Objects".
    assert content_digest(path, DigestKind.GIT_BLOB).value == "d670460b4b4aece5915caf5c68d12f560a9fe3e4"


def test_files_that_the_index_and_modules_json_name_are_fetched(hub: Hub) -> None:
    modules = [{"path": "heads/dense", "type": "sentence_transformers.models.Dense"}]
    index = {"weight_map": {"x": SHARDS[0], "y": SHARDS[1], "z": "mtp.safetensors"}}
    hub.files |= {
        "model.safetensors.index.json": json.dumps(index).encode(),
        "mtp.safetensors": b"m",
        "modules.json": json.dumps(modules).encode(),
        "heads/dense/config.json": b"{}",
        "heads/dense/pytorch_model.bin": b"d",
        "model_ema.safetensors": b"e" * 2000,
    }
    listing = look_up(MODEL)
    names = {name for name, _ in listing.files}
    assert {"mtp.safetensors", "heads/dense/config.json", "heads/dense/pytorch_model.bin"} <= names
    assert listing.needs_conversion
    reasons = {file.path: file.reason for file in listing.omitted}
    assert reasons["model_ema.safetensors"] == f"other weights than {SHARDS[0]}, which servers load"
    assert reasons["onnx/model.onnx"] == "ONNX"


def test_modules_json_that_names_an_absent_folder_is_refused_before_the_download(hub: Hub) -> None:
    hub.files["modules.json"] = b'[{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]'
    with pytest.raises(WeightsError, match=r"modules\.json names the folder 2_Dense, which does not exist"):
        look_up(MODEL)


@pytest.mark.parametrize("path", ["model.safetensors.index.json", "modules.json"])
def test_files_that_name_others_are_verified_before_they_are_used(hub: Hub, path: str) -> None:
    index = {"weight_map": {"x": SHARDS[0], "y": SHARDS[1], "z": "mtp.safetensors"}}
    right = {
        "model.safetensors.index.json": json.dumps(index).encode(),
        "modules.json": b'[{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]',
    }
    hub.files |= {**right, "mtp.safetensors": b"m"}
    assert look_up(MODEL).files
    wrong = right[path].replace(b"mtp.safetensors", SHARDS[1].encode()).replace(b"1_Pooling", b"2_Pooling")
    hub.served = {path: wrong}
    with pytest.raises(WeightsError) as caught:
        look_up(MODEL)
    assert f"{path} has the Git blob hash {git_blob(wrong)} instead of {git_blob(right[path])}" in str(caught.value)
    assert f"returned for {MODEL} differs from the digests that it reports for commit {COMMIT}" in str(caught.value)


def test_index_without_a_digest_is_refused_before_it_is_downloaded(hub: Hub) -> None:
    hub.files |= {"model.safetensors.index.json": b'{"weight_map": {}}', "mtp.safetensors": b"m"}
    hub.reports_digests = False
    with pytest.raises(WeightsError, match=r"reports no digest of model\.safetensors\.index\.json"):
        look_up(MODEL)
    assert hub.asked == []


def test_adapter_is_fetched_without_the_tokenizer(hub: Hub, tmp_path: Path) -> None:
    hub.files = adapter() | {"tokenizer.json": b"{}", "README.md": b"#", "training_args.bin": b"t"}
    listing = look_up(MODEL)
    assert [name for name, _ in listing.files] == ["adapter_config.json", "adapter_model.safetensors"]
    assert not listing.needs_conversion
    fetch(listing, tmp_path)
    assert read_directory(tmp_path).state is LocalState.COMPLETE


def test_checkpoint_of_an_adapter_is_fetched_where_it_has_no_safetensors(hub: Hub) -> None:
    files = adapter()
    hub.files = {"adapter_config.json": files["adapter_config.json"], "adapter_model.bin": b"b"}
    listing = look_up(MODEL)
    assert [name for name, _ in listing.files] == ["adapter_config.json", "adapter_model.bin"]
    assert listing.needs_conversion
