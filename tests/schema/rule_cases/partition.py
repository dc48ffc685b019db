"""Cases of the rules of Regions and partitions."""

from __future__ import annotations

from .changes import ENVIRONMENT, IMAGE, PGVECTOR, Failing, Passing

ECR = "repositoryArn: 'arn:aws:ecr:us-east-1:999999999999:repository/x'"

PASSING: Passing = {
    "region-known": [[], ["region=us-gov-west-1"]],
    "iso-needs-index": [[], ["region=us-iso-east-1", "pypiConfig.indexUrl=https://pypi.example.com/simple"]],
    "arn-partition": [[], [f"{ENVIRONMENT}.KEY=arn:aws:secretsmanager:us-east-1:012345678901:secret:x"]],
    "certificate-region": [
        ["restApiConfig.loadBalancerConfig.sslCertIamArn=arn:aws:acm:us-east-1:012345678901:certificate/x"]
    ],
    "ecr-account-listed": [[f"{IMAGE}={{type: ecr, {ECR}}}", "accountNumbersEcr=['999999999999']"]],
    "service-offered": [[f"ragRepositories=[{PGVECTOR}]", "deployRag=true"]],
    "topic-region": [[], ["alarmTopicArn=arn:aws:sns:us-east-1:999999999999:operations"]],
}

FAILING: Failing = {
    "region-known": [(["region=us-middle-1"], "region")],
    "iso-needs-index": [(["region=us-iso-east-1"], "pypiConfig.indexUrl")],
    "arn-partition": [
        (["region=us-gov-west-1"], "restApiConfig.loadBalancerConfig.sslCertIamArn"),
        ([f"{IMAGE}={{type: ecr, {ECR.replace('arn:aws:', 'arn:aws-iso:')}}}"], f"{IMAGE}.repositoryArn"),
        (["alarmTopicArn=arn:aws-us-gov:sns:us-east-1:012345678901:operations"], "alarmTopicArn"),
        ([f"{ENVIRONMENT}.K=arn:aws-cn:secretsmanager:cn-north-1:012345678901:secret:x"], f"{ENVIRONMENT}.K"),
    ],
    "certificate-region": [
        (
            ["restApiConfig.loadBalancerConfig.sslCertIamArn=arn:aws:acm:us-west-2:012345678901:certificate/x"],
            "restApiConfig.loadBalancerConfig.sslCertIamArn",
        )
    ],
    "ecr-account-listed": [([f"{IMAGE}={{type: ecr, {ECR}}}"], f"{IMAGE}.repositoryArn")],
    "topic-region": [
        ([f"alarmTopicArn=arn:aws:sns:{region}:012345678901:operations"], "alarmTopicArn")
        for region in ("us-west-2", "eu-west-1")
    ],
}
