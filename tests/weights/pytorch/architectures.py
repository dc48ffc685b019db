"""Small models with random weights, one for each way in which published models lay their tensors out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import transformers as hf

VOCABULARY = 512
HIDDEN = 128

_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_GROUPED = {**_SIZES, "num_key_value_heads": 2}
_LLAMA = {**_SIZES, "num_key_value_heads": 4}
_GEMMA = {**_GROUPED, "head_dim": 32, "query_pre_attn_scalar": 32, "initializer_range": 0.1}
_ENCODER: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "initializer_range": 0.3,
}
_EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 64}


def _llama(*, tied: bool) -> Any:
    return hf.LlamaForCausalLM(hf.LlamaConfig(tie_word_embeddings=tied, **_LLAMA))


def _shared_layers() -> Any:
    model = _llama(tied=False)
    model.model.layers[1].mlp = model.model.layers[0].mlp
    return model


def _shared_head_of_an_untied_configuration() -> Any:
    model = _llama(tied=False)
    model.lm_head.weight = model.model.embed_tokens.weight
    return model


def _mistral() -> Any:
    return hf.MistralForCausalLM(hf.MistralConfig(sliding_window=None, **_GROUPED))


def _mixtral() -> Any:
    return hf.MixtralForCausalLM(hf.MixtralConfig(sliding_window=None, num_local_experts=4, **_GROUPED))


def _qwen2() -> Any:
    return hf.Qwen2ForCausalLM(hf.Qwen2Config(tie_word_embeddings=True, **_GROUPED))


def _qwen3() -> Any:
    return hf.Qwen3ForCausalLM(hf.Qwen3Config(tie_word_embeddings=False, head_dim=32, **_GROUPED))


def _qwen2_moe() -> Any:
    shared = {"shared_expert_intermediate_size": 64, "tie_word_embeddings": False}
    return hf.Qwen2MoeForCausalLM(hf.Qwen2MoeConfig(num_experts=4, **_EXPERTS, **shared, **_GROUPED))


def _qwen3_moe() -> Any:
    more = {"head_dim": 32, "norm_topk_prob": True, "tie_word_embeddings": False}
    return hf.Qwen3MoeForCausalLM(hf.Qwen3MoeConfig(num_experts=4, **_EXPERTS, **more, **_GROUPED))


def _gemma2() -> Any:
    return hf.Gemma2ForCausalLM(hf.Gemma2Config(sliding_window=64, **_GEMMA))


def _gemma3() -> Any:
    layers = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 64}
    return hf.Gemma3ForCausalLM(hf.Gemma3TextConfig(**layers, **_GEMMA))


def _phi3() -> Any:
    return hf.Phi3ForCausalLM(hf.Phi3Config(pad_token_id=0, tie_word_embeddings=False, **_GROUPED))


def _gpt2() -> Any:
    return hf.GPT2LMHeadModel(
        hf.GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=HIDDEN,
            n_layer=2,
            n_head=4,
            n_positions=128,
            initializer_range=0.3,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def _gpt_neox() -> Any:
    return hf.GPTNeoXForCausalLM(hf.GPTNeoXConfig(tie_word_embeddings=False, **_SIZES))


def _opt() -> Any:
    return hf.OPTForCausalLM(
        hf.OPTConfig(
            vocab_size=VOCABULARY,
            init_std=0.3,
            hidden_size=HIDDEN,
            ffn_dim=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=128,
            word_embed_proj_dim=HIDDEN,
        )
    )


def _bloom() -> Any:
    sizes = {"vocab_size": VOCABULARY, "hidden_size": HIDDEN, "n_layer": 2, "n_head": 4, "initializer_range": 0.3}
    return hf.BloomForCausalLM(hf.BloomConfig(**sizes))


def _falcon() -> Any:
    layout = {"multi_query": True, "parallel_attn": True, "new_decoder_architecture": False, "bias": False}
    names = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "bos_token_id", "eos_token_id")
    sizes = {name: _SIZES[name] for name in names}
    return hf.FalconForCausalLM(hf.FalconConfig(alibi=False, initializer_range=0.3, **layout, **sizes))


def _starcoder2() -> Any:
    return hf.Starcoder2ForCausalLM(hf.Starcoder2Config(tie_word_embeddings=True, sliding_window=None, **_GROUPED))


def _deepseek() -> Any:
    # vLLM has kernels of compressed attention for the published sizes, and on a CPU only for the published positions.
    positions = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 32}
    positions |= {"beta_fast": 32, "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707}
    attention = {"kv_lora_rank": 512, "q_lora_rank": None, "qk_rope_head_dim": 64, "qk_nope_head_dim": 32}
    experts = {"first_k_dense_replace": 1, "n_routed_experts": 4, "n_shared_experts": 1, "n_group": 1, "topk_group": 1}
    return hf.DeepseekV2ForCausalLM(
        hf.DeepseekV2Config(
            v_head_dim=32,
            topk_method="greedy",
            tie_word_embeddings=False,
            rope_parameters=positions,
            **attention,
            **experts,
            **_EXPERTS,
            **_LLAMA,
        )
    )


def _t5() -> Any:
    return hf.T5ForConditionalGeneration(
        hf.T5Config(
            vocab_size=VOCABULARY,
            d_model=64,
            d_kv=16,
            d_ff=128,
            num_layers=2,
            num_heads=4,
            initializer_factor=3.0,
            decoder_start_token_id=0,
        )
    )


def _bart() -> Any:
    return hf.BartForConditionalGeneration(
        hf.BartConfig(
            vocab_size=VOCABULARY,
            d_model=64,
            encoder_ffn_dim=128,
            decoder_ffn_dim=128,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            init_std=0.3,
        )
    )


DECODERS: dict[str, Callable[[], Any]] = {
    "llama-tied": lambda: _llama(tied=True),
    "llama-untied": lambda: _llama(tied=False),
    "llama-shared-layers": _shared_layers,
    "llama-shared-head-declared-untied": _shared_head_of_an_untied_configuration,
    "mistral": _mistral,
    "mixtral": _mixtral,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "qwen2-moe": _qwen2_moe,
    "qwen3-moe": _qwen3_moe,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "phi3": _phi3,
    "gpt2": _gpt2,
    "gpt-neox": _gpt_neox,
    "opt": _opt,
    "bloom": _bloom,
    "falcon": _falcon,
    "starcoder2": _starcoder2,
    "deepseek-mla": _deepseek,
}
SEQUENCE_TO_SEQUENCE: dict[str, Callable[[], Any]] = {"t5": _t5, "bart": _bart}
ENCODERS: dict[str, Callable[[], Any]] = {
    "bert": lambda: hf.BertForMaskedLM(hf.BertConfig(**_ENCODER)),
    "roberta": lambda: hf.RobertaForMaskedLM(hf.RobertaConfig(**_ENCODER)),
    "xlm-roberta": lambda: hf.XLMRobertaForMaskedLM(hf.XLMRobertaConfig(**_ENCODER)),
}
ARCHITECTURES = {**DECODERS, **SEQUENCE_TO_SEQUENCE, **ENCODERS}
