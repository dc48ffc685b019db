"""Build checkpoints with what they answer, and answer from directories; run as a program in .venv/weights.

`build DIRECTORY NAME…` saves each checkpoint and prints what transformers answers from its `.bin` files; `vllm` and
`transformers` print what that loader answers from each directory. The last line is an object by name: an answer, or a
text that says why there is none.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf

from weights.loader_rows import PROMPT
from weights.pytorch.architectures import ARCHITECTURES, HIDDEN, VOCABULARY
from weights.pytorch.checkpoints import TOKENS, make, save_tokenizer

DIMENSIONS = 48
FILES = {"llama-untied": 3, "mixtral": 2, "bloom": 2, "t5": 2, "xlm-roberta": 3}
"""Checkpoints in several files with an index; the others have one."""
DTYPES = {"llama-tied": torch.float16, "qwen2": torch.bfloat16, "gpt-neox": torch.float16, "bart": torch.float16}


def _bert() -> Any:
    return hf.BertModel(
        hf.BertConfig(
            vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4
        )
    )


def _architecture(name: str) -> Callable[[Path], list[float]]:
    def build(directory: Path) -> list[float]:
        files, dtype = FILES.get(name, 1), DTYPES.get(name, torch.float32)
        made = make(ARCHITECTURES[name], directory, files=files, dtype=dtype, published=True).float()
        save_tokenizer(directory)
        found = _answer(made, directory)
        if len({round(number, 2) for number in found[-TOKENS:]}) < TOKENS // 2:
            raise ValueError(f"{name} answers {found}, which a model with other weights could answer, too")
        if not torch.allclose(torch.tensor(_with_transformers(directory, use_safetensors=False)), torch.tensor(found)):
            raise ValueError(f"transformers reads another model from the checkpoint of {name} than was saved")
        return found

    return build


def _sentence_model(directory: Path, *, dense: str) -> list[float]:
    """A BERT with pooling and a Dense layer, as LaBSE and sentence-t5 were published: without safetensors."""
    model = make(_bert, directory)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", dense: "Dense"}
    listed = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    pooling = {"word_embedding_dimension": HIDDEN, "pooling_mode_mean_tokens": True}
    activation = "torch.nn.modules.activation.Tanh"
    shape = {"in_features": HIDDEN, "out_features": DIMENSIONS, "bias": True, "activation_function": activation}
    layer = torch.nn.Linear(HIDDEN, DIMENSIONS)
    for path, content in (("1_Pooling", pooling), (dense, shape)):
        (directory / path).mkdir(parents=True)
        (directory / path / "config.json").write_text(json.dumps(content))
    (directory / "modules.json").write_text(json.dumps(listed))
    save_tokenizer(directory)  # vLLM embeds nothing without one
    torch.save(
        {f"linear.{name}": value for name, value in layer.state_dict().items()}, directory / dense / "pytorch_model.bin"
    )
    with torch.no_grad():
        pooled = model(_prompt(directory)).last_hidden_state.mean(dim=1)
        found: list[float] = torch.tanh(layer(pooled))[0].tolist()
    return found


BUILDERS: dict[str, Callable[[Path], list[float]]] = {
    **{name: _architecture(name) for name in ARCHITECTURES},
    "sentence-dense": lambda directory: _sentence_model(directory, dense="2_Dense"),
    "sentence-nested-dense": lambda directory: _sentence_model(directory, dense="heads/projection"),
}


def _prompt(directory: Path) -> torch.Tensor:
    return torch.tensor([hf.AutoTokenizer.from_pretrained(directory)(PROMPT, add_special_tokens=False).input_ids])


def _answer(model: Any, directory: Path) -> list[float]:
    """Greedy tokens and then their log probabilities; the first logits of an encoder."""
    prompt = _prompt(directory)
    with torch.no_grad():
        if not model.can_generate():
            return list(model(prompt).logits[0, 0, :DIMENSIONS].tolist())
        model.generation_config.eos_token_id = None
        options = {"do_sample": False, "num_beams": 1, "output_logits": True, "return_dict_in_generate": True}
        found = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=TOKENS, **options)
    tokens = found.sequences[0, -TOKENS:].tolist()
    scores = torch.log_softmax(torch.cat(found.logits), dim=-1)
    return [*tokens, *(scores[step, token].item() for step, token in enumerate(tokens))]


def _with_transformers(directory: Path, *, use_safetensors: bool = True) -> list[float]:
    """What the class that config.json names answers to the prompt as its tokenizer reads it."""
    model_class = getattr(hf, hf.AutoConfig.from_pretrained(directory).architectures[0])
    model = model_class.from_pretrained(directory, dtype=torch.float32, use_safetensors=use_safetensors)
    return _answer(model.eval(), directory)


def _with_vllm(directory: Path) -> list[float]:
    from vllm import LLM, SamplingParams
    from vllm.distributed import cleanup_dist_env_and_memory

    embeds = (directory / "modules.json").exists()
    runner = {"runner": "pooling"} if embeds else {}
    server = LLM(str(directory), dtype="float32", enforce_eager=True, max_model_len=64, seed=0, **runner)
    try:
        if embeds:
            return list(server.embed([PROMPT], use_tqdm=False)[0].outputs.embedding)
        parameters = SamplingParams(temperature=0, max_tokens=TOKENS, ignore_eos=True, logprobs=0)
        found = server.generate([PROMPT], parameters, use_tqdm=False)[0].outputs[0]
        scores = [step[token].logprob for token, step in zip(found.token_ids, found.logprobs, strict=True)]
        return [*found.token_ids, *scores]
    finally:
        del server
        cleanup_dist_env_and_memory()


def _main(action: str, root: Path, names: list[str]) -> None:
    ask: dict[str, Callable[[str], list[float]]] = {
        "build": lambda name: BUILDERS[name](root / name),
        "transformers": lambda name: _with_transformers(root / name),
        "vllm": lambda name: _with_vllm(root / name),
    }
    found: dict[str, list[float] | str] = {}
    for name in names:
        try:
            found[name] = ask[action](name)
        except Exception:
            found[name] = traceback.format_exc()
            if action == "vllm":  # its state in this process is undefined from now on
                found |= {other: f"not asked after the error of {name}" for other in names if other not in found}
                break
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
