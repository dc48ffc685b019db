"""Memory of LoRA adapters: the buffers that vLLM reserves, and what they do to the answer."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import parts
from lisa_compiler.fit.adapters import Adapters, LoadedAdapter, adapter_memory, adapters_of
from lisa_compiler.fit.host import HostPart, host_issues
from lisa_compiler.fit.judge import judge
from lisa_compiler.fit.quantity import GIB
from lisa_compiler.fit.verdict import Verdict
from lisa_schema.instances import instance_type
from lisa_schema.vllm_options import VllmOptions, read_options
from lisa_weights.shape.config_file import read_shape
from lisa_weights.shape.transformer import TransformerShape

from .questions import ask, facts_with, shape_of

TINY = {"layers": 3, "hidden": 128, "heads": 8, "kv_heads": 2, "head_dim": 16, "intermediate": 192, "vocab": 512}
EXPERTS = {"experts": 4, "experts_per_token": 2}

ALLOCATED = {
    # Bytes of the buffers that vLLM 0.32.0 allocated on a CPU for 2 slots of rank 8 in bfloat16.
    "LlamaForCausalLM": (212_992, {}),
    "MistralForCausalLM": (172_032, {}),
    "Qwen2ForCausalLM": (172_032, {}),
    "Qwen3ForCausalLM": (243_712, {"head_dim": 32}),
    "Phi3ForCausalLM": (176_128, {}),
    "GemmaForCausalLM": (202_752, {"head_dim": 32}),
    "Gemma2ForCausalLM": (202_752, {"head_dim": 32}),
    "GraniteForCausalLM": (212_992, {}),
    "MixtralForCausalLM": (502_144, EXPERTS),
    "Qwen3MoeForCausalLM": (385_408, {**EXPERTS, "head_dim": 32, "expert_intermediate": 64}),
}


def memory(shape: TransformerShape, parallel: int = 1, **adapters: Any) -> list[float]:
    """Bytes of the buffers on one GPU by stage, without the margin."""
    options = VllmOptions(pipeline_parallel=adapters.pop("stages", 1))
    asked = Adapters(**{"slots": 2, "rank": 8, **adapters})
    found = adapter_memory(shape, asked, options, tensor_parallel=parallel, tokens=64, version=(0, 32, 0))
    assert all(one.low <= one.point <= one.high for one in found)
    return [one.point * GIB for one in found]


@pytest.mark.parametrize("architecture", ALLOCATED)
def test_buffers_are_those_that_vllm_allocated(architecture: str) -> None:
    size, changes = ALLOCATED[architecture]
    assert memory(shape_of(architecture=architecture, **{**TINY, **changes})) == [size]


def test_vllm_allocates_what_is_computed() -> None:
    """The same sum in the process of vLLM itself, for dense models, merged modules and experts."""
    if not parts.pytorch().is_installed:
        pytest.skip("PyTorch, transformers and vLLM are not installed: `make weights-parts`")
    architectures = ["LlamaForCausalLM", "Phi3ForCausalLM", "MixtralForCausalLM"]
    program = Path(__file__).parent / "vllm_buffers.py"
    done = subprocess.run(
        [parts.PYTORCH / "bin/python", "-P", program, "3", "16", *architectures],
        env=parts.pytorch_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    assert [name for name, *_ in rows] == architectures
    for _, size, config in rows:
        shape = read_shape(config)
        assert shape is not None
        assert memory(shape, slots=3, rank=16) == [size]


def test_buffers_grow_with_slots_and_rank() -> None:
    shape = shape_of()
    assert memory(shape, slots=8) == [4 * size for size in memory(shape)]
    assert memory(shape, rank=64) == [8 * size for size in memory(shape)]


def test_tensor_parallelism_splits_one_factor_and_both_if_fully_sharded() -> None:
    shape = shape_of(architecture="MistralForCausalLM", **TINY)
    # Queries, keys and values; output; gate and up; down: inputs are copied, outputs split, and the reverse.
    one = 3 * 128 + (128 + 32 + 32) // 2 + (128 // 2 + 128) + 2 * 128 + 2 * 192 // 2 + (192 // 2 + 128)
    assert memory(shape, 2) == [3 * one * 8 * 2 * 2]
    both = 3 * 128 // 2 + (128 + 32 + 32) // 2 + (128 + 128) // 2 + 2 * 128 // 2 + 2 * 192 // 2 + (192 // 2 + 128 // 2)
    assert memory(shape, 2, is_fully_sharded=True) == [3 * both * 8 * 2 * 2]


def test_heads_of_keys_are_not_split_further_than_to_one() -> None:
    shape = shape_of(architecture="MistralForCausalLM", **{**TINY, "kv_heads": 1})
    assert memory(shape, 2)[0] > memory(shape, 1)[0] / 2


def test_stages_of_a_pipeline_have_their_layers_and_ends() -> None:
    shape = shape_of(**{**TINY, "layers": 4})
    first, last = memory(shape, stages=2)
    assert first == last
    assert [first + last] == memory(shape)


def test_experts_have_buffers_of_their_own_from_a_release_on() -> None:
    dense = shape_of(architecture="Qwen3MoeForCausalLM", **TINY, **EXPERTS, expert_intermediate=64)
    asked = Adapters(slots=2, rank=8)
    options = VllmOptions()
    new = adapter_memory(dense, asked, options, tensor_parallel=1, tokens=64, version=(0, 32, 0))[0]
    old = adapter_memory(dense, asked, options, tensor_parallel=1, tokens=64, version=(0, 11, 0))[0]
    assert new.low > 0.8 * new.point
    assert old.low < 0.7 * old.point


def test_entrypoint_and_arguments_decide_slots_and_rank() -> None:
    none = VllmOptions()
    assert adapters_of(none) is None
    assert adapters_of(none, [LoadedAdapter(rank=40, size=10), LoadedAdapter(rank=8, size=5)]) == Adapters(
        slots=2, rank=64, memory_bytes=15
    )
    many = adapters_of(none, [LoadedAdapter(rank=8, size=1)] * 9)
    assert many is not None
    assert (many.slots, many.rank) == (8, 16)
    words = "--enable-lora --max-loras=3 --max-lora-rank 128 --fully-sharded-loras --lora-target-modules o_proj"
    assert adapters_of(read_options({"SERVER_ARGS": words})) == Adapters(
        slots=3, rank=128, is_fully_sharded=True, is_restricted=True, memory_bytes=0
    )
    assert adapters_of(read_options({"SERVER_ARGS": "--enable-lora --no-enable-lora"})) is None
    fewer = adapters_of(read_options({"SERVER_ARGS": "--max-loras 1"}), [LoadedAdapter(rank=8, size=1)] * 3)
    assert fewer is not None
    assert fewer.slots == 1


def test_adapters_take_memory_from_the_kv_cache() -> None:
    question = ask("g6.xlarge", version=(0, 32, 0), max_num_seqs=64, max_model_len=4096)
    plain, served = judge(question), judge(replace(question, adapters=Adapters(slots=4, rank=64)))
    assert plain.verdict is Verdict.FITS
    assert plain.budget is not None
    assert served.budget is not None
    assert served.budget.adapters is not None
    assert plain.budget.kv.point - served.budget.kv.point == pytest.approx(served.budget.adapters.point)
    assert served.budget.adapters.point == pytest.approx(1.376, abs=0.001)
    full = judge(replace(question, adapters=Adapters(slots=8, rank=512)))
    assert full.verdict is Verdict.DOES_NOT_FIT


@pytest.mark.parametrize(
    ("adapters", "changes", "reason"),
    [
        (Adapters(slots=1, rank=None), {}, "the rank of an adapter is unknown: stage it"),
        (
            Adapters(slots=1, rank=8),
            {"architecture": "BloomForCausalLM"},
            "the memory of adapters of BloomForCausalLM is not modeled",
        ),
    ],
)
def test_adapters_that_are_not_known_are_unknown(adapters: Adapters, changes: dict[str, Any], reason: str) -> None:
    answer = judge(replace(ask("g6e.xlarge", facts=facts_with(shape_of(**changes))), adapters=adapters))
    assert (answer.verdict, answer.reason, answer.kv_tokens) == (Verdict.UNKNOWN, reason, None)


def test_adapters_are_in_the_memory_of_the_host_as_well() -> None:
    host = instance_type("g6.xlarge")
    assert host is not None
    question = replace(ask("g6.xlarge"), adapters=Adapters(slots=1, rank=16, memory_bytes=20 * GIB))
    assert HostPart.MEMORY in {issue.part for issue in host_issues(host, question, shared_mib=0)}
    assert HostPart.MEMORY not in {issue.part for issue in host_issues(host, ask("g6.xlarge"), shared_mib=0)}
