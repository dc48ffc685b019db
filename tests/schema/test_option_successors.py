"""What is written instead of options that a version does not have."""

from __future__ import annotations

import re

import pytest

from lisa_schema.clap_values import FORMS
from lisa_schema.engine_settings import Support, names, support
from lisa_schema.engine_versions import version
from lisa_schema.option_successors import successors

NEWEST = {"vllm": version("0.32.0"), "sglang": version("0.5.23"), "tgi": version("3.3.4"), "tei": version("1.8.0")}


@pytest.mark.parametrize("engine", NEWEST)
def test_successors_exist_where_the_option_does_not(engine: str) -> None:
    for option, instruction in successors(engine).items():
        assert support(engine, "options", option, NEWEST[engine]) is Support.NO, option
        for named in re.findall(r"`--([a-z0-9-]+)", instruction):
            assert support(engine, "options", named, NEWEST[engine]) is Support.YES, f"{option}: {named}"


def test_every_option_that_vllm_lost_lately_has_one() -> None:
    newest = NEWEST["vllm"]
    gone = {name for name in names("vllm", "options") if support("vllm", "options", name, newest) is Support.NO}
    missing = gone - successors("vllm").keys()
    assert missing <= {
        *("O", "enable-bf16x3-router-gemm", "enable-mamba-fine-grained-prefix-cache", "logits-processor-pattern"),
        *("enable-multimodal-encoder-data-parallel", "expand-tools-even-if-tool-choice-none", "prompt-adapters"),
        *("override-attention-dtype", "use-gpu-for-pooling-score"),
    }


@pytest.mark.parametrize("engine", FORMS)
def test_values_are_of_options_that_there_are(engine: str) -> None:
    assert FORMS[engine].keys() <= names(engine, "options")
