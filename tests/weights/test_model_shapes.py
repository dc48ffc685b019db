"""The forms in which models are carried, recognized by the names of their files."""

from __future__ import annotations

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.model_shapes import ModelShape, choose_files

SHARD = "model-00001-of-00002.safetensors"
INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        (["config.json", "model.safetensors"], ModelShape.SAFETENSORS),
        (["config.json", SHARD, INDEX], ModelShape.SHARDED),
        (["config.json", "pytorch_model.bin"], ModelShape.CHECKPOINT),
        (["config.json", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"], ModelShape.CHECKPOINT),
        (["modules.json", "config.json", "model.safetensors", "2_Dense/pytorch_model.bin"],
         ModelShape.SENTENCE_TRANSFORMERS),
        (["adapter_config.json", "adapter_model.safetensors"], ModelShape.ADAPTER),
        (["adapter_config.json", "adapter_model.bin", "tokenizer.json"], ModelShape.ADAPTER),
        (["config.json", INDEX, SHARD, "mtp.safetensors", "modeling_x.py", "README.md"], ModelShape.SHARDED),
    ],
)  # fmt: skip
def test_forms_with_everything_taken(names: list[str], shape: ModelShape) -> None:
    files = choose_files(names)
    assert (files.shape, files.taken, files.left_out) == (shape, {name: name for name in names}, {})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pytorch_model.bin", "the same weights are there as safetensors"),
        ("pytorch_model.bin.index.json", "the same weights are there as safetensors"),
        ("consolidated.safetensors", "the same weights in Mistral's format"),
        ("consolidated.00.pth", "the same weights in Meta's format"),
        ("original/consolidated.00.pth", "the same weights in Meta's format"),
        ("original/params.json", "the same weights in Meta's format"),
        ("model.fp16.safetensors", "the variant fp16 of the weights"),
        ("model.safetensors.index.fp16.json", "the variant fp16 of the weights"),
        ("onnx/model.onnx", "weights for ONNX"),
        ("model-q4.gguf", "weights for llama.cpp"),
        ("tf_model.h5", "weights for TensorFlow"),
        ("flax_model.msgpack", "weights for Flax"),
        ("openvino/openvino_model.bin", "weights for OpenVINO"),
        ("coreml/x.mlpackage/Data/weights.bin", "weights for Core ML"),
        ("optimizer.pt", "state of training"),
        ("rng_state_0.pth", "state of training"),
        ("training_args.bin", "state of training"),
        ("checkpoint-500/model.safetensors", "state of training"),
        ("global_step500/mp_rank_00_model_states.pt", "state of training"),
        (".cache/huggingface/x", "hidden"),
        (".gitattributes", "hidden"),
        ("figures/loss.png", "media"),
        ("adapter_config.json", "an adapter, which a server would add to the model"),
    ],
)
def test_files_that_are_left_out_of_a_model_with_their_reason(name: str, reason: str) -> None:
    files = choose_files(["config.json", "model.safetensors", name])
    assert files.left_out == {name: reason}
    assert set(files.taken) == {"config.json", "model.safetensors"}


def test_checkpoint_of_a_module_is_left_out_only_beside_its_safetensors() -> None:
    base = ["modules.json", "config.json", "model.safetensors", "2_Dense/pytorch_model.bin"]
    assert "2_Dense/pytorch_model.bin" in choose_files(base).taken
    assert "2_Dense/pytorch_model.bin" in choose_files([*base, "2_Dense/model.safetensors"]).left_out


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["model.fp16.safetensors"], {"model.fp16.safetensors": "model.safetensors"}),
        (["pytorch_model.fp16.bin"], {"pytorch_model.fp16.bin": "pytorch_model.bin"}),
        (
            ["model.fp16.safetensors", "pytorch_model.fp16.bin", "pytorch_model.bf16.bin"],
            {"model.fp16.safetensors": "model.safetensors"},
        ),
        (
            ["model.safetensors.index.fp16.json", "model.fp16-00001-of-00001.safetensors"],
            {
                "model.safetensors.index.fp16.json": INDEX,
                "model.fp16-00001-of-00001.safetensors": "model.fp16-00001-of-00001.safetensors",
            },
        ),
        (
            ["pytorch_model.bin.index.fp16.json", "pytorch_model.fp16-00001-of-00001.bin"],
            {
                "pytorch_model.bin.index.fp16.json": "pytorch_model.bin.index.json",
                "pytorch_model.fp16-00001-of-00001.bin": "pytorch_model.fp16-00001-of-00001.bin",
            },
        ),
    ],
)
def test_only_variant_becomes_the_models_weights(names: list[str], taken: dict[str, str]) -> None:
    files = choose_files(["config.json", *names])
    assert files.taken == {"config.json": "config.json", **taken}
    assert files.variant == "fp16"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["params.json", "consolidated.00.pth", "tokenizer.model"], "in Meta's format.*convert_llama_weights_to_hf"),
        (["params.json", "consolidated.safetensors"], r"only in Mistral's format.*convert_mistral_weights_to_hf"),
        (["config.json", "params.json", "consolidated.safetensors"], "only in Mistral's format"),
        (["model-q4.gguf"], "only has weights for llama.cpp. Get it as safetensors"),
        (["config.json", "onnx/model.onnx"], "only has weights for ONNX"),
        (["config.json", "tf_model.h5"], "only has weights for TensorFlow"),
        (["config.json"], "There are no weights"),
        ([], "There are no weights"),
        (["config.json", "model.fp16.safetensors", "model.bf16.safetensors"], r"several variants \(bf16, fp16\)"),
        (["adapter_config.json"], "no adapter_model.safetensors"),
    ],
)
def test_forms_that_cannot_be_served_are_refused_with_their_fix(names: list[str], said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        choose_files(names)
