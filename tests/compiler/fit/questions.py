"""Questions for tests: small changes of one that fits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lisa_compiler.fit.facts import ModelFacts, Source, TensorBytes, catalogue, embedding_bytes
from lisa_compiler.fit.question import Accelerators, Question
from lisa_schema.instances import instance_type
from lisa_schema.parallel_sizes import read_shards
from lisa_schema.vllm_options import VllmOptions
from lisa_weights.shape.transformer import AttentionLayers, TransformerShape

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


def shape_of(**changes: Any) -> TransformerShape:
    """A dense model of 8 B parameters with grouped heads."""
    shape = TransformerShape(
        architecture="LlamaForCausalLM",
        layers=32,
        hidden=4096,
        heads=32,
        kv_heads=8,
        head_dim=128,
        intermediate=14336,
        vocab=128256,
        ties_embeddings=False,
        max_positions=131072,
        attention=(AttentionLayers("full", 32),),
        dtype="bfloat16",
    )
    return replace(shape, **changes)


def facts_with(shape: TransformerShape | None, size: int = 16_060_522_496, source: Source = Source.LOCK) -> ModelFacts:
    """Facts about a model of a shape and size."""
    embeddings = None if shape is None else embedding_bytes(shape)
    return ModelFacts(
        name="org/model",
        tensors=TensorBytes(low=size, high=size, embeddings=embeddings, detail="safetensors headers"),
        tensors_from=source,
        shape=shape,
        shape_from=Source.UNKNOWN if shape is None else source,
    )


def ask(
    instance: str = "g6e.xlarge",
    *,
    facts: ModelFacts | None = None,
    version: tuple[int, ...] | None = (0, 12, 0),
    engine: str = "vllm",
    environment: dict[str, str] | None = None,
    concurrency: int = 1,
    suffix: str = "",
    **options: Any,
) -> Question:
    """Ask about Llama 3.1 8B, or a model of other facts, with 8,192 tokens."""
    host = instance_type(instance)
    assert host is not None
    return Question(
        facts=facts or catalogue()[LLAMA],
        engine=engine,
        version=version,
        accelerators=Accelerators.of(host),
        image_suffix=suffix,
        options=VllmOptions(**{"max_model_len": 8192, **options}),
        environment=environment or {},
        shards=read_shards(environment or {}),
        concurrency=concurrency,
    )
