"""Build checkpoints with what they answer, and answer from directories with vLLM; run as a program in .venv/weights.

`build DIRECTORY NAME…` and `answer DIRECTORY NAME…` print an object of answers by name on the last line: greedy tokens
of a decoder, the embedding of a sentence-transformers model.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers as hf
from vllm import LLM, SamplingParams
from vllm.distributed import cleanup_dist_env_and_memory

from weights.pytorch.checkpoints import DECODERS, PROMPT, TOKENS, VOCABULARY, answer, make

DIMENSIONS = 48
_HIDDEN = 128


def _bert() -> Any:
    return hf.BertModel(
        hf.BertConfig(
            vocab_size=VOCABULARY, hidden_size=_HIDDEN, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4
        )
    )


def _tokenizer() -> Any:
    words = {"[UNK]": 0, "[PAD]": 1, **{f"w{number}": number for number in range(2, VOCABULARY)}}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    return hf.PreTrainedTokenizerFast(tokenizer_object=model, unk_token="[UNK]", pad_token="[PAD]")


def _decoder(name: str) -> Callable[[Path], list[Any]]:
    def build(directory: Path) -> list[Any]:
        return list(answer(make(DECODERS[name], directory))[0, len(PROMPT) :].tolist())

    return build


def _sentence_model(directory: Path, *, dense: str) -> list[float]:
    """A BERT with pooling and a Dense layer, as LaBSE and sentence-t5 were published: without safetensors."""
    model = make(_bert, directory)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", dense: "Dense"}
    listed = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    pooling = {"word_embedding_dimension": _HIDDEN, "pooling_mode_mean_tokens": True}
    activation = "torch.nn.modules.activation.Tanh"
    shape = {"in_features": _HIDDEN, "out_features": DIMENSIONS, "bias": True, "activation_function": activation}
    layer = torch.nn.Linear(_HIDDEN, DIMENSIONS)
    for path, content in (("1_Pooling", pooling), (dense, shape)):
        (directory / path).mkdir(parents=True)
        (directory / path / "config.json").write_text(json.dumps(content))
    (directory / "modules.json").write_text(json.dumps(listed))
    _tokenizer().save_pretrained(directory)  # vLLM embeds nothing without one
    torch.save(
        {f"linear.{name}": value for name, value in layer.state_dict().items()}, directory / dense / "pytorch_model.bin"
    )
    with torch.no_grad():
        pooled = model(torch.tensor([PROMPT])).last_hidden_state.mean(dim=1)
        found: list[float] = torch.tanh(layer(pooled))[0].tolist()
    return found


BUILDERS: dict[str, Callable[[Path], list[Any]]] = {
    **{name: _decoder(name) for name in DECODERS},
    "sentence-dense": lambda directory: _sentence_model(directory, dense="2_Dense"),
    "sentence-nested-dense": lambda directory: _sentence_model(directory, dense="heads/projection"),
}


def _serve(directory: Path, *, embeds: bool) -> list[Any]:
    runner = {"runner": "pooling"} if embeds else {}
    server = LLM(
        str(directory),
        dtype="float32",
        enforce_eager=True,
        skip_tokenizer_init=not embeds,
        max_model_len=64,
        seed=0,
        **runner,
    )
    prompt = [{"prompt_token_ids": list(PROMPT)}]
    try:
        if embeds:
            return list(server.embed(prompt, use_tqdm=False)[0].outputs.embedding)
        parameters = SamplingParams(temperature=0, max_tokens=TOKENS, detokenize=False, ignore_eos=True)
        return list(server.generate(prompt, parameters, use_tqdm=False)[0].outputs[0].token_ids)
    finally:
        del server
        cleanup_dist_env_and_memory()


def _main(action: str, root: Path, names: list[str]) -> None:
    found = {
        name: BUILDERS[name](root / name)
        if action == "build"
        else _serve(root / name, embeds=(root / name / "modules.json").exists())
        for name in names
    }
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
