"""Checkpoints that real PyTorch wrote, converted and read again by the safetensors library, bit for bit."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch as safetensors_torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lisa_weights import copying, verification
from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from weights.pytorch.tensors import DTYPES, assert_same, loaded, saved, values


def listed(model: Path) -> list[str]:
    return sorted(path.name for path in model.iterdir())


def metadata(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        found: dict[str, str] = file.metadata()
    return found


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_every_protocol_gives_the_same_file(tmp_path: Path, protocol: int, legacy: bool) -> None:
    state = {"w": values(torch.float32, 3, 5), "v": torch.nn.Parameter(values(torch.float16, 4)).detach()}
    usual = convert(saved(tmp_path / "usual", state)).directory
    model = saved(tmp_path / "m", state, pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy)
    convert(model)
    assert (model / "model.safetensors").read_bytes() == (usual / "model.safetensors").read_bytes()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pt", "weights.pth"])
@pytest.mark.parametrize("nesting", [None, "state_dict", "model"])
def test_protocols_names_and_nestings(tmp_path: Path, protocol: int, name: str, nesting: str | None) -> None:
    state = torch.nn.Linear(3, 5).state_dict()
    content = {nesting: state, "epoch": 3, "betas": (0.9, 0.99)} if nesting else state
    model = saved(tmp_path / "m", content, name, pickle_protocol=protocol)
    assert_same(dict(state), loaded(convert(model)))


def test_parameters_and_a_module_with_buffers(tmp_path: Path) -> None:
    norm = torch.nn.BatchNorm1d(4)
    content = {**norm.state_dict(), "own": torch.nn.Parameter(torch.randn(3, 3)), "steps": 4}
    converted = convert(saved(tmp_path / "m", content))
    assert converted.skipped == ("steps",)
    assert_same({name: t.data for name, t in content.items() if name != "steps"}, loaded(converted))


def test_the_file_is_what_the_library_itself_writes(tmp_path: Path) -> None:
    state = {f"{index}.é": values(dtype, 3, 5) for index, dtype in enumerate(DTYPES)}
    converted = convert(saved(tmp_path / "m", state))
    safetensors_torch.save_file(state, tmp_path / "own.safetensors", metadata={"format": "pt"})
    assert (converted.directory / "model.safetensors").read_bytes() == (tmp_path / "own.safetensors").read_bytes()


def test_tied_tensors_are_written_under_each_of_their_names(tmp_path: Path) -> None:
    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(4, 6, bias=False)
            self.embed = torch.nn.Embedding(6, 4)
            self.embed.weight = self.head.weight

    tied = Tied()
    converted = convert(saved(tmp_path / "m", tied.state_dict()))
    assert_same({"head.weight": tied.head.weight.data, "embed.weight": tied.head.weight.data}, loaded(converted))
    assert metadata(converted.directory / "model.safetensors") == {"format": "pt"}
    missing, _ = safetensors_torch.load_model(Tied(), converted.directory / "model.safetensors", strict=False)
    assert not missing


def test_what_the_library_saves_without_a_name_is_found_and_made_again(tmp_path: Path) -> None:
    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lm_head = torch.nn.Linear(4, 6, bias=False)
            self.model = torch.nn.Embedding(6, 4)
            self.model.weight = self.lm_head.weight

    tied = Tied()
    model = saved(tmp_path / "m", tied.state_dict())
    safetensors_torch.save_model(tied, model / "model.safetensors", metadata={"format": "pt"})
    assert set(safetensors_torch.load_file(model / "model.safetensors")) == {"lm_head.weight"}
    assert_same(dict(tied.state_dict()), loaded(convert(model)))


def test_different_views_of_one_storage_are_all_written(tmp_path: Path) -> None:
    whole = torch.randn(6, 6)
    content = {"whole": whole, "part": whole[1:3], "turned": whole.t()}
    converted = convert(saved(tmp_path / "m", content))
    assert_same(content, loaded(converted))


def test_shards_with_an_index_become_shards_with_an_index(tmp_path: Path) -> None:
    parts = [{f"{part}.{i}": torch.randn(100) for i in range(4)} for part in "ab"]
    model = tmp_path / "m"
    files = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    weight_map = {}
    for part, file in zip(parts, files, strict=True):
        saved(model, part, file)
        weight_map.update(dict.fromkeys(part, file))
    (model / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))
    converted = convert(model, max_shard_size=1200)
    assert [file.name for file in converted.files] == [
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
        "model.safetensors.index.json",
    ]
    assert_same({**parts[0], **parts[1]}, loaded(converted))
    index = json.loads((model / "model.safetensors.index.json").read_bytes())
    assert index["metadata"]["total_size"] == 3200
    assert set(index["weight_map"]) == set(weight_map)
    for name, file in index["weight_map"].items():
        assert name in safetensors_torch.load_file(model / file)
    again = convert(model)
    assert not again.written
    assert {t.name for t in again.tensors} == set(weight_map)


def test_an_index_that_tells_of_a_tensor_that_is_not_there(tmp_path: Path) -> None:
    model = saved(tmp_path / "m", {"a": torch.ones(2)})
    index = {"weight_map": {"a": "pytorch_model.bin", "b": "pytorch_model.bin"}}
    (model / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsError, match=r"maps 'b' to pytorch_model\.bin"):
        convert(model)


def test_digests_are_the_files_and_come_only_with_verification(tmp_path: Path) -> None:
    import hashlib

    model = saved(tmp_path / "m", {"a": torch.randn(1000), "b": torch.randn(30, 40).t()})
    (file,) = convert(model).files
    content = (model / file.name).read_bytes()
    assert (file.sha256, file.size) == (hashlib.sha256(content).hexdigest(), len(content))
    (model / file.name).unlink()
    assert convert(model, verify=False).files[0].sha256 is None


def test_what_was_written_wrongly_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = saved(tmp_path / "m", {"a": torch.randn(1000)})
    monkeypatch.setattr(verification, "write_all", lambda to, data, at: os.pwrite(to, bytes(len(data)), at))
    with pytest.raises(WeightsError, match="'a' differs from its source"):
        convert(model)
    assert listed(model) == ["pytorch_model.bin"]


@pytest.mark.parametrize("refused", [0, 1, 2])
def test_every_way_to_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int) -> None:
    def refuse(*_: int) -> int:
        raise OSError(errno.EXDEV, "not between these")

    ways = copying._WAYS
    monkeypatch.setattr(copying, "_WAYS", (*(refuse for _ in range(min(refused, len(ways) - 1))), *ways[refused:]))
    content = {"a": torch.randn(3000), "b": torch.randn(7)}
    assert_same(content, loaded(convert(saved(tmp_path / "m", content), verify=False)))


def test_progress_tells_of_every_byte(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    model = saved(tmp_path / "m", {"a": torch.ones(400), "b": torch.ones(3, 4).t()})
    (file,) = convert(model, progress=lambda *step: told.append(step)).files
    assert [step for step in told if step[0] == "convert"][-1] == ("convert", file.size, file.size)
    assert [step for step in told if step[0] == "verify"][-1] == ("verify", file.size, file.size)


@st.composite
def _views(draw: st.DrawFn) -> dict[str, Any]:
    """Named views of a few storages, some shared, with any strides that stay inside."""
    storages = [
        values(draw(st.sampled_from([torch.uint8, torch.bfloat16, torch.float32, torch.int64])), size)
        for size in draw(st.lists(st.integers(0, 400), min_size=1, max_size=3))
    ]
    views = {}
    for index in range(draw(st.integers(1, 6))):
        storage = draw(st.sampled_from(storages))
        offset = draw(st.integers(0, max(len(storage) - 1, 0)))
        left = len(storage) - offset - 1
        shape, strides = [], []
        for _ in range(draw(st.integers(0, 4)) if left >= 0 else 1):
            stride = draw(st.integers(0, 40))
            most = 6 if stride == 0 else min(6, left // stride + 1)
            size = draw(st.integers(0, most)) if left >= 0 else 0
            left -= max(size - 1, 0) * stride
            shape.append(size)
            strides.append(stride)
        views[f"t{index}"] = torch.as_strided(storage, shape, strides, offset)
    return views


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(views=_views(), legacy=st.booleans(), buffer=st.sampled_from([16, 64, 1 << 20]))
def test_any_shapes_strides_and_sharing(
    tmp_path_factory: pytest.TempPathFactory, views: dict[str, Any], legacy: bool, buffer: int
) -> None:
    model = saved(tmp_path_factory.mktemp("m"), views, _use_new_zipfile_serialization=not legacy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "BUFFER", buffer)
        converted = convert(model, max_shard_size=3000)
    assert_same(views, loaded(converted))
