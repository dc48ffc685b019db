"""Cases of the rules of runtimes and versions."""

from __future__ import annotations

from .changes import IMAGE, Failing, Passing

PASSING: Passing = {
    "lambda-runtime-deprecated": [[], ["lambdaConfig.pythonRuntime=PYTHON_3_13"]],
    "lambda-runtime-offered": [["lambdaConfig.pythonRuntime=PYTHON_3_8"]],
    "gateway-python": [
        [f"{IMAGE}.baseImage={image}"]
        for image in (
            "python:3.11",
            "python:3.13-slim",
            "python:3",
            "public.ecr.aws/docker/library/python:3.12",
            "mine:3.9",
        )
    ],
    "ignored-key": [["lambdaConfig.logLevel=DEBUG"]],
    "api-version": [[], ["restApiConfig.apiVersion=v2"]],
}

FAILING: Failing = {
    "lambda-runtime-deprecated": [(["lambdaConfig.pythonRuntime=PYTHON_3_9"], "lambdaConfig.pythonRuntime")],
    "gateway-python": [
        ([f"{IMAGE}.baseImage={image}"], f"{IMAGE}.baseImage")
        for image in (
            "python:3.9",
            "python:3.10-slim-bookworm",
            "registry.example.com/library/python:2.7",
            "python:3.9.18",
        )
    ],
    "ignored-key": [(["lambdaConfig.vpcAutoscalingConfig.minCapacity=1"], "lambdaConfig.vpcAutoscalingConfig")],
    "api-version": [([f"restApiConfig.apiVersion={version}"], "restApiConfig.apiVersion") for version in ("v1", "v3")],
}
