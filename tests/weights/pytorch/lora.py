"""Build a Llama and LoRA adapters with what each of them answers; run as a program in .venv/weights.

`lora.py DIRECTORY` writes DIRECTORY/base and DIRECTORY/<adapter>, and prints an object of greedy tokens by name on the
last line: those of an adapter are what transformers answers with the adapter merged into the weights.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers as hf
from safetensors.torch import save_file

from weights.pytorch.architectures import DECODERS, VOCABULARY
from weights.pytorch.checkpoints import PROMPT, answer

RANKS = {"small": 8, "large": 32}
"""Rank of each adapter; vLLM's default limit is 16."""

_ALPHA = 16
_MODULES = ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj")


def _tokenizer() -> Any:
    words = {"[UNK]": 0, "[PAD]": 1, **{f"w{number}": number for number in range(2, VOCABULARY)}}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    return hf.PreTrainedTokenizerFast(tokenizer_object=model, unk_token="[UNK]", pad_token="[PAD]")


def _adapt(model: Any, directory: Path, rank: int) -> Any:
    """Write a random adapter of the model as PEFT does, and return the model with the adapter merged into it."""
    torch.manual_seed(rank)
    merged, tensors = copy.deepcopy(model), {}
    for layer in range(model.config.num_hidden_layers):
        for module in _MODULES:
            name = f"model.layers.{layer}.{module}"
            weight = merged.get_submodule(name).weight
            factor_a = torch.randn(rank, weight.shape[1]) * 0.2
            factor_b = torch.randn(weight.shape[0], rank) * 0.2
            weight.data += _ALPHA / rank * factor_b @ factor_a
            tensors[f"base_model.model.{name}.lora_A.weight"] = factor_a
            tensors[f"base_model.model.{name}.lora_B.weight"] = factor_b
    directory.mkdir()
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "acme/base-model",
        "r": rank,
        "lora_alpha": _ALPHA,
        "target_modules": sorted(module.rpartition(".")[2] for module in _MODULES),
        "bias": "none",
    }
    (directory / "adapter_config.json").write_text(json.dumps(settings))
    save_file(tensors, directory / "adapter_model.safetensors", {"format": "pt"})
    return merged


def _main(root: Path) -> None:
    torch.manual_seed(0)
    model = DECODERS["llama-untied"]().eval()
    model.save_pretrained(root / "base")
    _tokenizer().save_pretrained(root / "base")
    found = {"base": model} | {name: _adapt(model, root / name, rank) for name, rank in RANKS.items()}
    tokens = {name: answer(each)[0, len(PROMPT) :].tolist() for name, each in found.items()}
    sys.stdout.write("\n" + json.dumps(tokens) + "\n")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
