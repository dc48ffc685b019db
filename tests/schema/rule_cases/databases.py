"""Cases of the rules of databases of RAG repositories."""

from __future__ import annotations

from .changes import ISOLATED, PGVECTOR, Failing, Passing

RDS = "ragRepositories[docs].rdsConfig"
PATH = "ragRepositories[0].rdsConfig"
HOST = "d.c1a2b3.eu-west-1.rds.amazonaws.com"


def database(*more: str, **values: str) -> list[str]:
    changes = [f"{RDS}.{key}={value}" for key, value in values.items()]
    return ["deployRag=true", f"ragRepositories=[{PGVECTOR}]", *changes, *more]


def existing(host: str, *more: str, **values: str) -> list[str]:
    return database(*more, dbHost=host, passwordSecretId="x", **values)


BUNDLE = "databaseAuthorityBundle=certificates/databases.pem"

PASSING: Passing = {
    "database-authority": [
        database(),
        database("region=eu-west-1"),
        database("region=us-gov-west-1", BUNDLE),
        [*database("region=us-gov-west-1"), "deployRag=false"],
        existing(HOST, "region=us-gov-west-1"),
        existing("db.example.com", "region=us-gov-west-1"),
    ],
    "private-database-authority": [
        database(),
        existing(HOST),
        existing("db.example.com", BUNDLE),
        existing("db.example.com", "certificateAuthorityBundle=certificates/authorities.pem"),
    ],
    "database-function-user": [
        database(),
        database(functionUser="password"),
        existing("db.example.com"),
        existing("db.example.com", functionUser="configured"),
        existing("db.example.com", functionUser="password"),
        existing(HOST, functionUser="iam", dbiResourceId="db-ABCDEFGHIJKL01234"),
        existing(HOST, functionUser="iam", dbiResourceId="cluster-ABCDEFGHIJKL01234"),
    ],
    "database-privileges": [
        database(),
        existing("db.example.com", functionUser="configured"),
        existing("db.example.com", functionUser="password"),
    ],
}

FAILING: Failing = {
    "database-authority": [
        (database("region=us-gov-west-1"), PATH),
        (database("region=cn-north-1"), PATH),
        (database(*ISOLATED), PATH),
        (existing("d.c1.us-gov-west-1.rds.amazonaws.com"), PATH),
        (existing("D.C1.EUSC-DE-EAST-1.RDS.AMAZONAWS.EU"), PATH),
    ],
    "private-database-authority": [
        (existing("db.example.com"), f"{PATH}.dbHost"),
        (existing("db.example.com", "certificateAuthorityBundle=/etc/pki/bundle.crt"), f"{PATH}.dbHost"),
    ],
    "database-function-user": [
        (database(functionUser="configured"), f"{PATH}.functionUser"),
        (existing(HOST, functionUser="iam"), f"{PATH}.functionUser"),
        (existing("db.example.com", functionUser="iam", dbiResourceId="db-ABC"), f"{PATH}.functionUser"),
        (database(dbiResourceId="db-ABC"), f"{PATH}.dbiResourceId"),
        (existing(HOST, functionUser="password", dbiResourceId="db-ABC"), f"{PATH}.dbiResourceId"),
    ],
    "database-privileges": [(existing("db.example.com"), f"{PATH}.username")],
}
