"""Cases of the rules about images: their server, hardware, tag and known vulnerabilities."""

from __future__ import annotations

from .changes import EMBEDDING, IMAGE, MODEL_IMAGE, Failing, Passing

VLLM = "ecsModels[mistral7b].inferenceContainer=vllm"
SGLANG = "ecsModels[mistral7b].inferenceContainer=sglang"
INSTRUCTOR = [*EMBEDDING[:2], "ecsModels[mistral7b].inferenceContainer=instructor"]
CPU_HOST = "ecsModels[mistral7b].instanceType=m7i.2xlarge"
OFF = "ecsModels[mistral7b].deploy=false"
BASE = "ecsModels[0].containerConfig.image.baseImage"
DIGEST = f"sha256:{'a' * 64}"
TEI = "ghcr.io/huggingface/text-embeddings-inference"
TGI = "ghcr.io/huggingface/text-generation-inference"


def on(image: str) -> str:
    """An image that is built on another one."""
    return f"{MODEL_IMAGE}={{baseImage: '{image}'}}"


def pulled(image: str) -> str:
    """An image of any registry."""
    return f"{MODEL_IMAGE}={{type: registry, registry: '{image}'}}"


def ecr(name: str) -> str:
    """An image in ECR: `name` or `name:tag`."""
    repository, _, tag = name.partition(":")
    arn = f"arn:aws:ecr:us-east-1:012345678901:repository/{repository}"
    return f"{MODEL_IMAGE}={{type: ecr, repositoryArn: '{arn}'{f', tag: {tag}' if tag else ''}}}"


PASSING: Passing = {
    "gpu-needed": [
        [],
        [*EMBEDDING, on(f"{TEI}:cpu-1.8"), CPU_HOST],
        [*EMBEDDING, on(f"{TEI}:86-1.8")],
        [*EMBEDDING, on("registry.example.com/our/embeddings:3"), CPU_HOST],
        [VLLM, on("vllm/vllm-openai-cpu:v0.32.0"), CPU_HOST],
        [SGLANG, on("lmsysorg/sglang:v0.5.12-xeon"), CPU_HOST],
        [*INSTRUCTOR, on("python:3.12"), CPU_HOST],
    ],
    "image-engine": [
        [],
        [VLLM, on("vllm/vllm-openai:v0.32.0")],
        [VLLM, on("registry.example.com/base/cuda-llm:2")],
        [VLLM, pulled("registry.example.com/sglang-team/vllm-openai:v0.32.0")],
        [VLLM, on("registry.example.com/vllm-or-sglang:1")],
        [SGLANG, on("lmsysorg/sglang:v0.5.23-cu129")],
        [VLLM, f"{MODEL_IMAGE}={{baseImage: 'python:3.12', path: docker/mine}}"],
        [*INSTRUCTOR, on("vllm/vllm-openai:v0.32.0")],
        [f"{IMAGE}.baseImage=registry.example.com/python/python:3.12"],
    ],
    "image-hardware": [
        [],
        [*EMBEDDING, on(f"{TEI}:cpu-1.8"), CPU_HOST],
        [VLLM, on("vllm/vllm-openai:v0.32.0-x86_64")],
        [SGLANG, on("lmsysorg/sglang:v0.5.23-cu129-amd64")],
        [VLLM, on("registry.example.com/cpu/base:1")],
    ],
    "image-entrypoint": [
        [VLLM, on("docker.io/vllm/vllm-openai:v0.32.0")],
        [VLLM, pulled("registry.example.com/lisa-vllm:v0.32.0")],
        [VLLM, ecr("team/vllm:v0.32.0")],
        [VLLM, pulled("mirror.example.com/vllm/vllm-openai:v0.32.0"), OFF],
    ],
    "image-registry": [
        [],
        [VLLM, on("docker.io/vllm/vllm-openai:v0.32.0")],
        [VLLM, on("quay.io/team/repository/vllm:v0.32.0")],
        [VLLM, on("registry.gitlab.com/group/r/vllm:v0.32.0")],
    ],
    "image-tag": [
        [],
        [VLLM, on("vllm/vllm-openai:nightly-0a1b2c3d4e5f")],
        [VLLM, on("vllm/vllm-openai:v0.32.0-nightly")],
        [VLLM, on("our/vllm:dev-20260901")],
        [VLLM, on("our/vllm:mainz")],
        [on(f"{TGI}@{DIGEST}")],
        [on(f"registry.example.com:5000/tgi:latest@{DIGEST}")],
        [ecr("lisa-tgi:3.3.4")],
        [ecr("lisa-tgi"), f"{MODEL_IMAGE}.digest={DIGEST}"],
        [ecr("lisa-tgi"), f"{MODEL_IMAGE}.tag='{DIGEST}'"],
        [f"{MODEL_IMAGE}={{type: tarball, path: tgi.tar}}"],
        [on(TGI), OFF],
    ],
    "vulnerable-engine": [
        [],
        [VLLM, on("vllm/vllm-openai:v0.32.0")],
        [VLLM, on("vllm/vllm-openai:nightly")],
        [VLLM, on("nvcr.io/nvidia/vllm:25.09-py3")],
        [VLLM, on("registry.redhat.io/rhaiis/vllm-cuda-rhel9:3.2.1")],
        [SGLANG, on("lmsysorg/sglang:v0.5.23")],
        [VLLM, on("vllm/vllm-openai:v0.9.2"), OFF],
    ],
}

FAILING: Failing = {
    "gpu-needed": [
        ([CPU_HOST], "ecsModels[0].instanceType"),
        ([VLLM, on("vllm/vllm-openai:v0.32.0"), CPU_HOST], "ecsModels[0].instanceType"),
        ([SGLANG, on("lmsysorg/sglang:v0.5.23"), CPU_HOST], "ecsModels[0].instanceType"),
        *(
            ([*EMBEDDING, on(image), CPU_HOST], "ecsModels[0].instanceType")
            for image in (
                f"{TEI}:86-1.8",
                f"{TEI}:1.8",
                f"{TEI}:turing-1.7",
                f"{TEI}:hopper-latest",
                f"registry.example.com/mirror/huggingface/text-embeddings-inference:89-1.8@{DIGEST}",
                "registry.example.com/lisa-tei:120-1.8",
            )
        ),
        ([*EMBEDDING, pulled(f"{TEI}:86-1.8"), CPU_HOST], "ecsModels[0].instanceType"),
    ],
    "image-engine": [
        *(
            ([*changes, on(image)], BASE)
            for changes, image in (
                ([VLLM], f"{TGI}:3.3.4"),
                ([VLLM], "registry.example.com/hub/huggingface/text-generation-inference:3.3.4"),
                ([VLLM], f"{TEI}:86-1.8"),
                ([VLLM], "lmsysorg/sglang:v0.5.23"),
                ([VLLM], "python:3.12"),
                ([VLLM], "nvidia/cuda:12.9.0-runtime-ubuntu24.04"),
                ([SGLANG], "vllm/vllm-openai:v0.32.0"),
                ([], "vllm/vllm-openai:v0.32.0"),
                (EMBEDDING, f"{TGI}:3.3.4"),
            )
        ),
        ([VLLM, pulled(f"{TGI}:3.3.4")], "ecsModels[0].containerConfig.image.registry"),
        ([VLLM, ecr("lisa-tgi:3.3.4")], "ecsModels[0].containerConfig.image.repositoryArn"),
        (
            [VLLM, f"{MODEL_IMAGE}={{type: tarball, path: artifacts/tgi.tar}}"],
            "ecsModels[0].containerConfig.image.path",
        ),
        ([f"{IMAGE}.baseImage=vllm/vllm-openai:v0.32.0"], f"{IMAGE}.baseImage"),
        ([*INSTRUCTOR, on(f"{TEI}:86-1.8")], BASE),
    ],
    "image-hardware": [
        ([*EMBEDDING, on(f"{TEI}:cpu-1.8")], BASE),
        ([VLLM, on("vllm/vllm-openai-cpu:v0.32.0")], BASE),
        ([VLLM, on("vllm/vllm-openai-rocm:v0.32.0")], BASE),
        ([VLLM, on("rocm/vllm:rocm7.0"), CPU_HOST], BASE),
        ([on(f"{TGI}:3.3.4-intel-cpu")], BASE),
        ([SGLANG, on("lmsysorg/sglang:v0.5.23-rocm700-mi30x")], BASE),
        ([VLLM, on("vllm/vllm-openai:v0.32.0-aarch64")], BASE),
        ([VLLM, pulled("763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm-neuronx:0.11")], f"{BASE[:-9]}registry"),
    ],
    "image-entrypoint": [
        ([VLLM, pulled("vllm/vllm-openai:v0.32.0")], BASE.replace("baseImage", "registry")),
        ([SGLANG, pulled("mirror.example.com/lmsysorg/sglang:v0.5.23")], BASE.replace("baseImage", "registry")),
        ([pulled(f"{TGI}:3.3.4")], BASE.replace("baseImage", "registry")),
        ([VLLM, ecr("mirror/vllm-openai:v0.32.0")], BASE.replace("baseImage", "repositoryArn")),
    ],
    "image-registry": [
        ([VLLM, on("hub.docker.com/r/vllm/vllm-openai:v0.32.0")], BASE),
        ([VLLM, on("gallery.ecr.aws/deep-learning-containers/vllm:0.32")], BASE),
        ([VLLM, on("github.com/vllm-project/vllm")], BASE),
        ([VLLM, on("quay.io/repository/team/vllm:v0.32.0")], BASE),
        ([VLLM, pulled("hub.docker.com/r/team/vllm")], BASE.replace("baseImage", "registry")),
    ],
    "image-tag": [
        ([VLLM, on("vllm/vllm-openai:nightly")], BASE),
        ([VLLM, on("our/vllm:main")], BASE),
        ([*EMBEDDING, on(f"{TEI}:86-latest")], BASE),
        ([VLLM, on("our/vllm:Stable")], BASE),
        ([on(TGI)], BASE),
        ([on(f"{TGI}:latest")], BASE),
        ([pulled("registry.example.com:5000/tgi")], f"{BASE[:-9]}registry"),
        ([ecr("lisa-tgi")], f"{BASE[:-9]}repositoryArn"),
        ([ecr("lisa-tgi:latest")], f"{BASE[:-9]}tag"),
        ([f"{IMAGE}.baseImage=python"], f"{IMAGE}.baseImage"),
    ],
    "vulnerable-engine": [
        ([VLLM, on("vllm/vllm-openai:v0.9.2")], BASE),
        ([VLLM, on("vllm/vllm-openai:v0.31.0-cu130")], BASE),
        ([VLLM, on(f"mirror.example.com/vllm/vllm-openai:v0.22.0@{DIGEST}")], BASE),
        ([VLLM, pulled("763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.11-gpu-py312")], f"{BASE[:-9]}registry"),
        ([VLLM, ecr("lisa-vllm:v0.14.0")], f"{BASE[:-9]}tag"),
        ([SGLANG, on("lmsysorg/sglang:v0.5.9-cu129")], BASE),
    ],
}
