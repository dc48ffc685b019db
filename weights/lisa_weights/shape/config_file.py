"""Read the shape of a model from its config.json, whatever names the architecture gives its numbers.

The names are those of Hugging Face's transformers. What cannot be read with certainty is left out: an unknown shape
means that memory is unknown, never that it is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lisa_weights.shape.quantization import read_quantization
from lisa_weights.shape.transformer import (
    CHUNKED,
    FULL,
    LATENT,
    SLIDING,
    AttentionLayers,
    TransformerShape,
    count_layers,
)

_LAYER_KINDS: Final = {"full_attention": FULL, "sliding_attention": SLIDING, "chunked_attention": CHUNKED}
_ENCODERS: Final = ("vision_config", "audio_config", "vision_tower", "mm_vision_tower", "speech_config")
_STATEFUL: Final = (
    "hybrid_override_pattern",
    "layers_block_type",
    "block_types",
    "attn_layer_indices",
    "attn_type_list",
    "full_attention_interval",
    "linear_attn_config",
    "linear_num_key_heads",
    "mamba_d_state",
    "mamba_num_heads",
    "ssm_state_size",
    "ssm_cfg",
    "state_size",
    "time_mix_extra_dim",
)
_UNSCALED_ROPE: Final = ("default", "su", "longrope", "llama3", "yarn", "deepseek_yarn", "deepseek_llama_scaling")
"""Kinds of rope scaling after which max_position_embeddings is already the longest sequence (vLLM's ModelConfig)."""

_OWN_WINDOW: Final = frozenset({"MistralForCausalLM"})
"""Architectures whose `sliding_window` holds for all layers."""


def read_shape(config: Mapping[str, Any], *, ties_embeddings: bool | None = None) -> TransformerShape | None:
    """Read the shape of a model's text part.

    Args:
        config: the content of config.json.
        ties_embeddings: whether the checkpoint has no output head; None when its tensors are unknown.

    Returns:
        None when a number that every transformer has is missing or is not a number.
    """
    text = _text_config(config)
    names = config.get("architectures")
    layers = _number(text, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
    hidden = _number(text, "hidden_size", "n_embd", "d_model", "dim")
    heads = _number(text, "num_attention_heads", "n_head", "n_heads", "num_heads")
    vocab = _number(text, "vocab_size", "padded_vocab_size") or _number(config, "vocab_size")
    if not isinstance(names, list) or not names or not layers or not hidden or not heads or not vocab:
        return None
    unmodeled = _unmodeled(config, text)
    attention = _attention(str(names[0]), text, layers)
    is_latent = attention[0].kind == LATENT
    experts = _number(text, "num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
    experts = experts if experts and experts > 1 else None
    intermediate = _number(text, "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
    tied = config.get("tie_word_embeddings", text.get("tie_word_embeddings"))
    dtype = next(
        (text_or_top.get(key) for text_or_top in (text, config) for key in _DTYPE_KEYS if key in text_or_top), None
    )
    return TransformerShape(
        architecture=str(names[0]),
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=_kv_heads(text, heads),
        head_dim=_number(text, "head_dim", "kv_channels", "attention_head_dim") or hidden // heads,
        intermediate=intermediate,
        vocab=vocab,
        ties_embeddings=tied if isinstance(tied, bool) and ties_embeddings is None else ties_embeddings,
        max_positions=_positions(config, text),
        default_positions=_default_positions(text),
        attention=attention,
        kv_lora_rank=_number(text, "kv_lora_rank") if is_latent else None,
        qk_rope_head_dim=_number(text, "qk_rope_head_dim") if is_latent else None,
        experts=experts,
        experts_per_token=_number(text, *_PER_TOKEN_KEYS) if experts else None,
        expert_intermediate=(_number(text, "moe_intermediate_size", "expert_ffn_hidden_size") or intermediate)
        if experts
        else None,
        dtype=dtype if isinstance(dtype, str) else "unknown",
        quantization=read_quantization(config) or read_quantization(text),
        has_encoder=any(config.get(key) for key in _ENCODERS),
        unmodeled=unmodeled,
    )


_DTYPE_KEYS: Final = ("dtype", "torch_dtype")
_PER_TOKEN_KEYS: Final = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "experts_per_token",
    "moe_topk",
    "top_k_experts",
)


def _text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("text_config", "llm_config", "language_config"):
        if isinstance(config.get(key), dict):
            return dict(config[key])
    return config


def _kv_heads(text: Mapping[str, Any], heads: int) -> int:
    if text.get("multi_query") is True and not text.get("new_decoder_architecture"):
        return 1
    return _number(text, "num_key_value_heads", "num_kv_heads", "multi_query_group_num", "n_head_kv") or heads


def _positions(config: Mapping[str, Any], text: Mapping[str, Any]) -> int | None:
    """The longest sequence; several keys mean that the smallest counts, as in vLLM."""
    keys = (
        *("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length"),
        *("max_target_positions", "max_sequence_length", "n_ctx"),
    )
    found = [value for key in keys if (value := _number(text, key))]
    positions = min(found) if found else None
    rope = text.get("rope_scaling") or text.get("rope_parameters")
    if positions is None or not isinstance(rope, dict) or "gemma3" in str(config.get("model_type")):
        return positions
    factor = rope.get("factor")
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if not isinstance(factor, int | float) or isinstance(factor, bool):
        return positions
    original = _number(rope, "original_max_position_embeddings")
    if kind in ("yarn", "deepseek_yarn") and original:
        return max(positions, int(original * factor))
    return positions if kind in _UNSCALED_ROPE else int(positions * factor)


def _default_positions(text: Mapping[str, Any]) -> int | None:
    """The original length of a model with LongRoPE, which vLLM does not exceed without `--max-model-len`."""
    rope = text.get("rope_scaling") or text.get("rope_parameters")
    if isinstance(rope, dict) and (rope.get("rope_type") or rope.get("type")) in ("longrope", "su"):
        return _number(text, "original_max_position_embeddings")
    return None


def _unmodeled(config: Mapping[str, Any], text: Mapping[str, Any]) -> str | None:
    names = " ".join(str(name) for name in config.get("architectures") or ())
    if any(text.get(key) is not None for key in _STATEFUL) or "Mamba" in names:
        return "its layers keep a state"
    if text.get("index_topk") or text.get("index_n_heads") or "Dsa" in names:
        return "it has sparse attention with an indexer"
    if config.get("is_encoder_decoder"):
        return "it is an encoder-decoder model"
    if text.get("block_configs") or text.get("global_head_dim") or text.get("num_global_key_value_heads"):
        return "its layers have heads of different sizes"
    if isinstance(text.get("intermediate_size"), list) or isinstance(text.get("num_key_value_heads"), list):
        return "its layers have different sizes"
    return None


def _attention(architecture: str, text: Mapping[str, Any], layers: int) -> tuple[AttentionLayers, ...]:
    if _number(text, "kv_lora_rank") and _number(text, "qk_rope_head_dim"):
        return (AttentionLayers(LATENT, layers),)
    window = _number(text, "sliding_window", "sliding_window_size")
    chunk = _number(text, "attention_chunk_size")
    sizes = {FULL: None, SLIDING: window, CHUNKED: chunk}
    kinds = text.get("layer_types")
    if isinstance(kinds, list) and len(kinds) >= layers:
        named = [_LAYER_KINDS.get(str(kind), str(kind)) for kind in kinds[:layers]]
        return count_layers((kind, sizes.get(kind)) for kind in named)
    rope = text.get("no_rope_layers")
    if chunk and isinstance(rope, list) and len(rope) >= layers:
        return count_layers((CHUNKED, chunk) if uses else (FULL, None) for uses in rope[:layers])
    if chunk:
        return (AttentionLayers("unknown", layers),)
    if not window or text.get("use_sliding_window") is False:
        return (AttentionLayers(FULL, layers),)
    return _windows(architecture, text, layers, window)


def _windows(architecture: str, text: Mapping[str, Any], layers: int, window: int) -> tuple[AttentionLayers, ...]:
    """The layers of a model with a sliding window and without `layer_types`."""
    pattern = _number(text, "sliding_window_pattern", "_sliding_window_pattern")
    if pattern is None and architecture.startswith("Gemma3"):
        pattern = 6
    if pattern is None and architecture.startswith("Gemma2"):
        pattern = 2
    if pattern:
        return count_layers((SLIDING, window) if (layer + 1) % pattern else (FULL, None) for layer in range(layers))
    if architecture in _OWN_WINDOW:
        return (AttentionLayers(SLIDING, layers, window),)
    positions = _number(text, "max_position_embeddings")
    if positions and window >= positions:
        return (AttentionLayers(FULL, layers),)
    return (AttentionLayers("unknown", layers),)


def _number(content: Mapping[str, Any], *keys: str) -> int | None:
    for key in keys:
        value = content.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None
