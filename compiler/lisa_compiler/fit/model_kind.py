"""Whether a model generates text, encodes it or classifies it, and whether its server and `modelType` go with that.

The kind follows from the class that config.json names, as the servers decide themselves: vLLM by its registry of
architectures, text-generation-inference and text-embeddings-inference by `model_type`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lisa_compiler.fit.wording import facts_from

if TYPE_CHECKING:
    from lisa_compiler.fit.question import Question

_GENERATES: Final = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
_CLASSIFIES: Final = ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
_ENCODERS: Final = re.compile(
    r"(Bert|Roberta|XLMRoberta|XLMRobertaXL|DistilBert|MPNet|Electra|Camembert|Deberta|DebertaV2|ModernBert|NomicBert|"
    r"NomicBertMoe|JinaBert|Jina|New|Gte|GteNew|Snowflake|Ernie|Albert|MiniLM|T5Encoder|EuroBert)(Model|ForMaskedLM)"
    r"|T5EncoderModel"
)
_EMBEDS: Final = re.compile(r"(Mistral|Llama|Qwen2|Qwen3|Gemma\d?(Text)?|MiniCPM)Model")
_OF_TEI: Final = re.compile(r"(Mistral|Qwen2|Qwen3|Gemma3(Text)?)(ForCausalLM|Model)")
"""Decoders that text-embeddings-inference serves as embedding models."""

_RERANKER: Final = re.compile(r"rerank|cross-encoder", re.IGNORECASE)
_EMBEDDING: Final = re.compile(
    r"(^|[/_-])(embed(ding)?s?|bge|e5|gte|minilm|mpnet|nomic-embed-text|instructor|arctic-embed)([._-]|$)|^sentence-transformers/",
    re.IGNORECASE,
)
_CONVERTS: Final = ("runner", "convert", "task")


class ModelKind(StrEnum):
    """What a model does."""

    GENERATES = "generates text"
    ENCODES = "computes embeddings"
    CLASSIFIES = "classifies or ranks texts"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KindFault:
    """Why a model does not go with its server and type.

    Attributes:
        message: a sentence without a full stop.
        fix: what to do about it, a sentence.
        is_certain: whether the very files that are deployed say so, and the server certainly fails.
    """

    message: str
    fix: str
    is_certain: bool


def kind_of(architecture: str) -> ModelKind:
    """Return the kind of a model by the class that config.json names."""
    if architecture.endswith(_CLASSIFIES):
        return ModelKind.CLASSIFIES
    if _ENCODERS.fullmatch(architecture) or _EMBEDS.fullmatch(architecture):
        return ModelKind.ENCODES
    return ModelKind.GENERATES if architecture.endswith(_GENERATES) else ModelKind.UNKNOWN


def is_encoder(architecture: str) -> bool:
    """Return whether a model attends to the whole text at once, so that it has no KV cache."""
    return _ENCODERS.fullmatch(architecture) is not None


def kind_fault(question: Question) -> KindFault | None:
    """Return why a model does not go with its server and `modelType`; None when it does, or may."""
    shape, facts = question.facts.shape, question.facts
    if shape is None:
        return _by_name(question)
    kind = kind_of(shape.architecture)
    wrong = f"{facts.name} {kind.value} ({facts_from(facts)}: {shape.architecture})"
    is_certain = facts.shape_from.is_own
    if question.is_pooling:
        if kind is ModelKind.CLASSIFIES:
            message = f"{wrong}, but modelType is embedding: the server has no embeddings of it"
            return KindFault(message, _NOT_SERVED, is_certain)
        return _as_embedding(question, shape.architecture, wrong) if kind is ModelKind.GENERATES else None
    if kind not in (ModelKind.ENCODES, ModelKind.CLASSIFIES):
        return None
    fails = "does not start" if question.engine == "tgi" else "refuses every chat and completion"
    fix = "Set `modelType: embedding`, with tei, vllm or sglang." if kind is ModelKind.ENCODES else _NOT_SERVED
    return KindFault(f"{wrong}, but modelType is textgen: the server {fails}", fix, is_certain)


def _as_embedding(question: Question, architecture: str, wrong: str) -> KindFault | None:
    """What is wrong with a model that generates text and is to compute embeddings."""
    other = "Choose an embedding model, or set `modelType: textgen` with vllm."
    if question.engine == "tei" and not _OF_TEI.fullmatch(architecture):
        message = f"{wrong}, which text-embeddings-inference does not serve: it does not start"
        return KindFault(message, other, question.facts.shape_from.is_own)
    if question.engine == "instructor":
        message = f"{wrong}, and was not trained for embeddings, for which modelType is set"
        return KindFault(message, other, is_certain=False)
    if question.engine == "vllm" and not any(option in question.options.sources for option in _CONVERTS):
        message = f"{wrong}; vLLM has embeddings of it only if its files have Sentence Transformers' configuration"
        fix = "Add `--runner` and `pooling` to serverArgs, or choose an embedding model."
        return KindFault(message, fix, is_certain=False)
    return None


_NOT_SERVED: Final = "Choose an embedding model: LISA has no route for ranking and classification."


def _by_name(question: Question) -> KindFault | None:
    """A doubt about a model of which only the name is known."""
    name = question.facts.name
    unknown = "; what it is is unknown until its weights are staged"
    if _RERANKER.search(name):
        return KindFault(f"by its name, {name} ranks texts{unknown}", _NOT_SERVED, is_certain=False)
    if not question.is_pooling and _EMBEDDING.search(name):
        fix = "Set `modelType: embedding`, with tei, vllm or sglang, if it computes embeddings."
        return KindFault(
            f"by its name, {name} computes embeddings, but modelType is textgen{unknown}", fix, is_certain=False
        )
    return None
