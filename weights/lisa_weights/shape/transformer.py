"""The shape of a transformer as data, in memory and in JSON (`weights.lock.json`, the catalogue of `lisa fit`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FULL = "full"
SLIDING = "sliding"
CHUNKED = "chunked"
LATENT = "mla"
PAGED_KINDS = frozenset({FULL, SLIDING, CHUNKED, LATENT})
"""Kinds of layers whose state is a KV cache of pages; all others keep a state of another form."""


@dataclass(frozen=True, slots=True)
class AttentionLayers:
    """Layers of one kind.

    Attributes:
        kind: `full`, `sliding`, `chunked`, `mla`, or another word for layers whose state is not modeled.
        layers: how many.
        window: tokens of the window or chunk; None for the other kinds.
    """

    kind: str
    layers: int
    window: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """How a checkpoint is quantized.

    Attributes:
        method: `quant_method` of config.json: `fp8`, `awq`, `gptq`, `compressed-tensors`, `mxfp4`.
        weight_bits: bits of a weight; None when the configuration does not specify them.
        activation_bits: bits of an activation; 16 when only weights are quantized, None when it is not specified.
        is_float: whether the numbers are floating-point; None when it is not specified.
        block: rows and columns that share a scale; None without blocks.
    """

    method: str
    weight_bits: int | None = None
    activation_bits: int | None = None
    is_float: bool | None = None
    block: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerShape:
    """The shape of a model's text part.

    Attributes:
        architecture: the class that config.json names.
        layers: hidden layers.
        hidden: size of the residual stream.
        heads: attention heads.
        kv_heads: heads of keys and values.
        head_dim: size of a head.
        intermediate: size of the feed-forward layer; None when it is unknown.
        vocab: entries of the vocabulary.
        ties_embeddings: whether the output head is the input embedding; None when it is unknown.
        max_positions: longest sequence in tokens, scaled by the rope factor; None when it is unknown.
        default_positions: longest sequence that vLLM uses without `--max-model-len`; None for `max_positions`.
        attention: the layers by kind.
        kv_lora_rank: size of the latent of multi-head latent attention; None for other attention.
        qk_rope_head_dim: size of its rotary part; None for other attention.
        experts: experts of a layer; None for a dense model.
        experts_per_token: experts that a token uses; None for a dense model, or when it is unknown.
        expert_intermediate: size of an expert's feed-forward layer; None for a dense model.
        dtype: dtype of the checkpoint as PyTorch names it: `bfloat16`.
        quantization: how it is quantized; None when it is not.
        has_encoder: whether a vision or audio encoder belongs to it.
        unmodeled: why its KV cache cannot be computed, a clause; None when it can.
    """

    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int | None
    vocab: int
    ties_embeddings: bool | None
    max_positions: int | None
    default_positions: int | None = None
    attention: tuple[AttentionLayers, ...]
    kv_lora_rank: int | None = None
    qk_rope_head_dim: int | None = None
    experts: int | None = None
    experts_per_token: int | None = None
    expert_intermediate: int | None = None
    dtype: str
    quantization: Quantization | None = None
    has_encoder: bool = False
    unmodeled: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape in JSON, without what it does not have."""
        content = {
            "architecture": self.architecture,
            "layers": self.layers,
            "hidden": self.hidden,
            "heads": self.heads,
            "kvHeads": self.kv_heads,
            "headDim": self.head_dim,
            "intermediate": self.intermediate,
            "vocab": self.vocab,
            "tieEmbeddings": self.ties_embeddings,
            "maxPositions": self.max_positions,
            "defaultPositions": self.default_positions,
            "attention": [_attention_as_json(layers) for layers in self.attention],
            "kvLoraRank": self.kv_lora_rank,
            "qkRopeHeadDim": self.qk_rope_head_dim,
            "experts": self.experts,
            "expertsPerToken": self.experts_per_token,
            "expertIntermediate": self.expert_intermediate,
            "dtype": self.dtype,
            "quantization": None if self.quantization is None else _quantization_as_json(self.quantization),
            "encoder": self.has_encoder or None,
            "unmodeled": self.unmodeled,
        }
        return {name: value for name, value in content.items() if value is not None}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TransformerShape:
        """Read what as_json() writes.

        Raises:
            KeyError: a required key is missing.
            TypeError: a value has the wrong type.
        """
        quantization = value.get("quantization")
        return cls(
            architecture=_text(value["architecture"]),
            layers=_count(value["layers"]),
            hidden=_count(value["hidden"]),
            heads=_count(value["heads"]),
            kv_heads=_count(value["kvHeads"]),
            head_dim=_count(value["headDim"]),
            intermediate=_optional(value.get("intermediate")),
            vocab=_count(value["vocab"]),
            ties_embeddings=_flag(value.get("tieEmbeddings")),
            max_positions=_optional(value.get("maxPositions")),
            default_positions=_optional(value.get("defaultPositions")),
            attention=tuple(_attention(layers) for layers in value["attention"]),
            kv_lora_rank=_optional(value.get("kvLoraRank")),
            qk_rope_head_dim=_optional(value.get("qkRopeHeadDim")),
            experts=_optional(value.get("experts")),
            experts_per_token=_optional(value.get("expertsPerToken")),
            expert_intermediate=_optional(value.get("expertIntermediate")),
            dtype=_text(value["dtype"]),
            quantization=None if quantization is None else _quantization(quantization),
            has_encoder=bool(_flag(value.get("encoder"))),
            unmodeled=None if value.get("unmodeled") is None else _text(value["unmodeled"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointShape:
    """What the files of a model say about its memory.

    Attributes:
        tensor_bytes: bytes of all tensors that a server loads.
        embedding_bytes: those of the input embedding and of the output head.
        largest_file_bytes: bytes of the largest safetensors file.
        transformer: the shape in config.json; None when it is not one that LISA reads.
    """

    tensor_bytes: int
    embedding_bytes: int
    largest_file_bytes: int
    transformer: TransformerShape | None

    def as_json(self) -> dict[str, Any]:
        """The shape as the lock file has it."""
        return {
            **({} if self.transformer is None else self.transformer.as_json()),
            "tensorBytes": self.tensor_bytes,
            "embeddingBytes": self.embedding_bytes,
            "largestFileBytes": self.largest_file_bytes,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CheckpointShape:
        """Read what as_json() writes.

        Raises:
            KeyError: a required key is missing.
            TypeError: a value has the wrong type.
        """
        return cls(
            tensor_bytes=_count(value["tensorBytes"]),
            embedding_bytes=_count(value["embeddingBytes"]),
            largest_file_bytes=_count(value["largestFileBytes"]),
            transformer=TransformerShape.from_json(value) if "architecture" in value else None,
        )


def count_layers(kinds: Iterable[tuple[str, int | None]]) -> tuple[AttentionLayers, ...]:
    """Count layers of each kind and window, in the order in which they first appear."""
    counts: dict[tuple[str, int | None], int] = {}
    for kind in kinds:
        counts[kind] = counts.get(kind, 0) + 1
    return tuple(AttentionLayers(kind, layers, window) for (kind, window), layers in counts.items())


def _attention_as_json(layers: AttentionLayers) -> dict[str, Any]:
    window = {} if layers.window is None else {"window": layers.window}
    return {"kind": layers.kind, "layers": layers.layers, **window}


def _attention(value: Mapping[str, Any]) -> AttentionLayers:
    return AttentionLayers(_text(value["kind"]), _count(value["layers"]), _optional(value.get("window")))


def _quantization_as_json(quantization: Quantization) -> dict[str, Any]:
    content = {
        "method": quantization.method,
        "weightBits": quantization.weight_bits,
        "activationBits": quantization.activation_bits,
        "float": quantization.is_float,
        "block": None if quantization.block is None else list(quantization.block),
    }
    return {name: value for name, value in content.items() if value is not None}


def _quantization(value: Mapping[str, Any]) -> Quantization:
    block = value.get("block")
    return Quantization(
        method=_text(value["method"]),
        weight_bits=_optional(value.get("weightBits")),
        activation_bits=_optional(value.get("activationBits")),
        is_float=_flag(value.get("float")),
        block=None if block is None else (_count(block[0]), _count(block[1])),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{value!r} is not a count")
    return value


def _optional(value: Any) -> int | None:
    return None if value is None else _count(value)


def _flag(value: Any) -> bool | None:
    if value is None:
        return None
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is not a boolean")
    return value
