"""The model: texts in, vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lisa_instructor.settings import Settings


@dataclass(frozen=True, slots=True)
class Encoded:
    """Vectors of some texts, in their order, and how many tokens those texts have."""

    vectors: Sequence[Sequence[float]]
    tokens: int


class Encoder(Protocol):
    """Something that embeds texts; it may block."""

    def encode(self, texts: Sequence[str], instruction: str) -> Encoded:
        """Embed texts under one instruction; the vectors have length one."""


class SentenceEncoder:
    """A sentence-transformers model from a folder, on the GPU where there is one."""

    def __init__(self, settings: Settings) -> None:
        from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]

        self._model: Any = SentenceTransformer(
            settings.model_path, trust_remote_code=settings.trust_remote_code, local_files_only=True
        )
        self._batch_size = settings.batch_size
        # The instruction steers the text's own tokens, and is left out of their average.
        self._model.set_pooling_include_prompt(include_prompt=False)

    def encode(self, texts: Sequence[str], instruction: str) -> Encoded:
        """Embed texts under one instruction."""
        vectors = self._model.encode(
            list(texts),
            prompt=f"{instruction} " if instruction else None,
            batch_size=self._batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        tokens = sum(len(ids) for ids in self._model.tokenizer(list(texts))["input_ids"])
        return Encoded(vectors.tolist(), tokens)
