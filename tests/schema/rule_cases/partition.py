"""Cases of the rules of Regions and of what they have."""

from __future__ import annotations

from .changes import IMAGE, ISOLATED, MODEL_IMAGE, PGVECTOR, Failing, Passing

MIRROR = "registry.example.com:5000"
MIRRORED = [
    f"{IMAGE}.baseImage={MIRROR}/python:3.12",
    f"{MODEL_IMAGE}={{type: registry, registry: '{MIRROR}/vllm/vllm-openai:v0.12.0'}}",
]

PASSING: Passing = {
    "region-known": [[], ["region=us-gov-west-1"]],
    "iso-needs-index": [[], ["region=us-iso-east-1", "pypiConfig.indexUrl=https://pypi.example.com/simple"]],
    "image-in-isolated-region": [
        [],
        [*ISOLATED, *MIRRORED],
        [
            *ISOLATED,
            *MIRRORED,
            f"{MODEL_IMAGE}={{type: registry, registry: 012345678901.dkr.ecr.us-iso-east-1.c2s.ic.gov/tgi:3}}",
        ],
    ],
    "service-offered": [[f"ragRepositories=[{PGVECTOR}]", "deployRag=true"]],
}

FAILING: Failing = {
    "region-known": [(["region=us-middle-1"], "region")],
    "iso-needs-index": [(["region=us-iso-east-1"], "pypiConfig.indexUrl")],
    "image-in-isolated-region": [
        *(
            ([*ISOLATED, *MIRRORED, f"{IMAGE}.baseImage={name}"], f"{IMAGE}.baseImage")
            for name in (
                "python:3.12",
                "library/python:3.12",
                "docker.io/python:3.12",
                "public.ecr.aws/docker/library/python:3",
            )
        ),
        ([*ISOLATED, *MIRRORED, "pypiConfig.indexUrl=https://pypi.org/simple"], "pypiConfig.indexUrl"),
        (
            [*ISOLATED, *MIRRORED, "mountS3DebUrl=https://s3.amazonaws.com/mountpoint-s3-release/latest/mount-s3.deb"],
            "mountS3DebUrl",
        ),
        *(
            (
                [*ISOLATED, *MIRRORED, f"{MODEL_IMAGE}={{type: registry, registry: '{name}'}}"],
                "ecsModels[0].containerConfig.image.registry",
            )
            for name in (
                "vllm/vllm-openai:v0.12.0",
                "ghcr.io/huggingface/text-generation-inference:3",
                "quay.io/team/vllm",
                "us-docker.pkg.dev/team/vllm",
                "012345678901.dkr.ecr.us-east-1.amazonaws.com/tgi:3",
            )
        ),
    ],
}
