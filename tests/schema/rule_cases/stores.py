"""Cases of the rules of stores that LISA creates."""

from __future__ import annotations

from .changes import PGVECTOR, Failing, Passing

RDS = "ragRepositories[docs].rdsConfig"
RDS_PATH = "ragRepositories[0].rdsConfig"
SEARCH = "ragRepositories[0].opensearchConfig"


def database(**values: str) -> list[str]:
    changes = [f"{RDS}.{key}={value}" for key, value in values.items()]
    return ["deployRag=true", f"ragRepositories=[{PGVECTOR}]", *changes]


def domain(**changes: object) -> list[str]:
    values = {
        "dataNodes": 2,
        "dataNodeInstanceType": "r6g.large.search",
        "masterNodes": 0,
        "masterNodeInstanceType": "r6g.large.search",
        "volumeSize": 300,
        **changes,
    }
    written = ", ".join(f"{key}: {value}" for key, value in values.items())
    return [
        "deployRag=true",
        f"ragRepositories=[{{repositoryId: os, type: opensearch, opensearchConfig: {{{written}}}}}]",
    ]


PASSING: Passing = {
    "database-user": [
        *(database(username=name) for name in ("postgres", "lisa", "users", "administrator", "rdsuser")),
        database(dbName="rag"),
        database(username="admin", dbHost="db.example.com", passwordSecretId="x"),
    ],
    "search-type": [
        domain(),
        domain(dataNodeInstanceType="t3.small.search"),
        domain(masterNodeInstanceType="r6g.larg.search"),
        [*domain(dataNodeInstanceType="i3.large.search"), "deployRag=false"],
    ],
    "search-volume": [
        domain(volumeSize=2048),
        domain(dataNodeInstanceType="t3.small.search", volumeSize=100),
        domain(dataNodeInstanceType="or1.medium.search", volumeSize=20),
        domain(dataNodeInstanceType="m7g.medium.search", volumeSize=99999),
    ],
}

FAILING: Failing = {
    "database-user": [
        *(
            (database(username=name), f"{RDS_PATH}.username")
            for name in ("admin", "Admin", "rdsadmin", "rds_superuser", "pg_lisa", "user", "public", "select")
        ),
        *((database(dbName=name), f"{RDS_PATH}.dbName") for name in ("rdsadmin", "template1", "user")),
    ],
    "search-type": [
        (domain(dataNodeInstanceType="r6g.larg.search"), f"{SEARCH}.dataNodeInstanceType"),
        (domain(masterNodes=3, masterNodeInstanceType="r6g.larg.search"), f"{SEARCH}.masterNodeInstanceType"),
        (domain(dataNodeInstanceType="i3.large.search"), f"{SEARCH}.dataNodeInstanceType"),
        (domain(dataNodeInstanceType="r6gd.large.search"), f"{SEARCH}.dataNodeInstanceType"),
        (domain(dataNodeInstanceType="m4.large.search"), f"{SEARCH}.dataNodeInstanceType"),
        (domain(dataNodeInstanceType="ultrawarm1.medium.search"), f"{SEARCH}.dataNodeInstanceType"),
        ([*domain(dataNodeInstanceType="m6g.large.search"), "region=ap-east-2"], f"{SEARCH}.dataNodeInstanceType"),
        ([*domain(), "region=us-iso-east-1"], f"{SEARCH}.dataNodeInstanceType"),
    ],
    "search-volume": [
        (domain(volumeSize=2049), f"{SEARCH}.volumeSize"),
        (domain(dataNodeInstanceType="t3.small.search", volumeSize=101), f"{SEARCH}.volumeSize"),
        (domain(dataNodeInstanceType="or1.medium.search", volumeSize=19), f"{SEARCH}.volumeSize"),
    ],
}
