"""Rules about repositories of documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.models import Config, ModelType, OpenSearchDomain, OpenSearchEndpoint, RagRepository, RepositoryType
from lisa_schema.rules.registry import RuleViolation, rule

_BLOCKS = {RepositoryType.OPENSEARCH: "opensearchConfig", RepositoryType.PGVECTOR: "rdsConfig"}


_STANDBY_ZONES: Final = 3
_AWS_ENDPOINT: Final = re.compile(r"\.(?P<region>[a-z]{2,}(-[a-z]+)+-\d)\.(?P<service>es|aoss)\.")
"""Endpoints by which AWS names domains and collections; a custom endpoint has any name."""
_REPOSITORIES_AT_MOST: Final = 150
_CREATED_AT_MOST: Final = 30


@rule("LISA360", "repository-block", "Add the block of the type, and remove the other one.")
def repository_block(config: Config) -> Iterator[RuleViolation]:
    """A repository must have only the block of its type, opensearchConfig or rdsConfig."""
    for index, repository in enumerate(config.rag_repositories):
        path = ("ragRepositories", index)
        wanted = _BLOCKS[repository.type]
        present = {"opensearchConfig": repository.opensearch_config, "rdsConfig": repository.rds_config}
        kind = ((*path, "type"),)
        if present.pop(wanted) is None:
            message = f"A repository of type {repository.type} needs `{wanted}`."
            yield RuleViolation((*path, wanted), message, f"Add `{wanted}`, or change the type.", kind)
        for key in (key for key, block in present.items() if block is not None):
            message = f"A repository of type {repository.type} does not support `{key}`."
            yield RuleViolation((*path, key), message, f"Remove `{key}`, or change the type.", kind)


@rule("LISA361", "repository-ids-unique", "Change the repositoryId of one of them.")
def repository_ids_unique(config: Config) -> Iterator[RuleViolation]:
    """`repositoryId` must be unique (compared case-insensitively, without hyphens)."""
    first: dict[str, int] = {}
    for index, repository in enumerate(config.rag_repositories):
        plain = "".join(filter(str.isalnum, repository.repository_id)).casefold()
        other = first.setdefault(plain, index)
        if other != index:
            message = f"`{repository.repository_id}` would get the same AWS names as `ragRepositories[{other}]`."
            also = (("ragRepositories", other, "repositoryId"),)
            yield RuleViolation(("ragRepositories", index, "repositoryId"), message, None, also)


@rule("LISA362", "database-secret", "Set both, or neither for a database that LISA creates.")
def database_secret(config: Config) -> Iterator[RuleViolation]:
    """An existing database requires both dbHost and passwordSecretId."""
    for index, repository in enumerate(config.rag_repositories):
        rds = repository.rds_config
        if rds is None or (rds.db_host is None) == (rds.password_secret_id is None):
            continue
        path = ("ragRepositories", index, "rdsConfig")
        given, missing = ("dbHost", "passwordSecretId") if rds.db_host else ("passwordSecretId", "dbHost")
        yield RuleViolation((*path, given), f"`{given}` is set without `{missing}`.", None, ((*path, missing),))


@rule("LISA363", "chunk-overlap", "Decrease chunkOverlap, for example to a tenth of chunkSize.")
def chunk_overlap(config: Config) -> Iterator[RuleViolation]:
    """`chunkOverlap` must be less than chunkSize."""
    chunks = config.rag_file_processing_config
    if chunks is not None and chunks.chunk_overlap >= chunks.chunk_size:
        path = ("ragFileProcessingConfig",)
        message = f"chunkOverlap {chunks.chunk_overlap} must be less than chunkSize {chunks.chunk_size}."
        yield RuleViolation((*path, "chunkOverlap"), message, None, ((*path, "chunkSize"),))


@rule("LISA364", "rag-has-repository", "Add an entry to ragRepositories, or set deployRag to false.", Severity.WARNING)
def rag_has_repository(config: Config) -> Iterator[RuleViolation]:
    """`deployRag` requires a RAG repository."""
    if config.deploy_rag and not config.rag_repositories:
        message = "deployRag is true, but ragRepositories is empty."
        yield RuleViolation(("deployRag",), message, None, (("ragRepositories",),))


@rule("LISA365", "rag-has-embedding", "Deploy an embedding model, or list one in litellmConfig.", Severity.WARNING)
def rag_has_embedding(config: Config) -> Iterator[RuleViolation]:
    """`deployRag` requires an embedding model, hosted or external."""
    kinds = [model.model_type for model in config.deployed_models]
    kinds += [model.lisa_params.model_type for model in config.litellm_config.model_list]
    if config.deploy_rag and ModelType.EMBEDDING not in kinds:
        message = "deployRag is true, but no embedding model is configured."
        yield RuleViolation(("deployRag",), message, None, (("ecsModels",), ("litellmConfig",)))


@rule("LISA366", "opensearch-nodes", "Use node counts that OpenSearch supports for the Availability Zones.")
def opensearch_nodes(config: Config) -> Iterator[RuleViolation]:
    """A domain must have 0, 3 or 5 masters; with standby, 3 or 5 masters and data nodes in multiples of three."""
    for index, repository in enumerate(config.rag_repositories):
        domain = repository.opensearch_config
        if not isinstance(domain, OpenSearchDomain):
            continue
        path = ("ragRepositories", index, "opensearchConfig")
        if domain.master_nodes not in (0, 3, 5):
            message = f"{domain.master_nodes} master nodes are not supported; OpenSearch requires 0, 3 or 5."
            yield RuleViolation((*path, "masterNodes"), message)
        if domain.multi_az_with_standby and (domain.data_nodes % 3 or not domain.master_nodes):
            message = "multiAzWithStandby requires three master nodes, and data nodes in multiples of three."
            also = ((*path, "dataNodes"), (*path, "masterNodes"))
            yield RuleViolation((*path, "multiAzWithStandby"), message, None, also)


@rule(
    "LISA367", "standby-needs-three-zones", "Set multiAzWithStandby to false, or list three zones in availabilityZones."
)
def standby_needs_three_zones(config: Config) -> Iterator[RuleViolation]:
    """A domain with standby requires a VPC with three Availability Zones; LISA creates two by default."""
    zones = len(config.vpc.instance_subnet_ids) if config.vpc else config.zone_count
    for index, repository in enumerate(config.rag_repositories):
        domain = repository.opensearch_config
        if isinstance(domain, OpenSearchDomain) and domain.multi_az_with_standby and zones < _STANDBY_ZONES:
            at = ("ragRepositories", index, "opensearchConfig", "multiAzWithStandby")
            yield RuleViolation(at, f"A standby requires {_STANDBY_ZONES} Availability Zones, but the VPC has {zones}.")


@rule("LISA368", "repositories-fit", "Deploy the others with another deploymentName.")
def repositories_fit(config: Config) -> Iterator[RuleViolation]:
    """The rag stack must have at most 150 repositories, at most 30 of them with a store that LISA creates."""
    if not config.deploy_rag:
        return
    count = len(config.rag_repositories)
    if count > _REPOSITORIES_AT_MOST:
        yield RuleViolation(
            ("ragRepositories",), f"{count} repositories are configured; the maximum is {_REPOSITORIES_AT_MOST}."
        )
    created = [index for index, repository in enumerate(config.rag_repositories) if _is_created(repository)]
    if len(created) > _CREATED_AT_MOST:
        message = (
            f"{len(created)} repositories have a store that LISA creates; the maximum is {_CREATED_AT_MOST}: "
            "CloudFormation accepts 500 resources in a stack, and IAM 10,240 characters of policies in a role."
        )
        yield RuleViolation(("ragRepositories", created[_CREATED_AT_MOST]), message)


@rule("LISA590", "opensearch-endpoint", "Write the endpoint of a domain in the deployment's Region.")
def opensearch_endpoint(config: Config) -> Iterator[RuleViolation]:
    """An existing OpenSearch domain must be one of OpenSearch Service in the deployment's Region."""
    for index, repository in enumerate(config.rag_repositories):
        store = repository.opensearch_config
        found = _AWS_ENDPOINT.search(store.endpoint.lower()) if isinstance(store, OpenSearchEndpoint) else None
        if found is None:
            continue
        at = ("ragRepositories", index, "opensearchConfig", "endpoint")
        if found["service"] == "aoss":
            message = "The endpoint is of OpenSearch Serverless, which LISA does not support: it rejects every request."
            yield RuleViolation(at, message)
        elif found["region"] != config.region:
            message = (
                f"The domain is in {found['region']}, and the function signs its requests for {config.region}: "
                "OpenSearch Service rejects them."
            )
            yield RuleViolation(at, message, None, (("region",),))


def _is_created(repository: RagRepository) -> bool:
    if repository.rds_config is not None:
        return repository.rds_config.db_host is None
    return isinstance(repository.opensearch_config, OpenSearchDomain)
