"""Whether the files of every tokenizer in transformers are served, and whether the table of classes is right."""

from __future__ import annotations

import io
from typing import Any

import pytest
import transformers

from lisa_weights.serving.closure import find_closure
from lisa_weights.serving.model_files import ModelFiles
from lisa_weights.serving.tokenizer_files import FILES_OF_CLASS, WITHOUT_FILES


def tokenizers() -> dict[str, Any]:
    names = [name for name in dir(transformers) if name.endswith(("Tokenizer", "TokenizerFast"))]
    found = {name: getattr(transformers, name) for name in names}
    # transformers replaces a class whose library is absent by a dummy without attributes.
    return {name: one for name, one in found.items() if type(one).__name__ != "DummyObject"}


def files_of(tokenizer: Any) -> set[str]:
    named = getattr(tokenizer, "vocab_files_names", None)
    return set(named.values()) if isinstance(named, dict) else set()


def test_files_of_every_tokenizer_are_served() -> None:
    names = {name for tokenizer in tokenizers().values() for name in files_of(tokenizer)}
    assert len(names) > 20
    served = find_closure(ModelFiles(dict.fromkeys(names, 1), lambda _path: io.BytesIO(b"{}"))).files
    assert names - set(served) == set()


@pytest.mark.parametrize("name", FILES_OF_CLASS)
def test_table_has_files_that_the_class_reads(name: str) -> None:
    assert set(FILES_OF_CLASS[name]) <= files_of(tokenizers()[name])


@pytest.mark.parametrize("name", sorted(WITHOUT_FILES))
def test_tokenizer_of_bytes_has_no_files(name: str) -> None:
    assert not files_of(tokenizers()[name]) - {"tokenizer_config.json"}
