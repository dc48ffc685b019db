"""Rules that more memory does not satisfy: one passing and one failing case each."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_compiler.fit.judge import judge
from lisa_compiler.fit.rules import RuleKind
from lisa_compiler.fit.verdict import Answer, Verdict
from lisa_weights.shape.transformer import Quantization

from .questions import ask, facts_with, shape_of

AWQ = Quantization(method="awq", weight_bits=4, activation_bits=16)
BLOCK_FP8 = Quantization(method="fp8", weight_bits=8, activation_bits=8, is_float=True, block=(128, 128))
INT8 = Quantization(method="compressed-tensors", weight_bits=8, activation_bits=8, is_float=False)
NVFP4 = Quantization(method="compressed-tensors", weight_bits=4, activation_bits=4, is_float=True)
MXFP4 = Quantization(method="mxfp4", weight_bits=4, activation_bits=16, is_float=True)
UNHEARD = Quantization(method="quark", weight_bits=4, activation_bits=16)


def rejected(answer: Answer, kind: RuleKind, words: str) -> bool:
    assert answer.verdict is Verdict.DOES_NOT_FIT, answer.reason
    assert answer.estimate is False
    return any(breach.kind is kind and words in breach.message for breach in answer.certain_breaches)


@pytest.mark.parametrize(
    ("shape", "parallel", "words"),
    [
        ({"heads": 40}, 3, "40 attention heads"),
        ({"heads": 12, "kv_heads": 8, "intermediate": 14400}, 6, "8 heads of keys and values"),
        ({"heads": 35, "kv_heads": 5, "vocab": 151936, "intermediate": 35}, 5, "entries of the vocabulary"),
        ({"heads": 32, "intermediate": 14338}, 4, "columns of the feed-forward layer"),
        ({"experts": 8, "experts_per_token": 2, "expert_intermediate": 1022}, 4, "columns of an expert"),
    ],
)
def test_numbers_that_the_parallel_size_does_not_divide(shape: dict[str, Any], parallel: int, words: str) -> None:
    facts = facts_with(shape_of(**shape))
    answer = judge(ask("p4d.24xlarge", facts=facts, tensor_parallel=parallel))
    assert rejected(answer, RuleKind.PARALLEL, words)


@pytest.mark.parametrize("parallel", [1, 2, 4, 8])
def test_numbers_that_the_parallel_size_divides(parallel: int) -> None:
    answer = judge(ask("p4d.24xlarge", facts=facts_with(shape_of()), tensor_parallel=parallel))
    assert answer.verdict is Verdict.FITS
    assert answer.certain_breaches == ()


def test_more_gpus_than_heads_of_keys_are_allowed_when_they_divide() -> None:
    facts = facts_with(shape_of(kv_heads=2))
    assert judge(ask("p4d.24xlarge", facts=facts, tensor_parallel=8)).verdict is Verdict.FITS


def test_latent_attention_has_no_heads_of_keys_to_divide() -> None:
    facts = facts_with(shape_of(kv_heads=3, kv_lora_rank=512, qk_rope_head_dim=64))
    assert judge(ask("p4d.24xlarge", facts=facts, tensor_parallel=2)).certain_breaches == ()


def test_experts_are_not_split_with_expert_parallel() -> None:
    facts = facts_with(shape_of(experts=8, experts_per_token=2, expert_intermediate=1022))
    options = {"unmodeled": ("experts",), "sources": {"enable-expert-parallel": "SERVER_ARGS"}}
    answer = judge(ask("p4d.24xlarge", facts=facts, tensor_parallel=4, **options))
    assert answer.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("instance", "options"),
    [
        ("g6.xlarge", {"tensor_parallel": 8}),
        ("g6.12xlarge", {"tensor_parallel": 4, "pipeline_parallel": 2}),
        ("g6.12xlarge", {"pipeline_parallel": 2}),
        ("p5.4xlarge", {"tensor_parallel": 1, "data_parallel": 2}),
    ],
)
def test_more_gpus_than_the_instance_has(instance: str, options: dict[str, Any]) -> None:
    assert rejected(judge(ask(instance, **options)), RuleKind.PARALLEL, "but the instance has")


def test_idle_gpus_are_noted() -> None:
    answer = judge(ask("g6e.12xlarge", tensor_parallel=2))
    assert answer.verdict is Verdict.FITS
    assert [breach.message for breach in answer.breaches] == ["tensor parallel size 2 leaves 2 of 4 L40S GPUs idle"]


@pytest.mark.parametrize(
    ("quantization", "intermediate"), [(AWQ, 14400), (BLOCK_FP8, 14400)], ids=["marlin", "block-wise fp8"]
)
def test_slices_that_kernels_may_not_support_are_unknown(quantization: Quantization, intermediate: int) -> None:
    odd = facts_with(shape_of(quantization=quantization, intermediate=intermediate), 6_000_000_000)
    even = facts_with(shape_of(quantization=quantization), 6_000_000_000)
    assert judge(ask("g6e.12xlarge", facts=odd)).verdict is Verdict.UNKNOWN
    assert judge(ask("g6e.12xlarge", facts=even)).verdict is Verdict.FITS


def test_longer_than_the_positions() -> None:
    facts = facts_with(shape_of(max_positions=4096))
    assert rejected(judge(ask(facts=facts, max_model_len=4097)), RuleKind.CONTEXT, "longer than the model's 4,096")
    assert judge(ask(facts=facts, max_model_len=4096)).verdict is Verdict.FITS
    assert judge(ask(facts=facts, max_model_len=4097, allows_long_context=True)).verdict is Verdict.FITS


@pytest.mark.parametrize("method", ["awq", "gptq", "gptq_marlin"])
def test_quantizations_of_checkpoints_need_a_quantized_checkpoint(method: str) -> None:
    answer = judge(ask("g6e.xlarge", quantization=method))
    assert rejected(answer, RuleKind.CHECKPOINT, "requires a checkpoint that is quantized")
    quantized = facts_with(shape_of(quantization=AWQ))
    assert judge(ask("g6e.xlarge", facts=quantized, quantization="awq_marlin")).certain_breaches == ()


def test_a_data_type_that_vllm_does_not_have() -> None:
    assert rejected(judge(ask("g6e.xlarge", dtype="float17")), RuleKind.DTYPE, "no data type `float17`")


def test_bfloat16_on_an_older_gpu() -> None:
    small = facts_with(shape_of(), 4_000_000_000)
    assert rejected(judge(ask("g4dn.xlarge", facts=small, dtype="bfloat16")), RuleKind.DTYPE, "bfloat16 requires")
    assert judge(ask("g4dn.xlarge", facts=small, dtype="float16", max_model_len=2048)).verdict is Verdict.FITS
    # From 0.9 on `auto` falls back to float16.
    assert judge(ask("g4dn.xlarge", facts=small, max_model_len=2048)).verdict is Verdict.FITS
    before = judge(ask("g4dn.xlarge", facts=small, version=(0, 8, 5)))
    assert rejected(before, RuleKind.CHECKPOINT, "the checkpoint is bfloat16")


@pytest.mark.parametrize("reason", ["unknown model", "hybrid"])
def test_a_certain_rule_beats_what_is_unknown(reason: str) -> None:
    shape = None if reason == "unknown model" else shape_of(unmodeled="its layers keep a state")
    answer = judge(ask("g4dn.xlarge", facts=facts_with(shape), dtype="bfloat16"))
    assert rejected(answer, RuleKind.DTYPE, "bfloat16 requires")


@pytest.mark.parametrize(
    ("quantization", "instance", "version", "fits"),
    [
        (MXFP4, "g4dn.xlarge", (0, 12, 0), False),
        (MXFP4, "g5.xlarge", (0, 12, 0), True),
        (BLOCK_FP8, "g4dn.xlarge", (0, 12, 0), False),
        (BLOCK_FP8, "g4dn.xlarge", (0, 17, 0), True),
        (BLOCK_FP8, "g5.xlarge", (0, 12, 0), True),
        (AWQ, "p3.2xlarge", (0, 12, 0), False),
        (AWQ, "g4dn.xlarge", (0, 12, 0), True),
        (INT8, "p3.2xlarge", (0, 12, 0), False),
        (INT8, "g4dn.xlarge", (0, 12, 0), True),
        (NVFP4, "g4dn.xlarge", (0, 12, 0), False),
        (NVFP4, "g6.xlarge", (0, 12, 0), True),
    ],
)
def test_quantization_of_the_checkpoint(
    quantization: Quantization, instance: str, version: tuple[int, ...], fits: bool
) -> None:
    facts = facts_with(shape_of(quantization=quantization), 5_000_000_000)
    answer = judge(ask(instance, facts=facts, version=version, max_model_len=2048))
    if fits:
        assert answer.breaches == ()
        assert answer.verdict in (Verdict.FITS, Verdict.CLOSE)
    else:
        assert rejected(answer, RuleKind.CHECKPOINT, "the checkpoint's quantization")


@pytest.mark.parametrize(
    ("quantization", "instance"), [(UNHEARD, "g6.xlarge"), (INT8, "p6-b200.48xlarge"), (INT8, "g7e.2xlarge")]
)
def test_quantization_without_a_row_is_unknown(quantization: Quantization, instance: str) -> None:
    facts = facts_with(shape_of(quantization=quantization), 5_000_000_000)
    answer = judge(ask(instance, facts=facts, max_model_len=2048))
    assert answer.verdict is Verdict.UNKNOWN
    assert "whether vLLM runs the checkpoint's quantization" in answer.reason


@pytest.mark.parametrize(
    ("version", "suffix", "verdict"),
    [
        ((0, 19, 0), "", Verdict.FITS),
        ((0, 20, 0), "", Verdict.UNKNOWN),
        ((0, 20, 0), "-cu129", Verdict.FITS),
        (None, "", Verdict.UNKNOWN),
    ],
)
def test_cuda_13_on_v100(version: tuple[int, ...] | None, suffix: str, verdict: Verdict) -> None:
    facts = facts_with(shape_of(), 4_000_000_000)
    answer = judge(ask("p3.2xlarge", facts=facts, version=version, suffix=suffix, max_model_len=1024))
    assert answer.verdict is verdict


def test_sglang_needs_its_gpus_too() -> None:
    found = judge(ask("g6.xlarge", engine="sglang", tensor_parallel=8))
    assert rejected(found, RuleKind.PARALLEL, "needs 8 GPUs")
    assert judge(ask("g6.12xlarge", engine="sglang")).verdict is Verdict.UNKNOWN
    copies = judge(ask("g6.12xlarge", engine="sglang", data_parallel=4))
    assert rejected(copies, RuleKind.PARALLEL, "data parallel size 4 need 16 GPUs")
    assert judge(ask("g6.12xlarge", engine="sglang", data_parallel=4, tensor_parallel=1)).certain_breaches == ()
    shared = judge(ask("g6.12xlarge", engine="sglang", data_parallel=4, shares_data_parallel=True))
    assert shared.certain_breaches == ()
    uneven = judge(ask("g6.12xlarge", engine="sglang", data_parallel=3, shares_data_parallel=True))
    assert rejected(uneven, RuleKind.PARALLEL, "not divisible by data parallel size 3")


def test_one_reason_is_enough() -> None:
    answer = judge(ask("g5.12xlarge", facts=facts_with(shape_of()), tensor_parallel=3))
    assert [breach.message for breach in answer.breaches if breach.kind is RuleKind.PARALLEL] == [
        "32 attention heads are not divisible by tensor parallel size 3"
    ]


def test_more_shards_than_gpus() -> None:
    found = judge(ask("g5.xlarge", engine="tgi", environment={"NUM_SHARD": "4"}))
    assert rejected(found, RuleKind.PARALLEL, "NUM_SHARD is 4")
    assert judge(ask("g5.12xlarge", engine="tgi", environment={"NUM_SHARD": "4"})).certain_breaches == ()
    alone = judge(ask("g5.xlarge", engine="tgi", environment={"SHARDED": "true"}))
    assert rejected(alone, RuleKind.PARALLEL, "to shard the model")
    assert judge(ask("g5.12xlarge", engine="tgi", environment={"SHARDED": "true"})).certain_breaches == ()


@pytest.mark.parametrize(("instance", "words"), [("g4dn.xlarge", "flash attention"), ("p3.2xlarge", "not in")])
def test_tgi_on_older_gpus_is_noted(instance: str, words: str) -> None:
    found = judge(ask(instance, engine="tgi"))
    assert any(words in breach.message for breach in found.breaches)
    assert found.certain_breaches == ()
