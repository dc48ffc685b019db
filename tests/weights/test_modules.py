"""Weights of sentence-transformers modules, such as the Dense layer of LaBSE, which are in folders of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lisa_weights.convert import convert
from lisa_weights.lock.lock_file import WeightsLock
from lisa_weights.model_directory import LocalState, read_directory
from lisa_weights.resolve import resolve
from lisa_weights.safetensors.layout import read_file
from weights.checkpoint_files import state, tensor, written
from weights.model_files import checkpoint, single, write

MODEL = "org/name"
DENSE = "2_Dense/model.safetensors"


def sentence_model(directory: Path, *, converted: bool) -> Path:
    """A model with a Dense module that has a PyTorch checkpoint, its transformer converted or not."""
    write(directory, {**single(), "1_Pooling/config.json": b"{}", "2_Dense/config.json": b"{}"})
    if not converted:
        (directory / "model.safetensors").unlink()
        write(directory, {"pytorch_model.bin": checkpoint(b"abcd")})
    written(directory / "2_Dense", state(**{"linear.weight": tensor()}))
    return directory


@pytest.mark.parametrize("converted", [True, False])
def test_module_is_converted_with_its_model(tmp_path: Path, converted: bool) -> None:
    model = sentence_model(tmp_path / "m", converted=converted)
    assert read_directory(model).state is LocalState.CHECKPOINT
    done = convert(model)
    assert done.written
    assert [file.name for file in done.files] == ["model.safetensors", DENSE]
    assert [each.name for each in read_file(model / DENSE).tensors] == ["linear.weight"]
    assert read_directory(model).state is LocalState.COMPLETE
    assert not convert(model).written


@pytest.mark.parametrize("converted", [True, False])
def test_module_is_locked_with_its_model_and_converted_again_when_it_changes(tmp_path: Path, converted: bool) -> None:
    model = sentence_model(tmp_path / MODEL, converted=converted)
    first = resolve([MODEL], tmp_path, WeightsLock())
    assert DENSE in {file.path for file in first.lock.models[MODEL].files}
    assert "2_Dense/pytorch_model.bin" not in {file.path for file in first.lock.models[MODEL].files}
    written(model / "2_Dense", state(other=tensor()))
    second = resolve([MODEL], tmp_path, first.lock)
    assert second.locked == (MODEL,)
    assert [each.name for each in read_file(model / DENSE).tensors] == ["other"]


def test_module_without_weights_is_not_complete(tmp_path: Path) -> None:
    model = sentence_model(tmp_path / "m", converted=True)
    (model / "2_Dense/pytorch_model.bin").unlink()
    judged = read_directory(model)
    assert judged.completeness.problems == ("2_Dense has no safetensors, which are required for serving",)
    assert judged.state is LocalState.INCOMPLETE
