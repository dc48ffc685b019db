"""Cases of the rules of GPUs."""

from __future__ import annotations

from .changes import EMBEDDING, Failing, Passing

_HOST = "ecsModels[0].instanceType"
_IMAGE = "ecsModels[0].containerConfig.image"
_BASE = f"{_IMAGE}.baseImage"
_VARIABLES = "ecsModels[0].containerConfig.environment"
_TEI = "ghcr.io/huggingface/text-embeddings-inference"


def _tei(tag: str, host: str) -> list[str]:
    return [*EMBEDDING, f"{_BASE}={_TEI}:{tag}", f"{_HOST}={host}"]


def _vllm(host: str, *, image: str = "vllm/vllm-openai:v0.12.0", **variables: str) -> list[str]:
    changes = ["ecsModels[0].inferenceContainer=vllm", f"{_IMAGE}={{baseImage: '{image}'}}", f"{_HOST}={host}"]
    values = ", ".join(f"{name}: '{value}'" for name, value in variables.items())
    return [*changes, f"{_VARIABLES}={{{values}}}"]


PASSING: Passing = {
    "image-fits-gpu": [
        _tei("turing-1.7", "g4dn.xlarge"),
        _tei("1.7", "p4d.24xlarge"),
        _tei("1.7", "g5.xlarge"),
        _tei("1.7.2-grpc", "g6.xlarge"),
        _tei("86-1.9", "g6.xlarge"),
        _tei("89-latest", "g6e.xlarge"),
        _tei("hopper-1.9", "p5.4xlarge"),
        _tei("100-1.9", "p6-b200.48xlarge"),
        _tei("120-1.9", "g7e.2xlarge"),
        _tei("cuda-1.9", "g4dn.xlarge"),
        _tei("cpu-1.9", "g4dn.xlarge"),
        _tei("sha-0d124dc", "g4dn.xlarge"),
        [*_tei("1.7", "g4dn.xlarge"), "ecsModels[0].deploy=false"],
        _tei("1.7", "m5.xlarge"),
        [*EMBEDDING, f"{_BASE}=registry.example.com/lisa-tei:1.7", f"{_HOST}=g4dn.xlarge"],
        _vllm("p3.8xlarge"),
        _vllm("p3.8xlarge", image="vllm/vllm-openai:v0.22.0-cu129"),
        _vllm("g4dn.xlarge", image="vllm/vllm-openai:v0.22.0"),
    ],
    "dtype-fits-gpu": [
        _vllm("g4dn.xlarge", DTYPE="half"),
        _vllm("g4dn.xlarge", DTYPE="auto"),
        _vllm("g5.xlarge", DTYPE="bfloat16"),
        _vllm("g4dn.xlarge", QUANTIZE="awq"),
        _vllm("g4dn.xlarge", image="vllm/vllm-openai:v0.22.0", QUANTIZE="awq_marlin"),
        _vllm("g5.xlarge", QUANTIZE="fp8"),
        _vllm("p3.8xlarge", QUANTIZE="gptq"),
        _vllm("g4dn.xlarge", QUANTIZE="bitsandbytes-nf4"),
        _vllm("g4dn.xlarge", DTYPE="arn:aws:ssm:us-east-1:012345678901:parameter/dtype"),
        [*_vllm("g4dn.xlarge", DTYPE="bfloat16"), "ecsModels[0].deploy=false"],
        # The later argument wins.
        _vllm("g4dn.xlarge", DTYPE="bfloat16", SERVER_ARGS="--dtype half"),
    ],
}

FAILING: Failing = {
    "image-fits-gpu": [
        (_tei("1.7", "g4dn.xlarge"), _BASE),
        (_tei("latest", "g4dn.xlarge"), _BASE),
        (_tei("86-1.7", "g4dn.xlarge"), _BASE),
        (_tei("86-1.7", "p4d.24xlarge"), _BASE),
        (_tei("86-1.7", "p5.4xlarge"), _BASE),
        (_tei("89-1.7", "g5.xlarge"), _BASE),
        (_tei("turing-1.7", "g5.xlarge"), _BASE),
        (_tei("hopper-1.7", "g6.xlarge"), _BASE),
        (_tei("1.9", "p5.48xlarge"), _BASE),
        (_tei("100-1.9", "p6-b300.48xlarge"), _BASE),
        (_tei("1.7", "p3.2xlarge"), _BASE),
        (_tei("cuda-1.9", "p3.2xlarge"), _BASE),
        ([*EMBEDDING, f"{_BASE}=registry.example.com/lisa-tei:86-1.7", f"{_HOST}=g4dn.xlarge"], _BASE),
        (_tei("cuda-1.9", "p6-b200.48xlarge"), _BASE),
        (
            [
                *EMBEDDING,
                f"{_HOST}=g4dn.xlarge",
                f"{_IMAGE}={{type: registry, registry: '{_TEI}:1.7@sha256:{'0' * 64}'}}",
            ],
            f"{_IMAGE}.registry",
        ),
        (
            [
                *EMBEDDING,
                f"{_HOST}=g4dn.xlarge",
                f"{_IMAGE}={{type: ecr, tag: '1.7',"
                " repositoryArn: 'arn:aws:ecr:us-east-1:012345678901:repository/text-embeddings-inference'}",
            ],
            f"{_IMAGE}.tag",
        ),
        (_vllm("p3.8xlarge", image="vllm/vllm-openai:v0.22.0"), _BASE),
    ],
    "dtype-fits-gpu": [
        (_vllm("g4dn.xlarge", DTYPE="bfloat16"), f"{_VARIABLES}.DTYPE"),
        (_vllm("p3.8xlarge", SERVER_ARGS="--dtype=bfloat16"), f"{_VARIABLES}.SERVER_ARGS"),
        (_vllm("g4dn.xlarge", QUANTIZE="awq_marlin"), f"{_VARIABLES}.QUANTIZE"),
        (_vllm("g4dn.xlarge", QUANTIZE="fp8"), f"{_VARIABLES}.QUANTIZE"),
        (_vllm("p3.8xlarge", QUANTIZE="awq"), f"{_VARIABLES}.QUANTIZE"),
        (_vllm("p3.8xlarge", SERVER_ARGS="-q mxfp4"), f"{_VARIABLES}.SERVER_ARGS"),
        (_vllm("g5.xlarge", image="vllm/vllm-openai:v0.30.0", QUANTIZE="bitsandbytes"), f"{_VARIABLES}.QUANTIZE"),
    ],
}
