"""Prove that a model loads before it is locked: by transformers where it is installed, else by the model's own files.

transformers, PyTorch and accelerate are the optional extra `load-proof`. They run in a child process with a time limit,
without a network, and without the code that a model brings along.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from lisa_weights import disk
from lisa_weights.errors import WeightsError
from lisa_weights.lock.proofs import Proof, ProofKind
from lisa_weights.model_directory import ModelDirectory
from lisa_weights.proof.contradictions import contradictions
from lisa_weights.safetensors.layout import read_file

LIBRARIES = ("transformers", "torch", "accelerate")
"""What a load proof is made with."""

SECONDS = 600
"""A proof takes at most this long; most of a usual one is the import of PyTorch."""

TOKENS = 8
"""Tokens that are generated from the checkpoint and from its safetensors."""

TEXT = (
    "Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, "
    "and dedicated to the proposition that all men are created equal."
)
"""What a decoder must predict better than a model with random weights: a text in the training data of most models."""

_LARGEST_LOSS = 0.6
"""Part of the loss of a uniform guess that a trained model stays below; measured in decision 0050."""

_CHILD = Path(__file__).with_name("child.py")
_LOAD_MEMORY = 8 << 30
_GENERATE_OVERHEAD = 2 << 30
_GENERATE_MEMORY = 4 << 30
_SHOWN = 5
_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "F16": "float16", "BF16": "bfloat16",
    "I32": "int32", "U32": "uint32", "F32": "float32", "F64": "float64", "I64": "int64", "U64": "uint64",
    "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip


def prove(directory: ModelDirectory, *, generate: bool = False) -> tuple[Proof, ...]:
    """Prove that a complete model loads; of an adapter, that its tensors are complete: its base model loads it.

    Args:
        directory: the model, complete.
        generate: also compare what its checkpoint and its safetensors answer.

    Returns:
        The proofs, those that could not be made included.

    Raises:
        WeightsError: a tensor is missing and not tied, or has the wrong shape; or the answers differ. The text has the
            names of the tensors.
    """
    if directory.completeness.adapter is not None:
        return (_headers(directory),)
    proofs = [_headers(directory), _load(directory)]
    if generate:
        proofs.append(_generate(directory))
    return tuple(proofs)


def _headers(directory: ModelDirectory) -> Proof:
    count = sum(directory.completeness.dtypes.values())
    if wrong := contradictions(directory):
        raise WeightsError(f"{directory.path.name} cannot be served: {'; '.join(wrong)}.")
    if problems := _dense_problems(directory):
        raise WeightsError(f"{directory.path.name} cannot be served: {'; '.join(problems)}. Download the model again.")
    by_index = ", each in the file that the index names" if directory.completeness.closure.weight_map else ""
    return Proof(ProofKind.HEADERS, True, f"{count} tensors, complete by their headers{by_index}")


def _load(directory: ModelDirectory) -> Proof:
    absent = next((name for name in LIBRARIES if importlib.util.find_spec(name) is None), None)
    if absent is not None:
        return Proof(ProofKind.LOAD, False, f"{absent} is not installed")
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    for path in directory.completeness.closure.root_weights:
        for tensor in read_file(directory.path / path).tensors:
            dtype = _DTYPES.get(tensor.dtype.value)
            if dtype is None:
                return Proof(ProofKind.LOAD, False, f"the dtype {tensor.dtype.value} is not supported by the proof")
            tensors[tensor.name] = (dtype, tensor.shape)
    answer = _ask({"kind": "load", "directory": str(directory.path), "tensors": tensors, "memory": _LOAD_MEMORY})
    if reason := _not_made(answer):
        return Proof(ProofKind.LOAD, False, reason)
    name = answer["class"]
    missing = [key for key in answer["missing"] if not _is_unused_head(key, name)]
    wrong = [_wrong_shape(*entry) for entry in answer["mismatched"]]
    if missing or wrong:
        raise WeightsError(
            f"{name} cannot be loaded from {directory.path.name}: "
            + "; ".join([*([f"it lacks {_listed(missing)}"] if missing else []), *([_listed(wrong)] if wrong else [])])
            + ". Download or save the model again; if config.json belongs to another model, replace it."
        )
    unused = len(answer["missing"])
    found = [f"{name}: {answer['loaded']} tensors loaded", f"{len(answer['tied'])} tied"]
    found += [f"{unused} of an unused head absent"] if unused else []
    found.append(_unexpected(answer["unexpected"]))
    return Proof(ProofKind.LOAD, True, ", ".join(found), answer["versions"])


def _generate(directory: ModelDirectory) -> Proof:
    def not_made(reason: str) -> Proof:
        return Proof(ProofKind.GENERATE, False, reason)

    absent = next((name for name in LIBRARIES if importlib.util.find_spec(name) is None), None)
    if absent is not None:
        return not_made(f"{absent} is not installed")
    if not any(path.startswith("pytorch_model") for path in directory.checkpoint):
        return not_made("there is no PyTorch checkpoint to compare with")
    needed = directory.total_bytes * 2 + _GENERATE_OVERHEAD
    available = disk.available_memory()
    if available is not None and needed > available:
        return not_made(f"it needs {needed >> 30} GiB of memory, and {available >> 30} are available")
    request = {"kind": "generate", "directory": str(directory.path), "tokens": TOKENS, "text": TEXT}
    answer = _ask(request | {"memory": max(needed, _GENERATE_MEMORY)})
    if reason := _not_made(answer):
        return not_made(reason)
    before, after = answer["tokens"]["before"], answer["tokens"]["after"]
    if before != after:
        raise WeightsError(
            f"{directory.path.name} differs from its checkpoint, which answers with the tokens {before}; the"
            f" safetensors answer with {after}. Remove the safetensors and convert it again."
        )
    return _judged(answer)


def _judged(answer: Mapping[str, Any]) -> Proof:
    """The proof of equal answers, which is not made where they are those of a model with random weights."""
    found = f"{TOKENS} greedy tokens equal before and after conversion"
    is_trained = True
    if "loss" in answer:
        loss, uniform = float(answer["loss"]), float(answer["uniform"])
        is_trained = loss < _LARGEST_LOSS * uniform
        found += f", {loss:.1f} nats a token on an English text, where a uniform guess has {uniform:.1f}"
    if not is_trained:
        found += ": a model with random weights answers so"
    return Proof(ProofKind.GENERATE, is_trained, found, answer["versions"])


def _ask(request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_CHILD)],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"failure": f"it took longer than {SECONDS} seconds"}
    except OSError as error:
        return {"failure": f"Python cannot be started ({error.strerror})"}
    except (IndexError, ValueError):
        return {"failure": f"transformers ended with exit code {done.returncode}"}
    return found


def _not_made(answer: Mapping[str, Any]) -> str | None:
    if "unsupported" in answer:
        return str(answer["unsupported"])
    return f"transformers failed: {answer['failure']}"[:300] if "failure" in answer else None


def _is_unused_head(name: str, architecture: str) -> bool:
    """Whether a name is of the pooler of a base model, which embedding models are often saved without."""
    return architecture.endswith("Model") and name.startswith("pooler.")


def _wrong_shape(name: str, found: Collection[int] | None, expected: Collection[int] | None) -> str:
    if found is None or expected is None:
        return f"the tensors of {name} have different shapes"
    return f"{name} has the shape {list(found)} instead of {list(expected)}"


def _unexpected(names: list[str]) -> str:
    return f"{len(names)} unexpected ({_listed(names)})" if names else "0 unexpected"


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


def _dense_problems(directory: ModelDirectory) -> list[str]:
    """Compare each Dense module's weights with its configuration, as vLLM and sentence-transformers build it."""
    problems = []
    for path in directory.completeness.closure.weights:
        config = directory.path / path.rpartition("/")[0] / "config.json"
        if "/" not in path or not config.is_file():
            continue
        try:
            content = json.loads(config.read_bytes())
            features = (content["out_features"], content["in_features"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        shapes = {tensor.name: tensor.shape for tensor in read_file(directory.path / path).tensors}
        weight = next((shapes[name] for name in ("linear.weight", "weight", "dense.weight") if name in shapes), None)
        if weight is None:
            problems.append(f"{path} lacks linear.weight")
        elif weight != features:
            problems.append(f"{path} has a weight of the shape {list(weight)} instead of {list(features)}")
    return problems
