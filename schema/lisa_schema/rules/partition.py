"""Rules about partitions and regions."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.models import Config, EcrImage, OpenSearchDomain, RepositoryType
from lisa_schema.regions import nearest_regions, region
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import services


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


@rule("LISA342", "arn-partition", "Use the ARN of a resource in the partition of the Region.")
def arn_partition(config: Config) -> Iterator[RuleViolation]:
    """ARNs must be in the partition of the Region."""
    home = region(config.region)
    if home is None:
        return
    for path, arn in _arns(config):
        if not arn.startswith(f"{home.arn_prefix}:"):
            message = (
                f"The ARN starts with arn:{arn.split(':')[1]}, but {home.name} is in the partition {home.partition.id}."
            )
            yield RuleViolation(path, message, None, (("region",),))


@rule("LISA343", "certificate-region", "Request the certificate in the configured Region.")
def certificate_region(config: Config) -> Iterator[RuleViolation]:
    """An ACM certificate of a load balancer must be in the Region of the load balancer."""
    for path, service in services(config):
        parts = (service.load_balancer_config.ssl_cert_iam_arn or "").split(":")
        if len(parts) > 3 and parts[2] == "acm" and parts[3] != config.region:
            at = (*path, "loadBalancerConfig", "sslCertIamArn")
            message = f"The certificate is in {parts[3]}, but the load balancer will be in {config.region}."
            yield RuleViolation(at, message, None, (("region",),))


@rule("LISA344", "ecr-account-listed", "Add the account to accountNumbersEcr.", Severity.WARNING)
def ecr_account_listed(config: Config) -> Iterator[RuleViolation]:
    """ECR images must be in the deployment's account, or in one of accountNumbersEcr."""
    known = {config.account_number, *config.account_numbers_ecr}
    for path, service in services(config):
        image = service.container_config.image
        if isinstance(image, EcrImage) and (account := image.repository_arn.split(":")[4]) not in known:
            at = (*path, "containerConfig", "image", "repositoryArn")
            message = f"The repository is in account {account}, which is not among accountNumbersEcr."
            yield RuleViolation(at, message, None, (("accountNumber",), ("accountNumbersEcr",)))


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


@rule("LISA346", "topic-region", "Use a topic in the configured Region.")
def topic_region(config: Config) -> Iterator[RuleViolation]:
    """`alarmTopicArn` must name a topic in the configured Region: CloudWatch alarms notify no other."""
    parts = (config.alarm_topic_arn or "").split(":")
    if len(parts) > 3 and parts[3] != config.region:
        message = f"The topic is in {parts[3]}, but the alarms will be in {config.region}."
        yield RuleViolation(("alarmTopicArn",), message, None, (("region",),))


def _arns(config: Config) -> Iterator[tuple[Path, str]]:
    if config.alarm_topic_arn:
        yield ("alarmTopicArn",), config.alarm_topic_arn
    for path, service in services(config):
        certificate = service.load_balancer_config.ssl_cert_iam_arn
        if certificate:
            yield (*path, "loadBalancerConfig", "sslCertIamArn"), certificate
        image = service.container_config.image
        if isinstance(image, EcrImage):
            yield (*path, "containerConfig", "image", "repositoryArn"), image.repository_arn
        for name, value in service.container_config.environment.items():
            if value.startswith("arn:aws") and value.count(":") >= 5:
                yield (*path, "containerConfig", "environment", name), value
