"""Which files a tokenizer consists of, by its class, and whether a model that needs one has them.

Source: `vocab_files_names` of the tokenizers in transformers, mistral-common (tekken.json, tokenizer.model.v3), vLLM.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from lisa_weights.serving.model_files import ModelFiles

VOCABULARIES = (
    "tokenizer.json", "tokenizer.model*", "tekken.json", "vocab.json", "vocab.txt", "vocab.bpe", "bpe.codes",
    "dict.txt", "*.model", "*.spm", "*.tiktoken", "*.tokenizer", "*.vocab", "vocab-src.json", "vocab-tgt.json",
    "encoder.json",
)  # fmt: skip
"""Patterns of files that hold a vocabulary."""

COMPLETE = ("tokenizer.json", "tekken.json")
"""Files that are a tokenizer by themselves."""

FILES_OF_CLASS: Mapping[str, tuple[str, ...]] = {
    "AlbertTokenizer": ("spiece.model",),
    "BertTokenizer": ("vocab.txt",),
    "BlenderbotTokenizer": ("vocab.json", "merges.txt"),
    "CLIPTokenizer": ("vocab.json", "merges.txt"),
    "CamembertTokenizer": ("sentencepiece.bpe.model",),
    "DistilBertTokenizer": ("vocab.txt",),
    "GPT2Tokenizer": ("vocab.json", "merges.txt"),
    "LlamaTokenizer": ("tokenizer.model",),
    "M2M100Tokenizer": ("vocab.json", "sentencepiece.bpe.model"),
    "MBartTokenizer": ("sentencepiece.bpe.model",),
    "MPNetTokenizer": ("vocab.txt",),
    "MarianTokenizer": ("vocab.json", "source.spm", "target.spm"),
    "PegasusTokenizer": ("spiece.model",),
    "PhobertTokenizer": ("vocab.txt", "bpe.codes"),
    "RobertaTokenizer": ("vocab.json", "merges.txt"),
    "T5Tokenizer": ("spiece.model",),
    "WhisperTokenizer": ("vocab.json", "merges.txt"),
    "XLMRobertaTokenizer": ("sentencepiece.bpe.model",),
    "XLNetTokenizer": ("spiece.model",),
}
"""Files that a class needs where there is no tokenizer.json."""

WITHOUT_FILES = frozenset({"ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer"})
"""Classes whose vocabulary is the bytes or characters themselves."""

_TEXT_HEADS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForMaskedLM", "ForCTC")
_SOUND = re.compile(r"(wav2vec2|hubert|wavlm|unispeech|sew|data2vec-audio|encodec|mimi|dac).*")


def is_vocabulary(name: str) -> bool:
    """Whether a file of this name, without its folder, holds a vocabulary."""
    return any(fnmatchcase(name, pattern) for pattern in VOCABULARIES)


def tokenizer_problem(files: ModelFiles, folder: str = "") -> str | None:
    """Describe what a model's tokenizer lacks, a sentence without a full stop.

    Args:
        files: the model's.
        folder: where its tokenizer is, with a slash at the end; empty for the model's own directory.

    Returns:
        None where nothing is missing, or where neither config.json nor its architecture say that it reads text.
    """
    if not _reads_text(files.json_object("config.json")):
        return None
    names = {path.removeprefix(folder) for path in files.sizes if path.startswith(folder)}
    names = {name for name in names if "/" not in name}
    stated = files.json_object(f"{folder}tokenizer_config.json")
    kind = str(stated.get("tokenizer_class") or "").removesuffix("Fast")
    auto_map = stated.get("auto_map")
    if names & set(COMPLETE) or kind in WITHOUT_FILES or (isinstance(auto_map, dict) and "AutoTokenizer" in auto_map):
        return None
    if missing := [name for name in FILES_OF_CLASS.get(kind, ()) if name not in names]:
        return (
            f"its tokenizer lacks {' and '.join(missing)}, which {kind} reads: add tokenizer.json or"
            f" {' and '.join(missing)} from its model card"
        )
    if any(is_vocabulary(name) for name in names):
        return None
    return (
        "it has no tokenizer: add tokenizer.json, or the vocabulary files of its tokenizer (such as tokenizer.model,"
        " vocab.json with merges.txt, or vocab.txt), from its model card"
    )


def _reads_text(config: Mapping[str, Any]) -> bool:
    architectures = config.get("architectures")
    names = [name for name in architectures if isinstance(name, str)] if isinstance(architectures, list) else []
    if any(name.endswith(_TEXT_HEADS) for name in names):
        return True
    if _SOUND.fullmatch(str(config.get("model_type", ""))):
        return False
    nested = [part for part in config.values() if isinstance(part, dict)]
    return any(isinstance(part.get("vocab_size"), int) for part in (config, *nested))
