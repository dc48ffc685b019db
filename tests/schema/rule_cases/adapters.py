"""Cases of the rules of LoRA adapters."""

from __future__ import annotations

from .changes import EMBEDDING, Failing, Passing, listed
from .containers import VLLM
from .models import second

ONE = "ecsModels[mistral7b].adapters=[{name: support}]"
TWO = "ecsModels[mistral7b].adapters=[{name: support}, {name: legal, weights: acme/support}]"
WITH_ADAPTERS = "modelName: other, adapters: [{name: support}]"

PASSING: Passing = {
    "adapter-weights": [[*VLLM, TWO], [*VLLM, ONE]],
    "adapters-need-vllm": [
        [],
        [*VLLM, TWO],
        [*EMBEDDING, "ecsModels[mistral7b].inferenceContainer=vllm", VLLM[1], ONE],
    ],
    "adapter-name-unique": [
        [*VLLM, TWO],
        [*VLLM, ONE, second("other").replace("modelName: other", WITH_ADAPTERS), "ecsModels[1].deploy=false"],
        [*VLLM, ONE, second("support-model")],
        [*VLLM, ONE, listed()],
    ],
}

FAILING: Failing = {
    "adapter-weights": [
        (
            [*VLLM, TWO.replace("acme/support", "mistralai/Mistral-7B-Instruct-v0.2")],
            "ecsModels[0].adapters[1].weights",
        ),
        (
            [*VLLM, TWO, second("two").replace("modelName: other", "modelName: acme/support")],
            "ecsModels[0].adapters[1].weights",
        ),
    ],
    "adapters-need-vllm": [
        ([ONE], "ecsModels[0].adapters"),
        ([*EMBEDDING, ONE], "ecsModels[0].adapters"),
    ],
    "adapter-name-unique": [
        ([*VLLM, TWO.replace("legal", "support")], "ecsModels[0].adapters[1].name"),
        ([*VLLM, ONE.replace("support", "mistral7b")], "ecsModels[0].adapters[0].name"),
        ([*VLLM, ONE.replace("support", "mistralai/Mistral-7B-Instruct-v0.2")], "ecsModels[0].adapters[0].name"),
        ([*VLLM, ONE, second("support")], "ecsModels[0].adapters[0].name"),
        ([*VLLM, ONE, second("two").replace("modelName: other", WITH_ADAPTERS)], "ecsModels[1].adapters[0].name"),
    ],
}
