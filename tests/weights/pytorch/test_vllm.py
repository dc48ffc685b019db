"""What vLLM answers from the conversion of a decoder, beside transformers with the checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vllm import LLM, SamplingParams
from vllm.distributed import cleanup_dist_env_and_memory

from lisa_weights.convert import convert
from weights.pytorch.checkpoints import DECODERS, PROMPT, TOKENS, answer, make


@pytest.mark.parametrize("build", DECODERS.values(), ids=DECODERS)
def test_vllm_answers_from_the_conversion_as_transformers_from_the_checkpoint(
    tmp_path: Path, build: Callable[[], Any]
) -> None:
    model = make(build, tmp_path / "m")
    convert(tmp_path / "m")
    (tmp_path / "m" / "pytorch_model.bin").unlink()
    expected = answer(model)[0, len(PROMPT) :].tolist()
    assert len(expected) == TOKENS
    assert greedy(tmp_path / "m") == expected


def greedy(directory: Path) -> list[int]:
    server = LLM(
        str(directory), dtype="float32", enforce_eager=True, skip_tokenizer_init=True, max_model_len=64, seed=0
    )
    try:
        parameters = SamplingParams(temperature=0, max_tokens=TOKENS, detokenize=False, ignore_eos=True)
        (found,) = server.generate([{"prompt_token_ids": list(PROMPT)}], parameters, use_tqdm=False)
        return list(found.outputs[0].token_ids)
    finally:
        del server
        cleanup_dist_env_and_memory()
