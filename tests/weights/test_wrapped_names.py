"""Models whose tensors have the names of a training wrapper, which no server looks up."""

from __future__ import annotations

from pathlib import Path

import pytest

from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from lisa_weights.model_directory import LocalState, read_directory
from lisa_weights.safetensors.layout import lay_out
from lisa_weights.safetensors.tensors import Dtype, TensorInfo
from weights.checkpoint_files import state, tensor, written

WRAPPED = [
    (["module.lm_head.weight", "module.model.norm.weight"], "DistributedDataParallel or DeepSpeed", "unwrapped model"),
    (["base_model.model.lm_head.lora_A.weight"], "PEFT", "merge the adapter into its base model"),
    (["_forward_module.lm_head.weight"], "Accelerate or Lightning", "unwrapped model"),
    (["_orig_mod.lm_head.weight"], "torch.compile", "unwrapped model"),
    (["lm_head.weight", "model._orig_mod.norm.weight"], "torch.compile", "unwrapped model"),
    (["model._fsdp_wrapped_module.norm.weight"], "FSDP", "unwrapped model"),
    (["model.layers.0._checkpoint_wrapped_module.norm.weight"], "activation checkpointing", "unwrapped model"),
]
PLAIN = [["module.a", "lm_head.weight"], ["modules.a"], ["base_model.a"], ["a_orig_mod.b"]]


def safetensors(directory: Path, names: list[str]) -> Path:
    directory.mkdir()
    (directory / "config.json").write_text("{}")
    layout = lay_out([TensorInfo(name, Dtype.U8, (1,), 1) for name in names], {"format": "pt"})
    (directory / "model.safetensors").write_bytes(layout.head + b"\0" * len(names))
    return directory


@pytest.mark.parametrize(("names", "wrapper", "fix"), WRAPPED)
def test_conversion_refuses_names_of_a_training_wrapper(
    tmp_path: Path, names: list[str], wrapper: str, fix: str
) -> None:
    model = written(tmp_path / "m", state(**dict.fromkeys(names, tensor())))
    with pytest.raises(WeightsError, match=f"m was not converted: .* a prefix of {wrapper}, .*: .*{fix}"):
        convert(model)
    assert [path.name for path in model.iterdir()] == ["pytorch_model.bin"]


@pytest.mark.parametrize(("names", "wrapper", "fix"), WRAPPED)
def test_safetensors_with_names_of_a_training_wrapper_are_incomplete(
    tmp_path: Path, names: list[str], wrapper: str, fix: str
) -> None:
    found = read_directory(safetensors(tmp_path / "m", names))
    assert found.state is LocalState.INCOMPLETE
    (problem,) = found.completeness.problems
    assert f"a prefix of {wrapper}" in problem
    assert fix in problem


@pytest.mark.parametrize("names", PLAIN)
def test_names_that_only_resemble_a_wrappers_are_complete(tmp_path: Path, names: list[str]) -> None:
    assert read_directory(safetensors(tmp_path / "m", names)).state is LocalState.COMPLETE
