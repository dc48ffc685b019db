"""The shape of a model: what its config.json and its tensors say about its memory, and how the lock keeps it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lisa_weights.lock.lock_file import WeightsLock, load, save
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.safetensors.tensors import Dtype, TensorInfo
from lisa_weights.shape.checkpoint import checkpoint_shape
from lisa_weights.shape.config_file import read_shape
from lisa_weights.shape.transformer import AttentionLayers, CheckpointShape, Quantization, TransformerShape

from .model_files import safetensors, write

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192},
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}

TOKENIZER = {"tokenizer.json": b'{"a": 1}'}


def shape(**changes: Any) -> TransformerShape:
    found = read_shape({key: value for key, value in {**LLAMA, **changes}.items() if value is not None})
    assert found is not None
    return found


def tensor(name: str, count: int) -> TensorInfo:
    return TensorInfo(name, Dtype.BF16, (count,), 2 * count)


def test_a_dense_model_with_grouped_heads() -> None:
    assert shape() == TransformerShape(
        architecture="LlamaForCausalLM",
        layers=32,
        hidden=4096,
        heads=32,
        kv_heads=8,
        head_dim=128,
        intermediate=14336,
        vocab=128256,
        ties_embeddings=False,
        max_positions=131072,
        attention=(AttentionLayers("full", 32),),
        dtype="bfloat16",
    )


@pytest.mark.parametrize(
    "missing", ["architectures", "num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size"]
)
def test_a_shape_without_a_number_is_unknown(missing: str) -> None:
    assert read_shape({key: value for key, value in LLAMA.items() if key != missing}) is None


@pytest.mark.parametrize("wrong", ["32", None, -1, 0, True, [32]])
def test_a_number_of_another_type_is_unknown(wrong: object) -> None:
    assert read_shape({**LLAMA, "num_hidden_layers": wrong}) is None


def test_other_names_of_the_same_numbers() -> None:
    config = {"architectures": ["GPT2LMHeadModel"], "n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257}
    found = read_shape({**config, "n_positions": 1024})
    assert found is not None
    assert (found.layers, found.hidden, found.kv_heads, found.head_dim, found.max_positions) == (12, 768, 12, 64, 1024)
    assert found.dtype == "unknown"


def test_the_text_part_of_a_model_with_an_encoder() -> None:
    found = read_shape(
        {
            "architectures": ["Gemma3ForConditionalGeneration"],
            "model_type": "gemma3",
            "vision_config": {"hidden_size": 1152},
            "torch_dtype": "bfloat16",
            "text_config": {**LLAMA, "architectures": None, "sliding_window": 1024, "num_hidden_layers": 34},
        }
    )
    assert found is not None
    assert found.has_encoder
    assert found.attention == (AttentionLayers("sliding", 29, 1024), AttentionLayers("full", 5))


@pytest.mark.parametrize(
    ("changes", "attention"),
    [
        ({"sliding_window": 4096, "use_sliding_window": False}, (AttentionLayers("full", 32),)),
        ({"sliding_window": None}, (AttentionLayers("full", 32),)),
        (
            {"architectures": ["MistralForCausalLM"], "sliding_window": 4096},
            (AttentionLayers("sliding", 32, 4096),),
        ),
        (
            {"architectures": ["Gemma2ForCausalLM"], "sliding_window": 4096},
            (AttentionLayers("sliding", 16, 4096), AttentionLayers("full", 16)),
        ),
        (
            {"layer_types": ["sliding_attention", "full_attention"] * 16, "sliding_window": 128},
            (AttentionLayers("sliding", 16, 128), AttentionLayers("full", 16)),
        ),
        (
            {"layer_types": ["chunked_attention"] * 24 + ["full_attention"] * 8, "attention_chunk_size": 8192},
            (AttentionLayers("chunked", 24, 8192), AttentionLayers("full", 8)),
        ),
        (
            {"no_rope_layers": [1, 1, 1, 0] * 8, "attention_chunk_size": 8192},
            (AttentionLayers("chunked", 24, 8192), AttentionLayers("full", 8)),
        ),
        ({"kv_lora_rank": 512, "qk_rope_head_dim": 64}, (AttentionLayers("mla", 32),)),
        # A window of unknown layers, and a kind that is not modeled.
        ({"sliding_window": 2047}, (AttentionLayers("unknown", 32),)),
        (
            {"layer_types": ["linear_attention"] * 24 + ["full_attention"] * 8},
            (AttentionLayers("linear_attention", 24), AttentionLayers("full", 8)),
        ),
    ],
)
def test_kinds_of_attention(changes: dict[str, Any], attention: tuple[AttentionLayers, ...]) -> None:
    assert shape(**changes).attention == attention


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"hybrid_override_pattern": "M-M*"}, "state"),
        ({"full_attention_interval": 4}, "state"),
        ({"mamba_d_state": 128}, "state"),
        ({"index_topk": 2048}, "indexer"),
        ({"architectures": ["GlmMoeDsaForCausalLM"]}, "indexer"),
        ({"is_encoder_decoder": True}, "encoder-decoder"),
        ({"global_head_dim": 512}, "different sizes"),
        ({"block_configs": [{}]}, "different sizes"),
    ],
)
def test_what_is_not_modeled_is_named(changes: dict[str, Any], why: str) -> None:
    assert why in (shape(**changes).unmodeled or "")


@pytest.mark.parametrize(
    ("rope", "positions"),
    [
        (None, 4096),
        ({"type": "linear", "factor": 4.0}, 16384),
        ({"rope_type": "dynamic", "factor": 2.0}, 8192),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}, 16384),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024}, 4096),
        ({"rope_type": "llama3", "factor": 8.0}, 4096),
        ({"rope_type": "default"}, 4096),
    ],
)
def test_positions_with_rope_scaling(rope: dict[str, Any] | None, positions: int) -> None:
    assert shape(max_position_embeddings=4096, rope_scaling=rope).max_positions == positions


def test_experts() -> None:
    found = shape(num_experts=128, num_experts_per_tok=8, moe_intermediate_size=768)
    assert (found.experts, found.experts_per_token, found.expert_intermediate) == (128, 8, 768)
    mixtral = shape(num_local_experts=8, num_experts_per_tok=2)
    assert mixtral.expert_intermediate == 14336
    assert shape(num_experts=1).experts is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"quant_method": "awq", "bits": 4}, Quantization(method="awq", weight_bits=4, activation_bits=16)),
        (
            {"quant_method": "fp8", "weight_block_size": [128, 128]},
            Quantization(method="fp8", weight_bits=8, activation_bits=8, is_float=True, block=(128, 128)),
        ),
        (
            {"quant_method": "mxfp4"},
            Quantization(method="mxfp4", weight_bits=4, activation_bits=16, is_float=True),
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {
                    "group_0": {
                        "weights": {"num_bits": 8, "type": "float"},
                        "input_activations": {"num_bits": 8, "type": "float"},
                    }
                },
            },
            Quantization(method="compressed-tensors", weight_bits=8, activation_bits=8, is_float=True),
        ),
        (
            {"config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}, "input_activations": None}}},
            Quantization(method="compressed-tensors", weight_bits=4, activation_bits=16, is_float=False),
        ),
        (
            {"quant_method": "modelopt", "quant_algo": "NVFP4"},
            Quantization(method="modelopt", weight_bits=4, activation_bits=4, is_float=True),
        ),
    ],
)
def test_quantization(content: dict[str, Any], expected: Quantization) -> None:
    assert shape(quantization_config=content).quantization == expected


def test_tensors_that_are_not_loaded_are_not_counted() -> None:
    tensors = [
        tensor("model.embed_tokens.weight", 1000),
        tensor("model.layers.0.mlp.weight", 500),
        tensor("model.layers.31.mlp.weight", 500),
        # Multi-token prediction.
        tensor("model.layers.32.mlp.weight", 700),
        tensor("lm_head.weight", 1000),
    ]
    found = checkpoint_shape(LLAMA, tensors, [9000, 100])
    assert (found.tensor_bytes, found.embedding_bytes, found.largest_file_bytes) == (6000, 4000, 9000)
    assert found.transformer is not None
    assert found.transformer.ties_embeddings is False
    tied = checkpoint_shape({**LLAMA, "tie_word_embeddings": True}, tensors, [9000])
    assert (tied.tensor_bytes, tied.embedding_bytes) == (4000, 2000)


def test_a_checkpoint_without_a_head_ties_its_embeddings() -> None:
    config = {key: value for key, value in LLAMA.items() if key != "tie_word_embeddings"}
    found = checkpoint_shape(config, [tensor("model.embed_tokens.weight", 10)], [1])
    assert found.transformer is not None
    assert found.transformer.ties_embeddings is True


def test_the_lock_keeps_the_shape(tmp_path: Path) -> None:
    files = {
        "config.json": json.dumps(LLAMA).encode(),
        "model.safetensors": safetensors({"model.norm": b"n" * 64}),
    } | TOKENIZER
    locked = lock_directory(read_directory(write(tmp_path / "m", files)))
    assert locked.shape is not None
    assert (locked.shape.tensor_bytes, locked.shape.transformer) == (64, replace(shape(), ties_embeddings=True))
    lock = WeightsLock({"org/m": locked})
    save(tmp_path / "weights.lock.json", lock)
    assert load(tmp_path / "weights.lock.json") == lock


def test_a_shape_survives_json() -> None:
    full = replace(
        shape(layer_types=["sliding_attention", "full_attention"] * 16, sliding_window=128),
        experts=8,
        experts_per_token=2,
        expert_intermediate=1024,
        kv_lora_rank=512,
        qk_rope_head_dim=64,
        default_positions=4096,
        has_encoder=True,
        unmodeled="its layers keep a state",
        quantization=Quantization(method="fp8", weight_bits=8, activation_bits=8, is_float=True, block=(128, 128)),
    )
    for transformer in (full, shape(), None):
        found = CheckpointShape(tensor_bytes=1, embedding_bytes=2, largest_file_bytes=3, transformer=transformer)
        assert CheckpointShape.from_json(json.loads(json.dumps(found.as_json()))) == found


@pytest.mark.parametrize("change", [{"tensorBytes": "1"}, {"layers": True}, {"attention": [{}]}, {"dtype": 1}])
def test_a_damaged_shape_makes_the_lock_invalid(tmp_path: Path, change: dict[str, Any]) -> None:
    files = {"config.json": json.dumps(LLAMA).encode(), "model.safetensors": safetensors({"w": b"n" * 8})} | TOKENIZER
    path = tmp_path / "weights.lock.json"
    save(path, WeightsLock({"org/m": lock_directory(read_directory(write(tmp_path / "m", files)))}))
    content = json.loads(path.read_text("utf-8"))
    content["models"]["org/m"]["shape"].update(change)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(Exception, match="is not a valid lock file"):
        load(path)
