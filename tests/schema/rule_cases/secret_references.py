"""Cases of the rules of references to secrets and parameters."""

from __future__ import annotations

from .changes import ENVIRONMENT, RAG, Failing, Passing

SECRET = "arn:aws:secretsmanager:us-east-1:012345678901:secret:team/key-AbCdEf"
PARAMETER = "arn:aws:ssm:us-east-1:012345678901:parameter/team/key"
ELSEWHERE = "arn:aws:secretsmanager:us-east-1:999999999999:secret:key-AbCdEf"
KEY = "arn:aws:kms:us-east-1:999999999999:key/01234567-89ab-cdef-0123-456789abcdef"
PASSWORD = "ragRepositories[docs].rdsConfig.passwordSecretId"
DATABASE = [*RAG, "ragRepositories[docs].rdsConfig.dbHost=db.example.com"]
PASSWORD_PATH = "ragRepositories[0].rdsConfig.passwordSecretId"


def variable(value: str) -> str:
    return f"{ENVIRONMENT}.K='{value}'"


PASSING: Passing = {
    "secret-reference-form": [
        *(
            [variable(value)]
            for value in (
                SECRET,
                f"{SECRET}:password::",
                f"{SECRET}::AWSPREVIOUS:",
                f"{SECRET}:password::01234567-89ab-cdef-0123-456789abcdef",
                SECRET.removesuffix("-AbCdEf"),
                PARAMETER,
                f"{PARAMETER}:3",
                "arn:aws:ssm:us-east-1:012345678901:document/x",
                "arn:aws:s3:::bucket",
                "no ARN: arn:aws:secretsmanager",
            )
        ),
        [*DATABASE, f"{PASSWORD}=team/database"],
        [*DATABASE, f"{PASSWORD}={SECRET}"],
    ],
    "secret-elsewhere": [
        [variable(SECRET)],
        [variable(f"{SECRET}:password::")],
        [variable(ELSEWHERE), f"secretKeyArns=['{KEY}']"],
        [*DATABASE, f"{PASSWORD}={SECRET}"],
        [*DATABASE, f"{PASSWORD}=team/database"],
    ],
    "secret-key-used": [
        [variable(ELSEWHERE), f"secretKeyArns=['{KEY}']"],
        [*DATABASE, f"{PASSWORD}=team/database", f"secretKeyArns=['{KEY.replace('999999999999', '012345678901')}']"],
    ],
}

FAILING: Failing = {
    "secret-reference-form": [
        *(
            ([variable(value)], f"{ENVIRONMENT}.K")
            for value in (
                f"{SECRET}:password",
                f"{SECRET}:password:",
                f"{SECRET}:password:::",
                f"{SECRET}:password:AWSCURRENT:01234567-89ab-cdef-0123-456789abcdef",
                f" {SECRET}",
                f"{PARAMETER} ",
                SECRET.replace(":secret:", ":"),
                SECRET.replace("us-east-1", ""),
                SECRET.replace("012345678901", ""),
                PARAMETER.replace("parameter/", "parameter//"),
                PARAMETER.replace("parameter/", "parameter:"),
                PARAMETER.replace("012345678901", ""),
            )
        ),
        ([*DATABASE, f"{PASSWORD}={PARAMETER}"], PASSWORD_PATH),
        ([*DATABASE, f"{PASSWORD}='{SECRET}:password::'"], PASSWORD_PATH),
        ([*DATABASE, f"{PASSWORD}={SECRET.replace(':secret:', ':')}"], PASSWORD_PATH),
        ([f"litellmConfig.environment_variables.K={SECRET}"], "litellmConfig.environment_variables.K"),
    ],
    "secret-elsewhere": [
        ([variable(ELSEWHERE)], f"{ENVIRONMENT}.K"),
        ([variable(SECRET.replace("us-east-1", "eu-west-1"))], f"{ENVIRONMENT}.K"),
        ([variable(PARAMETER.replace("012345678901", "999999999999"))], f"{ENVIRONMENT}.K"),
        ([variable(ELSEWHERE), f"secretKeyArns=['{KEY.replace('us-east-1', 'eu-west-1')}']"], f"{ENVIRONMENT}.K"),
        ([*DATABASE, f"{PASSWORD}={ELSEWHERE}"], PASSWORD_PATH),
        ([*DATABASE, f"{PASSWORD}={SECRET.replace('us-east-1', 'eu-west-1')}"], PASSWORD_PATH),
    ],
    "secret-key-used": [([f"secretKeyArns=['{KEY}']"], "secretKeyArns[0]")],
}
