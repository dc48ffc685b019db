"""Cases of the rules of models and their names."""

from __future__ import annotations

from .changes import EMBEDDING, LISTED, Failing, Passing, listed
from .containers import VLLM

SECOND = "{modelName: other, modelType: textgen, streaming: true, instanceType: g5.xlarge, inferenceContainer: vllm"
PARTS = (
    "containerConfig: {image: {baseImage: 'vllm/vllm-openai:v0.5.0'}}"
    ", autoScalingConfig: {metricConfig: {AlbMetricName: RequestCountPerTarget, targetValue: 30}}"
    ", loadBalancerConfig: {healthCheckConfig: {path: /health}}"
)


def second(identifier: str) -> str:
    return f"ecsModels[1]={SECOND}, modelId: {identifier}, {PARTS}}}"


def models(count: int) -> str:
    entries = (f"{SECOND}, modelId: model{number}, {PARTS}}}" for number in range(count))
    return f"ecsModels=[{', '.join(entries)}]"


PASSING: Passing = {
    "textgen-needs-streaming": [[], ["ecsModels[0].streaming=false"], EMBEDDING, [listed()]],
    "embedding-has-no-streaming": [[], EMBEDDING],
    "container-serves-type": [[], EMBEDDING, [*EMBEDDING, "ecsModels[0].inferenceContainer=vllm"]],
    "model-identifiers-unique": [[second("other")], [second("mistral-7b"), "ecsModels[1].deploy=false"]],
    "model-name-is-path": [
        [],
        ["ecsModels[0].modelName=other-2/x", second("b")],
        ["ecsModels[0].modelName=other/x", second("b"), "ecsModels[1].deploy=false"],
        [*VLLM, "ecsModels[0].adapters=[{name: a, weights: org/name}]"],
    ],
    "unique-model-name": [[listed()]],
    "consistent-lisa-params": [[f"litellmConfig.model_list=[{LISTED}, {LISTED}]"]],
    "model-limit": [[], [models(999)]],
}

FAILING: Failing = {
    "textgen-needs-streaming": [
        (["ecsModels[0].streaming="], "ecsModels[0].streaming"),
        (
            [listed(), "litellmConfig.model_list[0].lisa_params.streaming="],
            "litellmConfig.model_list[0].lisa_params.streaming",
        ),
    ],
    "embedding-has-no-streaming": [([*EMBEDDING, "ecsModels[0].streaming=false"], "ecsModels[0].streaming")],
    "container-serves-type": [
        (["ecsModels[0].inferenceContainer=tei"], "ecsModels[0].inferenceContainer"),
        ([*EMBEDDING, "ecsModels[0].inferenceContainer=tgi"], "ecsModels[0].inferenceContainer"),
    ],
    "model-identifiers-unique": [([second("Mistral-7B")], "ecsModels[1].modelId")],
    "model-name-is-path": [
        (["ecsModels[0].modelName=a/../b"], "ecsModels[0].modelName"),
        (["ecsModels[0].modelName=other/x", second("b")], "ecsModels[0].modelName"),
        (["ecsModels[0].modelName=b", second("b"), "ecsModels[1].modelName=b/v2/x"], "ecsModels[1].modelName"),
        ([*VLLM, "ecsModels[0].adapters=[{name: a/../b}]"], "ecsModels[0].adapters[0].name"),
        ([*VLLM, "ecsModels[0].adapters=[{name: a, weights: b//c}]"], "ecsModels[0].adapters[0].weights"),
    ],
    "unique-model-name": [
        ([listed(), "litellmConfig.model_list[0].model_name=mistral7b"], "litellmConfig.model_list[0].model_name"),
        ([*VLLM, "ecsModels[0].adapters=[{name: listed}]", listed()], "litellmConfig.model_list[0].model_name"),
    ],
    "consistent-lisa-params": [
        (
            [f"litellmConfig.model_list=[{LISTED}, {LISTED.replace('true', 'false')}]"],
            "litellmConfig.model_list[1].lisa_params",
        )
    ],
    "model-limit": [([models(1000)], "ecsModels")],
}
