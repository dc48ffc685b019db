"""Cases of the rules of ARNs."""

from __future__ import annotations

from .changes import ENVIRONMENT, IMAGE, RAG, Failing, Passing

ECR = "repositoryArn: 'arn:aws:ecr:us-east-1:999999999999:repository/x'"
CERTIFICATE = "restApiConfig.loadBalancerConfig.sslCertIamArn"
MODEL_CERTIFICATE = "ecsModels[mistral7b].loadBalancerConfig.sslCertIamArn"
API_CERTIFICATE = "apiGatewayConfig.certificateArn"
BOUNDARY = "permissionsBoundaryAspect.permissionsBoundaryPolicyName"
KEY = "arn:aws:kms:us-east-1:012345678901:key/01234567-89ab-cdef-0123-456789abcdef"


def acm(account: str, region: str = "us-east-1") -> str:
    return f"arn:aws:acm:{region}:{account}:certificate/01234567-89ab-cdef-0123-456789abcdef"


def web_acl(*, region: str = "us-east-1", account: str = "012345678901", scope: str = "regional") -> str:
    identifier = "01234567-89ab-cdef-0123-456789abcdef"
    return f"wafWebAclArn=arn:aws:wafv2:{region}:{account}:{scope}/webacl/lisa/{identifier}"


def audit_key(arn: str) -> str:
    return f"accessConfig={{everyone: {{auditContent: true}}, auditContentStore: {{keyArn: '{arn}'}}}}"


AUDIT_KEY = "arn:aws:kms:us-east-1:999999999999:key/01234567-89ab-cdef-0123-456789abcdef"
AUDIT_KEY_PATH = "accessConfig.auditContentStore.keyArn"

PASSING: Passing = {
    "arn-partition": [[], [f"{ENVIRONMENT}.KEY=arn:aws:secretsmanager:us-east-1:012345678901:secret:x"]],
    "certificate-region": [[f"{CERTIFICATE}={acm('012345678901')}"]],
    "ecr-account-listed": [
        [f"{IMAGE}={{type: ecr, {ECR}}}", "accountNumbersEcr=['999999999999']"],
        [f"{IMAGE}={{type: registry, registry: '012345678901.dkr.ecr.us-east-1.amazonaws.com/vllm:v1'}}"],
        [f"{IMAGE}={{type: registry, registry: 'registry.example.com/vllm:v1'}}"],
    ],
    "web-acl-region": [[], [web_acl()]],
    "topic-region": [[], ["alarmTopicArn=arn:aws:sns:us-east-1:999999999999:operations"]],
    "audit-key-region": [[], [audit_key(AUDIT_KEY)]],
    "arn-kind": [
        [f"{API_CERTIFICATE}={acm('012345678901')}"],
        [f"{BOUNDARY}=arn:aws:iam::012345678901:policy/team/Boundary"],
        [f"secretKeyArns=['{KEY}']"],
    ],
    "arn-account": [
        [f"{CERTIFICATE}={acm('012345678901')}"],
        ["accountNumber=999999999999", f"{CERTIFICATE}=arn:aws:iam::999999999999:server-certificate/lisa"],
        [f"{BOUNDARY}=arn:aws:iam::aws:policy/PowerUserAccess"],
        ["alarmTopicArn=arn:aws:sns:us-east-1:999999999999:operations"],
    ],
}

FAILING: Failing = {
    "arn-partition": [
        (["region=us-gov-west-1"], CERTIFICATE),
        ([f"{IMAGE}={{type: ecr, {ECR.replace('arn:aws:', 'arn:aws-iso:')}}}"], f"{IMAGE}.repositoryArn"),
        (
            [f"{IMAGE}={{type: registry, registry: '999999999999.dkr.ecr.us-gov-west-1.amazonaws.com/vllm:v1'}}"],
            f"{IMAGE}.registry",
        ),
        (
            [f"{IMAGE}.baseImage='999999999999.dkr.ecr.us-gov-west-1.amazonaws.com/python:3.12'"],
            f"{IMAGE}.baseImage",
        ),
        (["alarmTopicArn=arn:aws-us-gov:sns:us-east-1:012345678901:operations"], "alarmTopicArn"),
        ([f"{ENVIRONMENT}.K=arn:aws-cn:secretsmanager:cn-north-1:012345678901:secret:x"], f"{ENVIRONMENT}.K"),
        ([f"{BOUNDARY}=arn:aws-us-gov:iam::012345678901:policy/Boundary"], BOUNDARY),
        ([f"secretKeyArns=['{KEY.replace('arn:aws:', 'arn:aws-cn:')}']"], "secretKeyArns[0]"),
        ([audit_key(AUDIT_KEY.replace("arn:aws:", "arn:aws-us-gov:"))], AUDIT_KEY_PATH),
        (
            [
                *RAG,
                "ragRepositories[docs].rdsConfig.dbHost=db.example.com",
                "ragRepositories[docs].rdsConfig.passwordSecretId=arn:aws-cn:secretsmanager:cn-north-1:012345678901:secret:x",
            ],
            "ragRepositories[0].rdsConfig.passwordSecretId",
        ),
    ],
    "certificate-region": [
        ([f"{CERTIFICATE}={acm('012345678901', 'us-west-2')}"], CERTIFICATE),
        ([f"{API_CERTIFICATE}={acm('012345678901', 'us-west-2')}"], API_CERTIFICATE),
    ],
    "ecr-account-listed": [
        ([f"{IMAGE}={{type: ecr, {ECR}}}"], f"{IMAGE}.repositoryArn"),
        (
            [f"{IMAGE}={{type: registry, registry: '999999999999.dkr.ecr.us-west-2.amazonaws.com/vllm:v1'}}"],
            f"{IMAGE}.registry",
        ),
    ],
    "web-acl-region": [([web_acl(region="us-west-2")], "wafWebAclArn")],
    "topic-region": [
        ([f"alarmTopicArn=arn:aws:sns:{region}:012345678901:operations"], "alarmTopicArn")
        for region in ("us-west-2", "eu-west-1")
    ],
    "audit-key-region": [([audit_key(AUDIT_KEY.replace("us-east-1", "us-west-2"))], AUDIT_KEY_PATH)],
    "arn-kind": [
        ([web_acl(scope="global")], "wafWebAclArn"),
        ([f"{API_CERTIFICATE}=arn:aws:iam::012345678901:server-certificate/lisa"], API_CERTIFICATE),
        ([f"{BOUNDARY}=arn:aws:iam::012345678901:role/Boundary"], BOUNDARY),
    ],
    "arn-account": [
        ([f"{CERTIFICATE}={acm('999999999999')}"], CERTIFICATE),
        ([f"{CERTIFICATE}=arn:aws:iam::999999999999:server-certificate/lisa"], CERTIFICATE),
        ([f"{MODEL_CERTIFICATE}={acm('999999999999')}"], "ecsModels[0].loadBalancerConfig.sslCertIamArn"),
        ([f"{API_CERTIFICATE}={acm('999999999999')}"], API_CERTIFICATE),
        ([web_acl(account="999999999999")], "wafWebAclArn"),
        (["accountNumber=999999999999"], CERTIFICATE),
        ([f"{BOUNDARY}=arn:aws:iam::999999999999:policy/Boundary"], BOUNDARY),
    ],
}
