"""Memory: what raises it, what lowers it, and how a model is split."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_compiler.fit.judge import judge
from lisa_compiler.fit.kv_cache import cache_layout
from lisa_compiler.fit.memory import stages
from lisa_compiler.fit.quantity import GIB
from lisa_compiler.fit.question import Question
from lisa_compiler.fit.verdict import Answer, Budget, Verdict
from lisa_schema.vllm_options import VllmOptions
from lisa_weights.shape.transformer import AttentionLayers, Quantization

from .questions import ask, facts_with, shape_of

HOSTS = ("g5.xlarge", "g6e.xlarge", "p4de.24xlarge", "p5.48xlarge")
VERSIONS = ((0, 9, 2), (0, 17, 0), (0, 19, 0), (0, 26, 0), (0, 33, 0), None)


def budget_of(question: Question) -> Budget:
    budget = judge(question).budget
    assert budget is not None
    return budget


def tokens_of(answer: Answer) -> tuple[float, float, float]:
    assert answer.kv_tokens is not None
    return answer.kv_tokens.low, answer.kv_tokens.point, answer.kv_tokens.high


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("host", HOSTS)
def test_kv_cache_falls_with_sequences_and_weights_and_rises_with_utilization(
    host: str, version: tuple[int, ...] | None
) -> None:
    def kv(size: int = 8_000_000_000, **options: Any) -> tuple[float, float, float]:
        found = budget_of(ask(host, facts=facts_with(shape_of(), size), version=version, **options)).kv
        return found.low, found.point, found.high

    few, many = kv(max_num_seqs=64), kv(max_num_seqs=1024)
    assert all(one > other for one, other in zip(few, many, strict=True))
    light, heavy = kv(8_000_000_000), kv(9_000_000_000)
    assert all(one > other for one, other in zip(light, heavy, strict=True))
    low, high = kv(gpu_memory_utilization=0.8), kv(gpu_memory_utilization=0.95)
    assert all(one < other for one, other in zip(low, high, strict=True))


@pytest.mark.parametrize("version", VERSIONS)
def test_tokens_double_with_an_fp8_cache(version: tuple[int, ...] | None) -> None:
    wide = tokens_of(judge(ask(version=version)))
    narrow = tokens_of(judge(ask(version=version, kv_cache_dtype="fp8")))
    assert narrow == pytest.approx([2 * tokens for tokens in wide], rel=0.001)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("host", [*HOSTS, "g4dn.xlarge", "g6.12xlarge"])
def test_a_longer_context_never_turns_does_not_fit_into_fits(host: str, version: tuple[int, ...] | None) -> None:
    order = {Verdict.FITS: 0, Verdict.CLOSE: 1, Verdict.DOES_NOT_FIT: 2}
    lengths = (1, 16, 1000, 4096, 20_000, 65_536, 100_000, 131_072)
    found = [order[judge(ask(host, version=version, max_model_len=length)).verdict] for length in lengths]
    assert found == sorted(found)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("host", HOSTS)
def test_more_sequences_at_a_time_are_never_easier(host: str, version: tuple[int, ...] | None) -> None:
    order = {Verdict.FITS: 0, Verdict.CLOSE: 1, Verdict.DOES_NOT_FIT: 2}
    found = [order[judge(ask(host, version=version, concurrency=count)).verdict] for count in (1, 2, 8, 64, 4096)]
    assert found == sorted(found)


def test_low_is_below_the_point_and_high_above() -> None:
    for host in HOSTS:
        for version in VERSIONS:
            answer = judge(ask(host, version=version))
            assert answer.budget is not None
            for one in (answer.budget.kv, answer.budget.weights, answer.budget.activation, answer.budget.other):
                assert one.low <= one.point <= one.high


def test_an_unknown_version_is_as_wide_as_all_versions_together() -> None:
    unknown = budget_of(ask(version=None)).kv
    known = [budget_of(ask(version=version)).kv for version in VERSIONS if version is not None]
    assert unknown.low == min(kv.low for kv in known)
    assert unknown.high == max(kv.high for kv in known)


@pytest.mark.parametrize(
    ("layers", "pipeline", "expected"),
    [(32, 1, (32,)), (32, 4, (8, 8, 8, 8)), (27, 4, (7, 7, 7, 6)), (30, 4, (7, 8, 8, 7)), (61, 2, (31, 30))],
)
def test_stages(layers: int, pipeline: int, expected: tuple[int, ...]) -> None:
    assert sum(stages(layers, pipeline)) == layers
    assert stages(layers, pipeline) == expected


def test_float32_doubles_a_checkpoint_of_16_bits() -> None:
    plain, wide = budget_of(ask()), budget_of(ask(dtype="float32"))
    assert wide.weights.point == pytest.approx(2 * plain.weights.point)
    assert tokens_of(judge(ask("p5.4xlarge", dtype="float32")))[1] < tokens_of(judge(ask("p5.4xlarge")))[1] / 2


def test_a_float32_checkpoint_is_halved_by_default() -> None:
    facts = facts_with(shape_of(dtype="float32"), 32_000_000_000)
    assert budget_of(ask(facts=facts)).weights.point == pytest.approx(16_000_000_000 / GIB)


def test_runtime_fp8_leaves_embeddings_alone() -> None:
    # Measured: 8.49 GiB.
    assert budget_of(ask(quantization="fp8")).weights.point == pytest.approx(8.49, rel=0.01)


def test_a_quantized_checkpoint_is_as_large_as_it_is_stored() -> None:
    shape = shape_of(quantization=Quantization(method="awq", weight_bits=4, activation_bits=16))
    budget = budget_of(ask(facts=facts_with(shape, 5_700_000_000), quantization="awq"))
    assert budget.weights.point == pytest.approx(5_700_000_000 / GIB)


def test_bitsandbytes_has_no_upper_limit() -> None:
    answer = judge(ask(quantization="bitsandbytes"))
    assert answer.verdict is Verdict.UNKNOWN
    assert "bitsandbytes" in answer.reason


def test_projections_of_keys_are_replicated_on_more_gpus_than_heads() -> None:
    one, two = (facts_with(shape_of(kv_heads=heads)) for heads in (8, 2))
    shared = budget_of(ask("p4d.24xlarge", facts=one)).weights.point
    replicated = budget_of(ask("p4d.24xlarge", facts=two)).weights.point
    assert replicated - shared == pytest.approx(32 * 2 * 4096 * 128 * 2 * (1 - 2 / 8) / GIB)


def test_cuda_graphs_count_from_0_20_on() -> None:
    assert budget_of(ask(version=(0, 19, 0))).graphs is None
    assert budget_of(ask(version=(0, 20, 0))).graphs is not None
    assert budget_of(ask(version=(0, 20, 0), enforce_eager=True)).graphs is None


def test_memory_outside_the_budget_alone_is_too_close_to_tell() -> None:
    answer = judge(ask("p5.48xlarge", tensor_parallel=2, gpu_memory_utilization=0.95, version=(0, 19, 0)))
    assert answer.verdict is Verdict.CLOSE
    assert "CUDA context" in answer.reason


def test_groups_of_layers_of_several_kinds() -> None:
    # Gemma 3 27B: vLLM printed 15,997 blocks and 4.46 sequences of 8,192 tokens.
    shape = shape_of(
        kv_heads=16, attention=(AttentionLayers("full", 10), AttentionLayers("sliding", 52, 1024)), layers=62
    )
    layout = cache_layout(shape, VllmOptions(), 1, 8192, 16)
    assert layout is not None
    assert (layout.group, layout.groups) == (10, 7)
    assert layout.blocks_of_sequence(8192) == 3590
    assert 15_997 / layout.blocks_of_sequence(8192) == pytest.approx(4.46, abs=0.005)


def test_latent_attention_is_not_divided_by_the_parallel_size() -> None:
    shape = shape_of(kv_lora_rank=512, qk_rope_head_dim=64, attention=(AttentionLayers("mla", 32),))
    layouts = [cache_layout(shape, VllmOptions(), parallel, 8192, 16) for parallel in (1, 8)]
    assert all(layout is not None and layout.token_bytes == (512 + 64) * 2 for layout in layouts)
    narrow = cache_layout(shape, VllmOptions(kv_cache_dtype="fp8_ds_mla"), 1, 8192, 16)
    assert narrow is not None
    assert narrow.token_bytes == 656


def test_a_context_that_vllm_chooses_fits_when_any_does() -> None:
    answer = judge(ask("g6.xlarge", max_model_len=None, fits_context=True))
    assert answer.verdict is Verdict.FITS
    assert answer.context is None
    assert answer.longest is not None
    assert 10_000 < answer.longest.low < 131_072


def test_a_fixed_kv_cache_is_never_said_to_fit() -> None:
    answer = judge(ask(kv_cache_memory_bytes=8 * GIB))
    assert answer.budget is not None
    assert answer.budget.kv.point == 8
    assert answer.verdict is Verdict.CLOSE
