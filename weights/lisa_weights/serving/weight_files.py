"""Which files beside a model's configuration are its weights, and which others could be.

transformers reads model.safetensors, then the files of model.safetensors.index.json, then pytorch_model.bin; vLLM reads
consolidated*.safetensors, then the files of the index, then every *.safetensors, then every *.bin. Where they disagree,
or another file has the size of weights, nothing is chosen silently.

Source: transformers' _get_resolved_checkpoint_files, vLLM's DefaultModelLoader._prepare_weights.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

from lisa_weights.safetensors.file_names import SINGLE

_SUFFIX = re.compile(r".+\.(safetensors|bin|pt|pth|ckpt)")
_NUMBERED = re.compile(r".+-\d{5}-of-\d{5}\.\w+")
_SHARD = re.compile(r"model-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")
_CHECKPOINT = re.compile(r"(pytorch_)?model(-\d{5}-of-\d{5})?\.(bin|pt|pth)")
_CHECKPOINT_INDEX = re.compile(r".+\.(bin|pt|pth)\.index\.json")
_TRAINING = re.compile(
    r"(training_args|optimizer|scheduler|scaler|rng_state.*|random_states.*|.*_states|.*optim_states.*|sampler.*|pytorch_model_fsdp)"
    r"\.(bin|pt|pth)"
)
_NAMED: Mapping[re.Pattern[str], str] = {
    _TRAINING: "state of training",
    re.compile(
        r"(pytorch_)?model.*[.-](fp16|fp32|bf16|float16|float32|bfloat16|int8|fp8)\b.*"
    ): "a variant of the weights",
    re.compile(r"consolidated.*"): "the weights in the names of Mistral or Meta",
    re.compile(r"adapter_model\..*|pytorch_lora_weights\..*"): "an adapter",
    re.compile(r"openvino_.*\.bin"): "OpenVINO's format",
    re.compile(r"open_clip_.*"): "OpenCLIP's format",
    re.compile(r"ggml.*\.bin"): "GGML's format",
    re.compile(r"(sparse|colbert)_linear\.pt"): "a head that vLLM reads only for the architecture BgeM3EmbeddingModel",
}
_AVERAGED = re.compile(r"(.*[._-])?(ema|swa)([._-].*)?\.\w+")


def is_weights(name: str) -> bool:
    """Whether a file's name has a suffix of tensors, in safetensors or PyTorch's format."""
    return _SUFFIX.fullmatch(name) is not None


def is_of_training(name: str) -> bool:
    """Whether a file holds the state of an optimizer, a scheduler or the like, by its name."""
    return _TRAINING.fullmatch(name) is not None


def is_checkpoint(name: str) -> bool:
    """Whether a file has the usual name of a PyTorch checkpoint, or of one of its parts."""
    return _CHECKPOINT.fullmatch(name) is not None


def is_checkpoint_index(name: str) -> bool:
    """Whether a file is the index of a PyTorch checkpoint, by its name."""
    return _CHECKPOINT_INDEX.fullmatch(name) is not None


def kind_of(name: str) -> str | None:
    """What a file of tensors is if it is not the weights, by its name; None where its name does not say it."""
    return next((kind for pattern, kind in _NAMED.items() if pattern.fullmatch(name)), None)


def are_one_set(names: Collection[str]) -> bool:
    """Whether safetensors are `model.safetensors`, or all shards of one model by their numbers, and nothing else."""
    if set(names) == {SINGLE}:
        return True
    matches = [_SHARD.fullmatch(name) for name in names]
    counts = {match["count"] for match in matches if match}
    return bool(names) and all(matches) and counts == {f"{len(names):05}"}


def is_numbered(name: str) -> bool:
    """Whether a file has the name of one shard of several."""
    return _NUMBERED.fullmatch(name) is not None


def could_be_weights(sizes: Mapping[str, int], taken: Collection[str], *, beside: Iterable[str]) -> tuple[str, ...]:
    """Files that a person could mean instead of the weights that were taken, sorted.

    A file counts if its name is that of averaged weights (`ema`, `swa`), or if it has a quarter of the bytes of the
    weights, as half-precision weights of a quantized model have; never by the names of training, adapters and variants.

    Args:
        sizes: bytes of each file.
        taken: the weights.
        beside: names of the files to judge.
    """
    total = sum(sizes.get(name, 0) for name in taken)
    return tuple(
        sorted(
            name
            for name in beside
            if name not in taken
            and is_weights(name)
            and (_AVERAGED.fullmatch(name) or (kind_of(name) is None and 4 * sizes[name] >= total))
        )
    )


def ambiguity(taken: Collection[str], others: Iterable[str]) -> str:
    """Describe weights beside others, a sentence without a full stop."""
    names = sorted(taken)
    shown = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    listed = ", ".join(list(others)[:5])
    return (
        f"which files are the weights is ambiguous: {shown}, which servers load, or {listed}; move those that are not"
        " to be served out of the directory, or remove them"
    )


def is_hidden(path: str) -> bool:
    """Whether a file or one of its folders is hidden."""
    return any(part.startswith(".") for part in PurePosixPath(path).parts)
