"""Load a model with transformers; runs as a file in a separate process, which imports nothing else of LISA.

The request is JSON on standard input, the answer JSON on the last line of standard output. The process has no network,
does not run code of the model, and has limited memory.

`load`: the architecture of config.json is built on the meta device, and the loader is passed meta tensors of the names,
dtypes and shapes in the headers. No weights are read. `generate`: the model is loaded from its safetensors or from its
checkpoint, and answers.
"""

from __future__ import annotations

import importlib
import json
import logging
import math
import os
import re
import resource
import sys
from contextlib import suppress
from typing import Any

_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto")
_CONVERSION = re.compile(r"^(\S+)\s*\|.*\bCONVERSION\b", re.MULTILINE)
_ABOUT_SHAPES = re.compile(r"equal size|size mismatch|must match|invalid for input of size", re.IGNORECASE)
_PROMPT = (3, 5, 7, 11)
_SHORTEST_TEXT = 12


def _refuse_network(event: str, _arguments: Any) -> None:
    if event in _NETWORK:
        raise PermissionError(f"{event} is not allowed while a model is proved")


def _limit_memory(limit: int) -> None:
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


class UnsupportedModelError(NotImplementedError):
    """A proof that cannot be made of this model: it is unknown whether it loads, and that is what the record says.

    PyTorch and transformers raise NotImplementedError for what they do not support, which is recorded in the same way.
    """


class _Report(logging.Handler):
    """Collects what transformers logs about a model."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


def _architecture(directory: str) -> tuple[Any, Any, str]:
    transformers = importlib.import_module("transformers")

    config = transformers.AutoConfig.from_pretrained(directory, trust_remote_code=False, local_files_only=True)
    names = getattr(config, "architectures", None) or []
    name = names[0] if names else ""
    if getattr(config, "quantization_config", None) is not None:
        raise UnsupportedModelError("quantized weights need the library and often the GPU of their method")
    model_class = getattr(transformers, name, None) if name.isidentifier() else None
    if not name:
        raise UnsupportedModelError("config.json names no architecture")
    if not isinstance(model_class, type) or not issubclass(model_class, transformers.PreTrainedModel):
        raise UnsupportedModelError(f"transformers {transformers.__version__} has no model class {name!r}")
    return config, model_class, name


def _load(request: dict[str, Any]) -> dict[str, Any]:
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")

    config, model_class, name = _architecture(request["directory"])
    report = _Report()
    transformers.utils.logging.get_logger().addHandler(report)
    tensors = {
        key: torch.empty(shape, dtype=getattr(torch, dtype), device="meta")
        for key, (dtype, shape) in request["tensors"].items()
    }
    try:
        model, found = model_class.from_pretrained(
            None,
            config=config,
            state_dict=dict(tensors),
            device_map="meta",
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except RuntimeError:
        merged = sorted(set(_CONVERSION.findall(report.text)))
        if merged and _ABOUT_SHAPES.search(report.text):
            return {"class": name, "missing": [], "mismatched": [[key, None, None] for key in merged]}
        raise
    by_tensor: dict[int, list[str]] = {}
    for key, parameter in model.named_parameters(remove_duplicate=False):
        by_tensor.setdefault(id(parameter), []).append(key)
    return {
        "class": name,
        "missing": sorted(found["missing_keys"]),
        "mismatched": sorted([key, list(got), list(expected)] for key, got, expected in found["mismatched_keys"]),
        "unexpected": sorted(found["unexpected_keys"]),
        "tied": sorted(key for keys in by_tensor.values() for key in sorted(keys)[1:]),
        "loaded": len(tensors) - len(found["unexpected_keys"]),
    }


def _generate(request: dict[str, Any]) -> dict[str, Any]:
    before = _answer(_model(request, use_safetensors=False), request["tokens"])
    model = _model(request, use_safetensors=True)
    return {"tokens": {"before": before, "after": _answer(model, request["tokens"])}, **_prediction(request, model)}


def _model(request: dict[str, Any], *, use_safetensors: bool) -> Any:
    config, model_class, name = _architecture(request["directory"])
    if not model_class.can_generate():
        raise UnsupportedModelError(f"{name} does not generate")
    return model_class.from_pretrained(
        request["directory"],
        config=config,
        dtype="auto",
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=use_safetensors,
    ).eval()


def _answer(model: Any, count: int) -> list[int]:
    torch = importlib.import_module("torch")

    prompt = torch.tensor([_PROMPT])
    model.generation_config.eos_token_id = None
    with torch.no_grad():
        found = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            num_beams=1,
            max_new_tokens=count,
            min_new_tokens=count,
        )
    tokens: list[int] = found[0, -count:].tolist()
    return tokens


def _prediction(request: dict[str, Any], model: Any) -> dict[str, float]:
    """How well a decoder predicts a text, in nats a token, and how well a uniform guess does; empty without a text."""
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")

    if model.config.is_encoder_decoder:
        return {}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            request["directory"], trust_remote_code=False, local_files_only=True
        )
        tokens = tokenizer(request["text"], return_tensors="pt").input_ids
    except Exception:  # a tokenizer of any library, which fails in its own way
        return {}
    if tokens.shape[-1] < _SHORTEST_TEXT:
        return {}
    with torch.no_grad():
        logits = model(tokens).logits[0, :-1].float()
    loss = torch.nn.functional.cross_entropy(logits, tokens[0, 1:]).item()
    return {"loss": loss, "uniform": math.log(logits.shape[-1])}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Make a proof in this process.

    Args:
        request: the `kind`, `load` or `generate`; the `directory`; `tensors` or `tokens` and `text`.

    Returns:
        What was found, and the `versions` of the libraries.

    Raises:
        NotImplementedError: the libraries do not support the model.
    """
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")

    versions = {"torch": torch.__version__.partition("+")[0], "transformers": transformers.__version__}
    return {"load": _load, "generate": _generate}[request["kind"]](request) | {"versions": versions}


def reply(request: dict[str, Any]) -> dict[str, Any]:
    """Make a proof in this process, or say why there is none: a `failure`, or what is `unsupported`."""
    try:
        return answer(request)
    except Exception as error:
        lines = str(error).strip().splitlines()
        if isinstance(error, NotImplementedError):
            return {"unsupported": lines[0] if lines else type(error).__name__}
        return {"failure": f"{type(error).__name__}: {lines[0] if lines else 'no message'}"}


def _main() -> None:
    request = json.load(sys.stdin)
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    sys.addaudithook(_refuse_network)
    for library in ("torch", "transformers"):
        with suppress(Exception):  # which the proof then ends with
            importlib.import_module(library)
    _limit_memory(request["memory"])
    sys.stdout.write("\n" + json.dumps(reply(request)) + "\n")


if __name__ == "__main__":
    _main()
