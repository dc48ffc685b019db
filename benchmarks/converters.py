"""Ways to make safetensors of a checkpoint: `python -m benchmarks.converters WAY FOLDER TARGET`.

LISA's own, with and without verification, which writes into the folder; and what people write: load with transformers
and save again, as LISA did before; load each file with PyTorch, copied or mapped, and save it with the safetensors
library.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path


def transformers(folder: Path, target: Path) -> None:
    """Load the model and save it."""
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(folder, dtype="auto").save_pretrained(target)


def torch(folder: Path, target: Path, *, mmap: bool = False) -> None:
    """Load each file's tensors and save them."""
    from safetensors.torch import save_file
    from torch import load

    for path in sorted(folder.glob("*.bin")):
        state = load(path, map_location="cpu", weights_only=True, mmap=mmap)
        save_file(state, target / f"{path.stem}.safetensors")


def torch_mmap(folder: Path, target: Path) -> None:
    """Map each file into memory and save its tensors: the fastest way with PyTorch."""
    torch(folder, target, mmap=True)


def plain(folder: Path, _target: Path) -> None:
    """LISA's, as `lisa weights convert --no-verify` calls it."""
    from lisa_weights.convert import convert

    convert(folder, verify=False)


def verified(folder: Path, _target: Path) -> None:
    """LISA's, as `lisa weights convert` calls it."""
    from lisa_weights.convert import convert

    convert(folder)


def sha256(folder: Path, _target: Path) -> None:
    """What the digests of a verified conversion take by themselves: as many bytes, read and hashed, nothing written."""
    for path in sorted(folder.glob("*.bin")):
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")


PEERS = {"transformers": transformers, "torch": torch, "torch-mmap": torch_mmap}
OURS = {"plain": plain, "verified": verified}
WAYS = {**OURS, "sha256": sha256, **PEERS}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
