"""all-MiniLM-L6-v2, a sentence embedding model of six layers, computed with numpy.

The architecture is BERT's (Devlin et al., 2018); the embedding is the mean of the last layer over the tokens, with
length one, as the model's own card says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_LONGEST = 256
_BATCH = 16
_MASKED = np.float32(-1e9)


class MiniLm:
    """The model in a folder with config.json, model.safetensors and tokenizer.json."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._heads: int = config["num_attention_heads"]
        self._layers: int = config["num_hidden_layers"]
        self._epsilon: float = config["layer_norm_eps"]
        self._weights: dict[str, Floats] = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.no_padding()

    def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], int]:
        """The embedding of each text, 384 numbers, and the number of tokens in all."""
        tokens = [encoded.ids for encoded in self._tokenizer.encode_batch(list(texts))]
        # Texts of like length together, so that little is computed for padding.
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        vectors: list[list[float]] = [[] for _ in tokens]
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            for index, vector in zip(chosen, self._embed([tokens[index] for index in chosen]), strict=True):
                vectors[index] = vector.tolist()
        return vectors, sum(map(len, tokens))

    def _embed(self, tokens: Sequence[Sequence[int]]) -> Floats:
        """(texts, 384) of a batch of token ids."""
        longest = max(map(len, tokens))
        ids = np.zeros((len(tokens), longest), dtype=np.int64)
        mask = np.zeros((len(tokens), longest), dtype=np.float32)
        for row, each in enumerate(tokens):
            ids[row, : len(each)] = each
            mask[row, : len(each)] = 1
        hidden = (
            self._weights["embeddings.word_embeddings.weight"][ids]
            + self._weights["embeddings.position_embeddings.weight"][:longest]
            + self._weights["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self._normalise(hidden, "embeddings.LayerNorm")
        ignored = (1 - mask)[:, None, None, :] * _MASKED
        for number in range(self._layers):
            hidden = self._layer(hidden, ignored, f"encoder.layer.{number}")
        mean: Any = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        normalised: Floats = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return normalised

    def _layer(self, hidden: Floats, ignored: Floats, name: str) -> Floats:
        """One encoder layer on (texts, tokens, width)."""
        texts, length, width = hidden.shape

        def split(part: str) -> Floats:
            projected = self._linear(hidden, f"{name}.attention.self.{part}")
            return projected.reshape(texts, length, self._heads, -1).transpose(0, 2, 1, 3)

        query, key, value = split("query"), split("key"), split("value")
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width // self._heads)) + ignored
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        attended: Floats = (
            np.matmul(scores, value, dtype=np.float32).transpose(0, 2, 1, 3).reshape(texts, length, width)
        )
        attended = self._linear(attended, f"{name}.attention.output.dense")
        hidden = self._normalise(hidden + attended, f"{name}.attention.output.LayerNorm")
        widened = _gelu(self._linear(hidden, f"{name}.intermediate.dense"))
        return self._normalise(hidden + self._linear(widened, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, given: Floats, name: str) -> Floats:
        product: Floats = given.reshape(-1, given.shape[-1]) @ self._weights[f"{name}.weight"].T
        product += self._weights[f"{name}.bias"]
        return product.reshape(*given.shape[:-1], -1)

    def _normalise(self, given: Floats, name: str) -> Floats:
        centred = given - given.mean(axis=-1, keepdims=True)
        variance = np.einsum("...i,...i->...", centred, centred)[..., None] / np.float32(given.shape[-1])
        centred /= np.sqrt(variance + np.float32(self._epsilon))
        centred *= self._weights[f"{name}.weight"]
        centred += self._weights[f"{name}.bias"]
        normalised: Floats = centred
        return normalised


def _gelu(given: Floats) -> Floats:
    """x·Φ(x) by the tanh approximation (Hendrycks and Gimpel, 2016), which differs by less than 0.001."""
    # In place, and without a power, which takes longer than the products of matrices.
    inner = given * given
    inner *= np.float32(0.044715)
    inner += 1
    inner *= given
    inner *= np.float32(0.7978845608)
    np.tanh(inner, out=inner)
    inner += 1
    inner *= given
    inner *= np.float32(0.5)
    return inner
