"""Cases of the rules of instances."""

from __future__ import annotations

from .changes import Failing, Passing

PASSING: Passing = {
    "instance-type-known": [["ecsModels[0].instanceType=p4d.24xlarge"]],
    "instance-type-usable": [[], ["ecsModels[0].instanceType=g5.huge"]],
    "instance-type-offered": [
        [],
        ["ecsModels[0].deploy=false", "ecsModels[0].instanceType=p5.48xlarge", "region=eu-south-2"],
    ],
    "sufficient-memory": [
        ["ecsModels[0].containerConfig.sharedMemorySize=2048"],
        # What is left of 8 GiB and of 16 GiB, less one.
        ["restApiConfig.containerConfig.sharedMemorySize=6143", "ecsModels[0].containerConfig.sharedMemorySize=11263"],
    ],
    "architecture": [[]],
    "one-ami": [
        ["restApiConfig.amiId=ami-0123456789abcdef0", "amiConfig.amiParameter=/our/ami"],
        ["amiConfig={amiId: ami-01234567, gpuAmiParameter: '/our/gpu/ami:12'}"],
    ],
}

FAILING: Failing = {
    "instance-type-known": [(["ecsModels[0].instanceType=g5.huge"], "ecsModels[0].instanceType")],
    "instance-type-usable": [
        *(
            ([f"ecsModels[0].instanceType={name}"], "ecsModels[0].instanceType")
            for name in (
                "inf2.xlarge",
                "trn9.48xlarge",
                "trn2.48xlarge",
                "p6e-gb200.36xlarge",
                "g4ad.xlarge",
                "dl1.24xlarge",
                "g3.4xlarge",
            )
        ),
        (["restApiConfig.instanceType=m5.metal"], "restApiConfig.instanceType"),
        (["restApiConfig.instanceType=mac2.metal"], "restApiConfig.instanceType"),
    ],
    "instance-type-offered": [
        (["region=eu-south-2", "ecsModels[0].instanceType=p4d.24xlarge"], "ecsModels[0].instanceType")
    ],
    "sufficient-memory": [
        (["restApiConfig.containerConfig.sharedMemorySize=6144"], "restApiConfig.containerConfig.sharedMemorySize"),
        (["ecsModels[0].containerConfig.sharedMemorySize=11264"], "ecsModels[0].containerConfig.sharedMemorySize"),
        (["ecsModels[0].containerConfig.sharedMemorySize=20480"], "ecsModels[0].containerConfig.sharedMemorySize"),
        (["restApiConfig.instanceType=t3.small"], "restApiConfig.instanceType"),
    ],
    "architecture": [
        (["ecsModels[0].instanceType=g5g.xlarge"], "ecsModels[0].instanceType"),
        (["restApiConfig.instanceType=m7g.large"], "restApiConfig.instanceType"),
    ],
    "one-ami": [
        (["restApiConfig.amiId=ami-01234567", "restApiConfig.amiParameter=/our/ami"], "restApiConfig.amiId"),
        (
            ["ecsModels[mistral7b].amiId=ami-01234567", "ecsModels[mistral7b].amiParameter=/our/ami"],
            "ecsModels[0].amiId",
        ),
        (["amiConfig={amiId: ami-01234567, amiParameter: /our/ami}"], "amiConfig.amiId"),
        (["amiConfig={gpuAmiId: ami-01234567, gpuAmiParameter: /our/ami}"], "amiConfig.gpuAmiId"),
    ],
}
