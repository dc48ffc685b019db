"""Rules about Regions and what they have; those of ARNs are in lisa_schema.rules.arns."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_schema.diagnostics import Severity
from lisa_schema.models import Config, OpenSearchDomain, RepositoryType
from lisa_schema.regions import nearest_regions, region
from lisa_schema.rules.registry import RuleViolation, rule


@rule("LISA340", "region-known", "Use an existing Region.")
def region_known(config: Config) -> Iterator[RuleViolation]:
    """The Region must exist."""
    if region(config.region) is None:
        near = nearest_regions(config.region)
        yield RuleViolation(
            ("region",), f"Unknown Region `{config.region}`.", f"Choose {' or '.join(near)}." if near else None
        )


@rule("LISA341", "iso-needs-index", "Set pypiConfig.indexUrl to the package index of your network.")
def iso_needs_index(config: Config) -> Iterator[RuleViolation]:
    """In an isolated Region pypiConfig.indexUrl must be set, since the public index cannot be reached."""
    home = region(config.region)
    if home is not None and home.is_iso and not config.pypi_config.index_url:
        message = f"{home.name} is isolated; builds require a package index in your network."
        yield RuleViolation(("pypiConfig", "indexUrl"), message, None, (("region",),))


@rule("LISA345", "service-offered", "Use another repository type, or another Region.", Severity.WARNING)
def service_offered(config: Config) -> Iterator[RuleViolation]:
    """The Region must offer the services of the RAG repositories; an error in isolated and GovCloud Regions."""
    home = region(config.region)
    if home is None or not config.deploy_rag:
        return
    severity = Severity.ERROR if home.is_iso or home.is_gov else Severity.WARNING
    for index, repository in enumerate(config.rag_repositories):
        is_created = (
            isinstance(repository.opensearch_config, OpenSearchDomain)
            if repository.type is RepositoryType.OPENSEARCH
            else repository.rds_config is not None and repository.rds_config.db_host is None
        )
        kind = "AWS::OpenSearchService::Domain" if repository.type == "opensearch" else "AWS::RDS::DBInstance"
        if is_created and home.supports(kind) is False:
            message = f"The Region {home.name} has no {kind}, according to the Region table."
            yield RuleViolation(("ragRepositories", index, "type"), message, None, (("region",),), severity)
