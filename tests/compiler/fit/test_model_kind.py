"""Whether a model does what its server and `modelType` are for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lisa_compiler.fit.facts import ModelFacts, Source, catalogue
from lisa_compiler.fit.judge import judge
from lisa_compiler.fit.model_kind import ModelKind, kind_fault, kind_of
from lisa_compiler.fit.verdict import Verdict

from .questions import ask, facts_with, shape_of

BGE = "BAAI/bge-large-en-v1.5"


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        ("LlamaForCausalLM", ModelKind.GENERATES),
        ("GPT2LMHeadModel", ModelKind.GENERATES),
        ("Qwen2_5_VLForConditionalGeneration", ModelKind.GENERATES),
        ("BertModel", ModelKind.ENCODES),
        ("XLMRobertaForMaskedLM", ModelKind.ENCODES),
        ("T5EncoderModel", ModelKind.ENCODES),
        ("MistralModel", ModelKind.ENCODES),
        ("XLMRobertaForSequenceClassification", ModelKind.CLASSIFIES),
        ("Qwen3ForSequenceClassification", ModelKind.CLASSIFIES),
        ("SomethingElse", ModelKind.UNKNOWN),
    ],
)
def test_the_kind_follows_from_the_class(architecture: str, kind: ModelKind) -> None:
    assert kind_of(architecture) is kind


def test_every_row_of_the_catalogue_has_its_kind() -> None:
    kinds = {name: kind_of(facts.shape.architecture) for name, facts in catalogue().items() if facts.shape}
    assert {name for name, kind in kinds.items() if kind is ModelKind.UNKNOWN} == set()
    assert kinds[BGE] is ModelKind.ENCODES
    assert kinds["meta-llama/Llama-3.1-8B-Instruct"] is ModelKind.GENERATES


@pytest.mark.parametrize(
    ("engine", "is_pooling", "architecture", "is_fault"),
    [
        ("vllm", False, "BertModel", True),
        ("tgi", False, "BertModel", True),
        ("sglang", False, "XLMRobertaForSequenceClassification", True),
        ("vllm", False, "LlamaForCausalLM", False),
        ("tei", True, "BertModel", False),
        ("tei", True, "Qwen2ForCausalLM", False),
        ("tei", True, "LlamaForCausalLM", True),
        ("tei", True, "XLMRobertaForSequenceClassification", True),
        ("instructor", True, "MistralForCausalLM", True),
        ("instructor", True, "T5EncoderModel", False),
        ("vllm", True, "LlamaForCausalLM", True),
        ("sglang", True, "LlamaForCausalLM", False),
        ("vllm", True, "Unheard", False),
    ],
)
def test_a_model_goes_with_its_server(engine: str, is_pooling: bool, architecture: str, is_fault: bool) -> None:
    facts = facts_with(shape_of(architecture=architecture), source=Source.LOCK)
    question = replace(ask(engine=engine, facts=facts), is_pooling=is_pooling)
    assert (kind_fault(question) is not None) is is_fault


def test_facts_of_the_deployed_files_make_it_certain() -> None:
    encoder = shape_of(architecture="BertModel")
    for source, is_certain in ((Source.LOCK, True), (Source.CATALOGUE, False)):
        fault = kind_fault(ask(facts=facts_with(encoder, source=source)))
        assert fault is not None
        assert fault.is_certain is is_certain


def test_options_that_make_vllm_serve_embeddings() -> None:
    question = replace(ask(facts=facts_with(shape_of())), is_pooling=True)
    options = replace(question.options, sources={"runner": "serverArgs"})
    assert kind_fault(question) is not None
    assert kind_fault(replace(question, options=options)) is None


@pytest.mark.parametrize(
    ("name", "is_pooling", "words"),
    [
        ("BAAI/bge-reranker-large", True, "ranks texts"),
        ("cross-encoder/ms-marco-MiniLM-L-6-v2", True, "ranks texts"),
        ("acme/embed-large", False, "computes embeddings"),
        ("sentence-transformers/x", False, "computes embeddings"),
        ("acme/embed-large", True, None),
        ("acme/chat-7b", False, None),
        ("acme/gte-free-model", False, "computes embeddings"),
        ("acme/bigembedder", False, None),
    ],
)
def test_a_name_is_a_doubt(name: str, is_pooling: bool, words: str | None) -> None:
    fault = kind_fault(replace(ask(facts=ModelFacts(name=name)), is_pooling=is_pooling))
    assert (fault is not None) is (words is not None)
    if fault is not None:
        assert words in fault.message  # type: ignore[operator]
        assert "unknown until its weights are staged" in fault.message
        assert not fault.is_certain


def test_an_encoder_has_no_kv_cache_under_vllm() -> None:
    answer = judge(ask("g4dn.xlarge", facts=catalogue()[BGE], max_model_len=None))
    assert answer.verdict is Verdict.UNKNOWN
    assert (answer.kv_tokens, answer.longest, answer.concurrency) == (None, None, None)
    assert "no KV cache" in answer.reason
    assert judge(ask("g4dn.xlarge", engine="tei", facts=catalogue()[BGE])).verdict is Verdict.FITS


def test_an_instance_without_a_gpu() -> None:
    question = ask("m5.large")
    assert judge(question).verdict is Verdict.UNKNOWN
    answer = judge(replace(question, requires_gpu=True))
    assert answer.verdict is Verdict.DOES_NOT_FIT
    assert "vLLM requires" in answer.reason
