"""Names of tensors that a training wrapper changed: servers look up the model's own names and find none of them.

Loaders other than a server's often only warn, and answer with random weights.

Source: torch/nn/parallel/distributed.py, torch/_dynamo/eval_frame.py, torch/distributed/fsdp, peft's save_pretrained.
"""

from __future__ import annotations

from collections.abc import Collection

_FIRST = {
    "module": "DistributedDataParallel or DeepSpeed",
    "base_model.model": "PEFT",
    "_forward_module": "Accelerate or Lightning",
}
"""Beginning of every name, with the wrapper that adds it."""

_ANYWHERE = {
    "_orig_mod": "torch.compile",
    "_fsdp_wrapped_module": "FSDP",
    "_checkpoint_wrapped_module": "activation checkpointing",
}
"""Part of a name, with the wrapper that adds it."""


def wrapper_of(names: Collection[str]) -> str | None:
    """Describe the wrapper whose prefix the names have, a clause without a full stop; None when there is none."""
    for part, wrapper in _FIRST.items():
        if names and all(name.startswith(f"{part}.") for name in names):
            return _clause(part, wrapper)
    for part, wrapper in _ANYWHERE.items():
        if any(f".{part}." in f".{name}" for name in names):
            return _clause(part, wrapper)
    return None


def _clause(part: str, wrapper: str) -> str:
    merge = "merge the adapter into its base model and save that" if wrapper == "PEFT" else "save the unwrapped model"
    return f"the names of its tensors contain `{part}.`, a prefix of {wrapper}, which servers do not recognize: {merge}"
