"""Cases of the rules of keys without effect."""

from __future__ import annotations

from .changes import ISOLATED, MODEL_IMAGE, OWN_IMAGE, PGVECTOR, Failing, Passing

INSTRUCTOR = [
    "ecsModels[mistral7b].modelType=embedding",
    "ecsModels[mistral7b].streaming=",
    "ecsModels[mistral7b].inferenceContainer=instructor",
    f"{MODEL_IMAGE}.path=lib/serve/ecs-model/embedding/instructor",
]
CONDA = "condaUrl=https://conda.example.com/installer.sh"
MODEL_CODE = "ecsModels[mistral7b].localModelCode"
CHUNKS = "ragFileProcessingConfig"
API_CERTIFICATE = "apiGatewayConfig.certificateArn=arn:aws:acm:us-east-1:012345678901:certificate/1"

PASSING: Passing = {
    "key-without-effect": [
        [f"ragRepositories=[{PGVECTOR}]", f"{CHUNKS}={{chunkSize: 512, chunkOverlap: 51}}", f"deployRag={switch}"]
        for switch in ("true", "false")
    ]
    + [
        # The authorities of certificateAuthorityBundle are trusted in every partition since version 3.
        ["certificateAuthorityBundle=certificates/root.pem"],
        ["mountS3DebUrl=https://packages.example.com/mount-s3.deb"],
        ["mountS3DebUrl=https://packages.example.com/mount-s3.deb", f"{MODEL_IMAGE}.path=docker/mine"],
        [CONDA, *INSTRUCTOR],
        [CONDA, f"{MODEL_IMAGE}.path=docker/mine"],
        [f"{MODEL_CODE}=/opt/mine", *INSTRUCTOR],
        [f"{MODEL_CODE}=/opt/mine", f"{MODEL_IMAGE}.path=docker/mine"],
        [f"{MODEL_CODE}=/opt/mine", OWN_IMAGE],
        [f"{MODEL_CODE}=/opt/mine", "ecsModels[mistral7b].deploy=false"],
        ["tags=[{Key: project, Value: lisa}]"],
        [*ISOLATED],
        [*ISOLATED, "tags=[]"],
        [f"{API_CERTIFICATE}", "apiGatewayConfig.domainName=chat.example.com"],
        ["apiGatewayConfig.domainName=chat.example.com"],
        ["authConfig.jwtGroupsProperty=groups", "authConfig.adminGroup=admins"],
    ],
}

FAILING: Failing = {
    "key-without-effect": [
        ([f"ragRepositories=[{PGVECTOR}]"], "ragRepositories"),
        ([f"{CHUNKS}={{chunkSize: 512, chunkOverlap: 51}}"], CHUNKS),
        (["mountS3DebUrl=https://packages.example.com/mount-s3.deb", OWN_IMAGE], "mountS3DebUrl"),
        (
            ["mountS3DebUrl=https://packages.example.com/mount-s3.deb", "ecsModels[mistral7b].deploy=false"],
            "mountS3DebUrl",
        ),
        ([CONDA], "condaUrl"),
        ([CONDA, OWN_IMAGE, *INSTRUCTOR[:3]], "condaUrl"),
        ([CONDA, *INSTRUCTOR, "ecsModels[mistral7b].deploy=false"], "condaUrl"),
        ([f"{MODEL_CODE}=/opt/mine"], "ecsModels[0].localModelCode"),
        (
            [f"{MODEL_CODE}=/opt/mine", f"{MODEL_IMAGE}.path=./lib/serve/ecs-model/textgen/tgi"],
            "ecsModels[0].localModelCode",
        ),
        ([*ISOLATED, "tags=[{Key: project, Value: lisa}]"], "tags"),
        ([API_CERTIFICATE], "apiGatewayConfig.certificateArn"),
        (["authConfig.jwtGroupsProperty=groups"], "authConfig.jwtGroupsProperty"),
    ],
}
