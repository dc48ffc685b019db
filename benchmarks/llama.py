"""Write a Llama checkpoint with random weights as PyTorch does: `python -m benchmarks.llama FOLDER [--layers N]`.

The sizes are those of TinyLlama: 22 layers make 1.1 billion parameters, 2.2 GB of float16 in two `.bin` files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

LAYERS = 22
HIDDEN, INNER, HEADS, KEY_VALUE_HEADS, VOCABULARY = 2048, 5632, 32, 4, 32_000

_KEY_VALUES = HIDDEN // HEADS * KEY_VALUE_HEADS
_LAYER = {
    "input_layernorm": (HIDDEN,),
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (_KEY_VALUES, HIDDEN),
    "self_attn.v_proj": (_KEY_VALUES, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "post_attention_layernorm": (HIDDEN,),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}


def shapes(layers: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of each weight, in the order of the model."""
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(layers):
        for name, shape in _LAYER.items():
            yield f"model.layers.{layer}.{name}.weight", shape
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)


def write(folder: Path, layers: int) -> None:
    """Write the two files, their index, config.json and a tokenizer without words; the same weights each time."""
    import torch

    generator = torch.Generator().manual_seed(0)
    weights = {name: (torch.randn(shape, generator=generator) * 0.02).half() for name, shape in shapes(layers)}
    names = list(weights)
    weight_map = {}
    for number, half in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), start=1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save({name: weights[name] for name in half}, folder / file)
        weight_map.update(dict.fromkeys(half, file))
    index = {"metadata": {"total_size": sum(weight.nbytes for weight in weights.values())}, "weight_map": weight_map}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "float16",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KEY_VALUE_HEADS,
        "vocab_size": VOCABULARY,
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tokenizer = {"version": "1.0", "model": {"type": "WordLevel", "vocab": {}, "unk_token": ""}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=LAYERS)
    asked = parser.parse_args()
    write(asked.folder, asked.layers)
