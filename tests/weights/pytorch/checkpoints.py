"""Small models with random weights, saved as PyTorch checkpoints the way transformers before 4.35 saved them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf

VOCABULARY = 512
PROMPT = (5, 17, 99, 3)
TOKENS = 8
"""Tokens that are generated after the prompt."""

_LLAMA: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 128,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_BERT: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "initializer_range": 0.3,
}


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
    return hf.MistralForCausalLM(hf.MistralConfig(sliding_window=None, **_LLAMA))


def mixtral() -> Any:
    """A decoder with experts."""
    return hf.MixtralForCausalLM(hf.MixtralConfig(sliding_window=None, num_local_experts=4, **_LLAMA))


def _gpt2() -> Any:
    return hf.GPT2LMHeadModel(
        hf.GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=128,
            n_layer=2,
            n_head=4,
            n_positions=128,
            initializer_range=0.3,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def _opt() -> Any:
    return hf.OPTForCausalLM(
        hf.OPTConfig(
            vocab_size=VOCABULARY,
            init_std=0.3,
            hidden_size=128,
            ffn_dim=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=128,
            word_embed_proj_dim=128,
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
    "gpt2": _gpt2,
    "opt": _opt,
}
SEQUENCE_TO_SEQUENCE: dict[str, Callable[[], Any]] = {"t5": _t5, "bart": _bart}
ENCODERS: dict[str, Callable[[], Any]] = {
    "bert-mlm": lambda: hf.BertForMaskedLM(hf.BertConfig(**_BERT)),
    "roberta": lambda: hf.RobertaForMaskedLM(hf.RobertaConfig(**_BERT)),
}


def save(model: Any, directory: Path, *, files: int = 1) -> Path:
    """Write config.json, the checkpoint in one file or in that many with an index, and a tokenizer of no words."""
    directory.mkdir(parents=True)
    (directory / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "WordLevel", "vocab": {}}}')
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(directory)
    state = model.state_dict()
    if files == 1:
        torch.save(state, directory / "pytorch_model.bin")
        return directory
    names = list(state)
    size = -(-len(names) // files)
    weight_map = {}
    for number in range(files):
        held = names[number * size : (number + 1) * size]
        file = f"pytorch_model-{number + 1:05}-of-{files:05}.bin"
        torch.save({name: state[name] for name in held}, directory / file)
        weight_map.update(dict.fromkeys(held, file))
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (directory / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    return directory


def make(build: Callable[[], Any], directory: Path, *, files: int = 1, dtype: torch.dtype = torch.float32) -> Any:
    """Build a model with the same random weights each time, save it, and return it."""
    torch.manual_seed(0)
    model = build().to(dtype).eval()
    save(model, directory, files=files)
    return model


def answer(model: Any) -> torch.Tensor:
    """Greedy tokens of what generates, none of them the end; logits of what does not generate."""
    prompt = torch.tensor([PROMPT])
    with torch.no_grad():
        if not model.can_generate():
            return model(prompt).logits
        model.generation_config.eos_token_id = None
        return model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=TOKENS, num_beams=1
        )


def load(model: Any, directory: Path) -> tuple[Any, dict[str, Any]]:
    """Load a directory as the class of a model, with what transformers missed in it."""
    loaded, information = type(model).from_pretrained(directory, dtype=model.dtype, output_loading_info=True)
    return loaded.eval(), information
