"""What the servers of hosted models call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.plan.provenance import bare

if TYPE_CHECKING:
    from lisa_schema.models import EcsModel

CHECK_NAMES = frozenset({"vllm", "sglang"})
"""Engines that may reject a request with a model that they do not serve; the others do not read `model`.

Sources: vLLM's OpenAIServing._check_model; SGLang's issue 31404, which does not check yet; the OpenAPI documents of
text-generation-inference and text-embeddings-inference; lisa_instructor.app."""


def served_name(model: EcsModel) -> str:
    """The public name that the server of a model is started with, beside `modelName` or in its place.

    Args:
        model: the entry of ecsModels.

    Returns:
        The name; empty where the server needs none, because it does not read names, or `modelName` is the public one.
    """
    checks = bare(model.inference_container) in CHECK_NAMES
    return model.identifier if checks and bare(model.identifier) != bare(model.model_name) else ""
