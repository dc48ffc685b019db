"""What a model answers from its checkpoint and from its conversion, in transformers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lisa_weights.convert import convert
from lisa_weights.model_directory import LocalState, read_directory
from lisa_weights.safetensors.dropped_names import TIED_UNLESS_STATED
from weights.pytorch.architectures import ARCHITECTURES
from weights.pytorch.checkpoints import answer, load, make


def converted(checkpoint: Path, **options: Any) -> Path:
    """Convert a copy, and leave nothing but the conversion in it."""
    model = checkpoint.with_name("converted")
    shutil.copytree(checkpoint, model)
    convert(model, **options)
    for path in model.glob("*.bin*"):
        path.unlink()
    assert read_directory(model).state is LocalState.COMPLETE
    return model


def assert_same_answers(model: Any, checkpoint: Path, conversion: Path) -> None:
    expected = answer(model)
    original, _ = load(model, checkpoint)
    assert torch.equal(answer(original), expected), "the checkpoint itself is not what was saved"
    found, information = load(model, conversion)
    assert not information["missing_keys"]
    assert not information["mismatched_keys"]
    assert torch.equal(answer(found), expected)


@pytest.mark.parametrize("published", [False, True], ids=["as-in-memory", "as-published"])
@pytest.mark.parametrize("build", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_conversion_answers_as_its_checkpoint(tmp_path: Path, build: Callable[[], Any], published: bool) -> None:
    checkpoint = tmp_path / "checkpoint"
    model = make(build, checkpoint, published=published)
    assert_same_answers(model, checkpoint, converted(checkpoint))


@pytest.mark.parametrize("name", ["llama-tied", "t5", "roberta"])
def test_conversion_of_a_checkpoint_in_several_files_answers_as_it(tmp_path: Path, name: str) -> None:
    checkpoint = tmp_path / "checkpoint"
    model = make(ARCHITECTURES[name], checkpoint, files=3)
    conversion = converted(checkpoint, max_shard_size=200_000)
    assert len(list(conversion.glob("*.safetensors"))) > 1
    assert_same_answers(model, checkpoint, conversion)


@pytest.mark.parametrize("name", ["llama-tied", "bert"])
def test_conversion_of_bfloat16_answers_as_its_checkpoint(tmp_path: Path, name: str) -> None:
    checkpoint = tmp_path / "checkpoint"
    model = make(ARCHITECTURES[name], checkpoint, dtype=torch.bfloat16)
    assert_same_answers(model, checkpoint, converted(checkpoint))


def test_model_types_that_tie_their_output_head_are_those_of_transformers() -> None:
    from huggingface_hub.errors import StrictDataclassError
    from transformers import CONFIG_MAPPING

    tied = set()
    for name in CONFIG_MAPPING:
        try:
            config = CONFIG_MAPPING[name]().get_text_config()
        except (ImportError, OSError, ValueError, StrictDataclassError):  # needs another model, or an absent package
            continue
        if getattr(config, "tie_word_embeddings", False):
            tied.add(name)
    assert sorted(TIED_UNLESS_STATED) == sorted(tied)
