"""Constants of inference engines by version; data/constants.json names the source of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from lisa_compiler.fit.quantity import Quantity
from lisa_schema.engine_versions import release

if TYPE_CHECKING:
    from lisa_schema.gpus import Gpu


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmConstants:
    """Constants of vLLM from one version on.

    Attributes:
        first: the first version.
        below: the first version that they no longer hold for; None for the newest.
        utilization: default of `--gpu-memory-utilization`.
        sampler_bytes: bytes for each sequence and entry of the vocabulary while the sampler is profiled.
        non_torch: GiB that other libraries than PyTorch take, by `tp1`, `pp` and `tpN`.
        graphs_in_budget: whether CUDA graphs are taken out of the share of memory that vLLM uses.
    """

    first: tuple[int, ...]
    below: tuple[int, ...] | None
    utilization: float
    sampler_bytes: int
    non_torch: dict[str, float]
    graphs_in_budget: bool

    def covers(self, version: tuple[int, ...]) -> bool:
        """Return whether they hold for a version."""
        return self.first <= version and (self.below is None or version < self.below)


@dataclass(frozen=True, slots=True)
class BatchDefaults:
    """Defaults of vLLM for one GPU.

    Attributes:
        max_num_seqs: most sequences at a time.
        max_num_batched_tokens: most tokens of a step.
    """

    max_num_seqs: int
    max_num_batched_tokens: int


def vllm_constants(version: tuple[int, ...] | None) -> tuple[VllmConstants, ...]:
    """Return the constants for a version; all of them, oldest first, when the version is unknown.

    Empty for a version before the first one that was measured.
    """
    rows = _vllm_rows()
    return rows if version is None else tuple(row for row in rows if row.covers(version))


def batch_defaults(gpu: Gpu, version: tuple[int, ...] | None) -> tuple[BatchDefaults, ...]:
    """Return the defaults for a GPU with a known total; several when it is unknown which of them hold."""
    defaults = constants()["defaults"]
    total = gpu.total_gib[0] if gpu.total_gib else 0.0
    if total < defaults["largeGpuGiB"] or gpu.name.startswith("A100"):
        kinds = ["other"]
    elif total < defaults["hugeGpuGiB"] or (version is not None and version <= release(defaults["hugeAfter"])):
        kinds = ["large"]
    elif version is not None and version >= release(defaults["hugeFrom"]):
        kinds = ["huge"]
    else:
        kinds = ["large", "huge"]
    sequences, tokens = defaults["maxNumSeqs"], defaults["maxNumBatchedTokens"]
    return tuple(BatchDefaults(sequences.get(kind, sequences["large"]), tokens[kind]) for kind in kinds)


def default_block_size() -> int:
    """Return the tokens of a block of vLLM's KV cache."""
    return int(constants()["defaults"]["blockSize"])


def non_torch(row: VllmConstants, tensor_parallel: int, pipeline_parallel: int, *, nvlink: bool) -> Quantity:
    """Return GiB that other libraries than PyTorch take on each GPU."""
    ranges = constants()["nonTorchRange"]
    if tensor_parallel > 1:
        low, high = ranges["parallel" if nvlink else "parallelWithoutNvlink"]
        point = row.non_torch["tpN"] if nvlink else (low + high) / 2
        return Quantity(low, point, high)
    low, high = ranges["one"]
    return Quantity(low, row.non_torch["pp" if pipeline_parallel > 1 else "tp1"], high)


def cuda_graphs(sequences: int) -> Quantity:
    """Return GiB of CUDA graphs by the most sequences at a time."""
    table = constants()["graphs"]
    sizes = table["small" if sequences <= table["smallUpTo"] else "large"]
    return Quantity(0.0, sizes["point"], sizes["high"])


def activation_override(architecture: str, row: VllmConstants) -> float | None:
    """Return GiB of activation memory of an architecture that the formula does not describe, as measured."""
    for override in constants()["overrides"]:
        below = release(override["below"])
        if override["architecture"] == architecture and row.below is not None and row.below <= below:
            return float(override["activation"])
    return None


def tgi_share(version: tuple[int, ...] | None) -> Quantity:
    """Return the share of a GPU's memory that text-generation-inference uses."""
    rows = constants()["tgi"]["usable"]
    if version is None:
        shares = [float(row["share"]) for row in rows]
        return Quantity(min(shares), shares[-1], max(shares))
    return Quantity.exactly([float(row["share"]) for row in rows if release(row["from"]) <= version][-1])


@cache
def constants() -> dict[str, Any]:
    """Return the content of data/constants.json."""
    text = (resources.files("lisa_compiler.fit") / "data" / "constants.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


@cache
def _vllm_rows() -> tuple[VllmConstants, ...]:
    return tuple(
        VllmConstants(
            first=release(row["from"]),
            below=None if row["below"] is None else release(row["below"]),
            utilization=row["utilization"],
            sampler_bytes=row["samplerBytesPerEntry"],
            non_torch=row["nonTorch"],
            graphs_in_budget=row["graphsInBudget"],
        )
        for row in constants()["vllm"]
    )
