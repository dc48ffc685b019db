"""Models saved as PyTorch checkpoints, with the names of tensors that published ones have, and what they answer."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch as safetensors_torch
import tokenizers
import torch

from weights.pytorch.architectures import VOCABULARY

PROMPT = (5, 17, 99, 3)
TOKENS = 8
"""Tokens that are generated after the prompt."""

State = dict[str, torch.Tensor]
_POSITIONS = 128


def _named_as_before_transformers_5(model: Any) -> State:
    """The state dict with the names of files: a tensor for each expert, where transformers 5 merges them in memory."""
    with tempfile.TemporaryDirectory() as directory:
        model.save_pretrained(directory)
        return safetensors_torch.load_file(Path(directory) / "model.safetensors")


def publish(model: Any) -> State:
    """The state dict as models of this type were published, with the buffers and the prefixes of their time."""
    kind = model.config.model_type
    state = _named_as_before_transformers_5(model) if kind in _RENAMED else model.state_dict()
    return _PUBLISHED[kind](state) if kind in _PUBLISHED else state


def _with_inverse_frequencies(state: State) -> State:
    layers = {found[1] for name in state if (found := re.match(r"(model\.layers\.\d+\.self_attn)\.", name))}
    return state | {f"{layer}.rotary_emb.inv_freq": torch.rand(16) for layer in layers}


def _as_gpt2(state: State) -> State:
    mask = torch.ones(_POSITIONS, _POSITIONS, dtype=torch.uint8).tril().view(1, 1, _POSITIONS, _POSITIONS)
    bare = {name.removeprefix("transformer."): value for name, value in state.items() if name != "lm_head.weight"}
    return bare | {f"h.{layer}.attn.bias": mask.clone() for layer in range(2)}


def _as_pythia(state: State) -> State:
    mask = torch.ones(_POSITIONS, _POSITIONS, dtype=torch.bool).tril().view(1, 1, _POSITIONS, _POSITIONS)
    for layer in range(2):
        attention = f"gpt_neox.layers.{layer}.attention"
        state |= {f"{attention}.bias": mask.clone(), f"{attention}.masked_bias": torch.tensor(-1e9)}
        state |= {f"{attention}.rotary_emb.inv_freq": torch.rand(4)}
    return state


def _as_opt(state: State) -> State:
    return {name.removeprefix("model."): value for name, value in state.items() if name != "lm_head.weight"}


def _as_bloom(state: State) -> State:
    return {name.removeprefix("transformer."): value for name, value in state.items() if name != "lm_head.weight"}


def _as_t5(state: State) -> State:
    unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    return state | {unused: torch.rand(32, 4)}


def _as_bert(state: State) -> State:
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    renamed = {re.sub("LayerNorm.(weight|bias)$", lambda found: names[found[0]], name): state[name] for name in state}
    renamed.pop("cls.predictions.decoder.bias")
    heads = {"cls.seq_relationship.weight": torch.rand(2, 64), "cls.seq_relationship.bias": torch.rand(2)}
    return renamed | heads


def _as_roberta(state: State) -> State:
    state.pop("lm_head.decoder.bias")
    return state | {"roberta.embeddings.position_ids": torch.arange(512).expand(1, -1)}


_RENAMED = ("deepseek_v2", "gpt_neox", "mixtral", "qwen2_moe", "qwen3_moe")
"""Values of `model_type` whose tensors have other names in memory than in files."""
_PUBLISHED: dict[str, Callable[[State], State]] = {
    "llama": _with_inverse_frequencies,
    "mistral": _with_inverse_frequencies,
    "gpt2": _as_gpt2,
    "gpt_neox": _as_pythia,
    "opt": _as_opt,
    "bloom": _as_bloom,
    "t5": _as_t5,
    "bert": _as_bert,
    "roberta": _as_roberta,
    "xlm-roberta": _as_roberta,
}


def save(model: Any, directory: Path, *, files: int = 1, state: State | None = None) -> Path:
    """Write config.json, the checkpoint in one file or in that many with an index, and a tokenizer of no words."""
    directory.mkdir(parents=True)
    (directory / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "WordLevel", "vocab": {}}}')
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(directory)
    state = model.state_dict() if state is None else state
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


def save_tokenizer(directory: Path) -> None:
    """A tokenizer of bytes, which every class of tokenizers with byte pairs reads alike, also that of Qwen."""
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    words = ["<unk>", "<pad>", *letters, *(f"w{number}" for number in range(len(letters) + 2, VOCABULARY))]
    model = tokenizers.Tokenizer(tokenizers.models.BPE({word: number for number, word in enumerate(words)}, []))
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = tokenizers.decoders.ByteLevel()
    model.save(str(directory / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "pad_token": "<pad>"}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))


def make(
    build: Callable[[], Any],
    directory: Path,
    *,
    files: int = 1,
    dtype: torch.dtype = torch.float32,
    published: bool = False,
) -> Any:
    """Build a model with the same random weights each time, save it, and return it."""
    torch.manual_seed(0)
    model = build()
    if published:
        _disturb(model)
    for parameter in model.parameters():  # not the buffers, which no file has
        parameter.data = parameter.data.to(dtype)
    model.eval()
    save(model, directory, files=files, state=publish(model) if published else None)
    return model


def _disturb(model: Any) -> None:
    """Change what starts as ones or zeros, so that no bias or norm can be confused with another, and small embeddings.

    Otherwise large tied embeddings decide the answer, whatever the layers are.
    """
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
        model.get_input_embeddings().weight.mul_(0.1)


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
