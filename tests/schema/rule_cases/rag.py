"""Cases of the rules of RAG repositories."""

from __future__ import annotations

from .changes import EMBEDDING, PGVECTOR, Failing, Passing

DOMAIN = (
    "dataNodes: 3, dataNodeInstanceType: r7g.large.search, masterNodeInstanceType: r7g.large.search, volumeSize: 20"
)
STANDBY = ", multiAzWithStandby: true"
THREE_ZONES = (
    "vpc={vpcId: vpc-0123456789abcdef0, availabilityZones: [us-east-1a, us-east-1b, us-east-1c]"
    ", cidrBlock: 10.1.0.0/16"
    ", privateSubnetIds: [subnet-0123456789abcdef0, subnet-0123456789abcdef1, subnet-0123456789abcdef2]"
    ", publicSubnetIds: [subnet-0123456789abcdef3, subnet-0123456789abcdef4, subnet-0123456789abcdef5]}"
)


def repositories(*, created: int, existing: int, domains: int = 0) -> str:
    stores = {
        "type: pgvector, rdsConfig: {username: postgres}": created,
        "type: opensearch, opensearchConfig: {endpoint: search.example.com}": existing,
        f"type: opensearch, opensearchConfig: {{{DOMAIN}, masterNodes: 0}}": domains,
    }
    entries = [store for store, count in stores.items() for _ in range(count)]
    numbered = (f"{{repositoryId: docs{number}, {store}}}" for number, store in enumerate(entries))
    return f"ragRepositories=[{', '.join(numbered)}]"


def domain(masters: int, more: str = "") -> str:
    block = f"{{{DOMAIN}, masterNodes: {masters}{more}}}"
    return f"ragRepositories=[{{repositoryId: a, type: opensearch, opensearchConfig: {block}}}]"


def endpoint(host: str) -> str:
    return f"ragRepositories=[{{repositoryId: a, type: opensearch, opensearchConfig: {{endpoint: '{host}'}}}}]"


ENDPOINT = "ragRepositories[0].opensearchConfig.endpoint"

PASSING: Passing = {
    "opensearch-endpoint": [
        [endpoint("vpc-a-b2c.us-east-1.es.amazonaws.com")],
        [endpoint("https://search.example.com:9200")],
        [domain(0)],
    ],
    "repository-block": [[f"ragRepositories=[{PGVECTOR}]"]],
    "repository-ids-unique": [[f"ragRepositories=[{PGVECTOR}, {PGVECTOR.replace('docs', 'more')}]"]],
    "database-secret": [
        [f"ragRepositories=[{PGVECTOR}]"],
        [f"ragRepositories=[{PGVECTOR}]", "ragRepositories[docs].rdsConfig={dbHost: db.internal, passwordSecretId: x}"],
    ],
    "chunk-overlap": [["ragFileProcessingConfig={chunkSize: 512, chunkOverlap: 51}"]],
    "rag-has-repository": [["deployRag=true", f"ragRepositories=[{PGVECTOR}]"], []],
    "rag-has-embedding": [["deployRag=true", *EMBEDDING], []],
    "opensearch-nodes": [[domain(n)] for n in (0, 3, 5)] + [[domain(n, STANDBY)] for n in (3, 5)],
    "standby-needs-three-zones": [
        [domain(3)],
        [domain(3, STANDBY), "vpcId=vpc-0123456789abcdef0", THREE_ZONES],
        [domain(3, STANDBY), "availabilityZones=[us-east-1a, us-east-1b, us-east-1c]"],
    ],
    "repositories-fit": [
        ["deployRag=true", repositories(created=30, existing=120)],
        ["deployRag=true", repositories(created=1, existing=1)],
        ["deployRag=false", repositories(created=31, existing=110)],
    ],
}

FAILING: Failing = {
    "opensearch-endpoint": [
        ([endpoint("https://abc123.us-east-1.aoss.amazonaws.com")], ENDPOINT),
        ([endpoint("vpc-a-b2c.eu-west-1.es.amazonaws.com")], ENDPOINT),
    ],
    "repository-block": [
        (["ragRepositories=[{repositoryId: docs, type: pgvector}]"], "ragRepositories[0].rdsConfig"),
        (
            [f"ragRepositories=[{PGVECTOR}]", "ragRepositories[docs].opensearchConfig.endpoint=x.es"],
            "ragRepositories[0].opensearchConfig",
        ),
    ],
    "repository-ids-unique": [
        ([f"ragRepositories=[{PGVECTOR}, {PGVECTOR.replace('docs', 'Doc-s')}]"], "ragRepositories[1].repositoryId")
    ],
    "database-secret": [
        (
            [
                f"ragRepositories=[{PGVECTOR.replace('docs', 'first')}, {PGVECTOR}]",
                "ragRepositories[docs].rdsConfig.dbHost=db",
            ],
            "ragRepositories[1].rdsConfig.dbHost",
        ),
        (
            [f"ragRepositories=[{PGVECTOR}]", "ragRepositories[docs].rdsConfig.dbHost=db"],
            "ragRepositories[0].rdsConfig.dbHost",
        ),
        (
            [f"ragRepositories=[{PGVECTOR}]", "ragRepositories[docs].rdsConfig.passwordSecretId=x"],
            "ragRepositories[0].rdsConfig.passwordSecretId",
        ),
    ],
    "chunk-overlap": [
        (["ragFileProcessingConfig={chunkSize: 512, chunkOverlap: 512}"], "ragFileProcessingConfig.chunkOverlap")
    ],
    "rag-has-repository": [(["deployRag=true"], "deployRag")],
    "rag-has-embedding": [(["deployRag=true"], "deployRag")],
    "opensearch-nodes": [
        (
            [domain(2)],
            "ragRepositories[0].opensearchConfig.masterNodes",
        ),
        (
            [
                domain(0),
                "ragRepositories[a].opensearchConfig.multiAzWithStandby=true",
            ],
            "ragRepositories[0].opensearchConfig.multiAzWithStandby",
        ),
    ],
    "standby-needs-three-zones": [([domain(3, STANDBY)], "ragRepositories[0].opensearchConfig.multiAzWithStandby")],
    "repositories-fit": [
        (["deployRag=true", repositories(created=30, existing=121)], "ragRepositories"),
        (["deployRag=true", repositories(created=31, existing=1)], "ragRepositories[30]"),
        (["deployRag=true", repositories(created=20, existing=1, domains=11)], "ragRepositories[31]"),
    ],
}
