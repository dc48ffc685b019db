"""Facts have a source, and what is not known is not guessed."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest

from lisa_compiler.fit.facts import Source, catalogue, facts_of
from lisa_compiler.fit.judge import judge
from lisa_compiler.fit.verdict import Verdict
from lisa_weights.lock.lock_file import LockedFile, LockedModel, SourceKind
from lisa_weights.shape.transformer import AttentionLayers, CheckpointShape

from .questions import LLAMA, ask, facts_with, shape_of

DIGEST = "a" * 64


def _content(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((resources.files("lisa_compiler.fit") / "data" / name).read_text("utf-8"))
    return found


def locked(shape: CheckpointShape | None, size: int = 16_100_000_000) -> LockedModel:
    return LockedModel(
        kind=SourceKind.LOCAL,
        revision=None,
        files=(LockedFile("config.json", 1000, DIGEST), LockedFile("model.safetensors", size, DIGEST)),
        parameters=8_030_000_000,
        dtypes={"BF16": 291},
        shape=shape,
    )


def checkpoint(size: int) -> CheckpointShape:
    return CheckpointShape(
        tensor_bytes=size, embedding_bytes=2_101_346_304, largest_file_bytes=size, transformer=shape_of()
    )


def test_every_row_names_its_source() -> None:
    models = _content("models.json")
    rows = {**models["models"], **models["embeddings"]}
    assert len(rows) == 95
    for name, row in rows.items():
        assert len(row["source"]) > 20, name
        assert row["bytesFrom"], name
    table = _content("constants.json")
    for section in ("defaults", "nonTorchRange", "outsideBudget", "graphs", "tgi", "tei"):
        assert len(table[section]["source"]) > 20, section
    for row in (*table["vllm"], *table["overrides"]):
        assert len(row["source"]) > 20


def test_local_files_win_over_the_lock_and_the_lock_over_the_catalogue() -> None:
    sizes = {"local": 3_000_000_000, "lock": 4_000_000_000}
    facts = facts_of(LLAMA, locked(checkpoint(sizes["lock"])), checkpoint(sizes["local"]))
    assert (facts.tensors_from, facts.tensors and facts.tensors.high) == (Source.LOCAL, sizes["local"])
    facts = facts_of(LLAMA, locked(checkpoint(sizes["lock"])))
    assert (facts.tensors_from, facts.tensors and facts.tensors.high) == (Source.LOCK, sizes["lock"])
    assert facts.is_own
    facts = facts_of(LLAMA)
    assert (facts.tensors_from, facts.shape_from) == (Source.CATALOGUE, Source.CATALOGUE)
    assert not facts.is_own


@pytest.mark.parametrize("name", ["org/Llama-3.1-8B-Instruct", "meta-llama/llama-3.1-8b-instruct", "my/model-7b"])
def test_a_catalogue_match_is_by_the_exact_name(name: str) -> None:
    assert facts_of(name).tensors is None
    answer = judge(ask(facts=facts_of(name)))
    assert answer.verdict is Verdict.UNKNOWN
    assert f"the size of {name} is unknown" in answer.reason


def test_an_older_lock_is_a_lower_limit_only() -> None:
    facts = facts_of("my/model", locked(None, 30_000_000_000))
    assert facts.tensors is not None
    assert facts.tensors.low < 30_000_000_000 * 0.98
    assert facts.tensors.high is None
    assert judge(ask("g5.xlarge", facts=facts)).verdict is Verdict.DOES_NOT_FIT
    assert judge(ask("p5.4xlarge", facts=facts)).verdict is Verdict.UNKNOWN
    # With the shape of the catalogue, tokens are told only if its size is one that the files can have.
    for size in (15_000_000_000, 20_000_000_000):
        known = judge(ask("p5.4xlarge", facts=facts_of(LLAMA, locked(None, size))))
        assert known.verdict is Verdict.UNKNOWN
        assert known.kv_tokens is None
    facts = facts_of(LLAMA, locked(None, 16_100_000_000))
    assert facts.tensors_from is Source.CATALOGUE
    assert judge(ask("p5.4xlarge", facts=facts)).verdict is Verdict.FITS


def test_a_lower_limit_of_the_catalogue_rejects_but_never_accepts() -> None:
    facts = catalogue()["deepseek-ai/DeepSeek-V3"]
    assert judge(ask("p5.48xlarge", facts=facts, version=(0, 19, 0))).verdict is Verdict.DOES_NOT_FIT
    assert judge(ask("p5en.48xlarge", facts=facts, version=(0, 19, 0))).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("host", ["g6f.xlarge", "gr6f.4xlarge", "g7.2xlarge", "g5g.xlarge"])
def test_a_gpu_without_a_known_total_is_unknown(host: str) -> None:
    answer = judge(ask(host))
    assert answer.verdict is Verdict.UNKNOWN
    assert "the memory that CUDA reports" in answer.reason


def test_an_instance_without_gpu_is_unknown() -> None:
    assert judge(ask("m5.4xlarge")).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "shape",
    [
        {"unmodeled": "its layers keep a state"},
        {"attention": (AttentionLayers("linear", 24), AttentionLayers("full", 8))},
        {"attention": (AttentionLayers("full", 16), AttentionLayers("sliding", 16, 128))},
    ],
    ids=["state", "linear attention", "two kinds in a pipeline"],
)
def test_a_kv_cache_that_is_not_modeled_is_unknown(shape: dict[str, Any]) -> None:
    facts = facts_with(shape_of(**shape))
    answer = judge(ask("p4d.24xlarge", facts=facts, tensor_parallel=2, pipeline_parallel=4))
    assert answer.verdict is Verdict.UNKNOWN
    assert answer.kv_tokens is None
    assert "its layers" in answer.reason


def test_a_hybrid_model_that_is_too_large_does_not_fit() -> None:
    facts = facts_with(shape_of(unmodeled="its layers keep a state"), 60_000_000_000)
    assert judge(ask("g6e.xlarge", facts=facts)).verdict is Verdict.DOES_NOT_FIT


@pytest.mark.parametrize("version", [(0, 6, 0), (0, 8, 5)])
def test_an_engine_before_the_measured_ones_is_unknown(version: tuple[int, ...]) -> None:
    assert judge(ask(version=version)).verdict is Verdict.UNKNOWN


def test_options_that_are_not_modeled_are_unknown_even_when_the_weights_exceed() -> None:
    answer = judge(ask("g4dn.xlarge", unmodeled=("`--cpu-offload-gb`: a part stays in the host's memory",)))
    assert answer.verdict is Verdict.UNKNOWN
    assert "--cpu-offload-gb" in answer.reason


def test_engines_without_a_model_of_their_memory_are_unknown() -> None:
    for engine in ("instructor", "sglang"):
        assert judge(ask(engine=engine)).verdict is Verdict.UNKNOWN


def test_tgi_is_certain_only_far_from_the_limits() -> None:
    assert judge(ask("g4dn.xlarge", engine="tgi", version=(3, 3, 4))).verdict is Verdict.DOES_NOT_FIT
    assert judge(ask("g6e.xlarge", engine="tgi", version=(3, 3, 4))).verdict is Verdict.FITS
    close = {"MAX_TOTAL_TOKENS": "16000"}
    assert judge(ask("g5.xlarge", engine="tgi", version=(3, 3, 4), environment=close)).verdict is Verdict.UNKNOWN
    quantized = {"QUANTIZE": "eetq"}
    assert judge(ask("g6e.xlarge", engine="tgi", environment=quantized)).verdict is Verdict.UNKNOWN


def test_tei_is_certain_only_far_from_the_limits() -> None:
    small = catalogue()["intfloat/e5-large-v2"]
    assert judge(ask("g5.xlarge", engine="tei", facts=small)).verdict is Verdict.FITS
    batch = {"MAX_BATCH_TOKENS": "400000"}
    assert judge(ask("g5.xlarge", engine="tei", facts=small, environment=batch)).verdict is Verdict.UNKNOWN
    large = facts_with(shape_of(), 60_000_000_000)
    assert judge(ask("g5.xlarge", engine="tei", facts=large)).verdict is Verdict.DOES_NOT_FIT


def test_a_model_for_embeddings_under_vllm_is_judged_by_its_weights_alone() -> None:
    asked = replace(ask(), is_pooling=True)
    answer = judge(asked)
    assert answer.verdict is Verdict.UNKNOWN
    assert "embeddings" in answer.reason
    large = replace(ask("g5.xlarge", facts=facts_with(shape_of(), 60_000_000_000)), is_pooling=True)
    assert judge(large).verdict is Verdict.DOES_NOT_FIT
