"""Rules about ARNs: each must be of the partition, Region, account and kind that its place accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lisa_schema.arns import Arn, parse_arn
from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.models import AssetImage, Config, EcrImage, RegistryImage
from lisa_schema.regions import region
from lisa_schema.registries import ecr_home, ecr_repository
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import services


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What an ARN must be where it stands.

    Attributes:
        resources: pattern of `<service>:<resource>`; empty where any ARN is accepted.
        words: what is accepted, for messages.
        own_account: whether only resources of the deployment's account can be used there.
        of_aws: whether resources of AWS can be used, too.
        region_rule: name of the rule that requires the deployment's Region; empty where any Region is accepted.
        reason: why only resources of the account can be used, a clause.
    """

    resources: str = ""
    words: str = ""
    own_account: bool = False
    of_aws: bool = False
    region_rule: str = ""
    reason: str = ""


_BALANCER_CERTIFICATE: Final = _Place(
    resources=r"iam:server-certificate/.+|acm:certificate/.+",
    words="an IAM server certificate or an ACM certificate",
    own_account=True,
    region_rule="certificate-region",
    reason="load balancers use certificates of their own account only",
)
_API_CERTIFICATE: Final = _Place(
    resources=r"acm:certificate/.+",
    words="an ACM certificate, the only kind that API Gateway accepts",
    own_account=True,
    region_rule="certificate-region",
    reason="API Gateway uses certificates of its own account only",
)
_TOPIC: Final = _Place(resources=r"sns:.+", words="an SNS topic", region_rule="topic-region")
_WEB_ACL: Final = _Place(
    resources=r"wafv2:regional/webacl/.+",
    words="a regional web ACL of AWS WAF; one for CloudFront is global",
    own_account=True,
    region_rule="web-acl-region",
    reason="load balancers and APIs use web ACLs of their own account",
)
_BOUNDARY: Final = _Place(
    resources=r"iam:policy/.+",
    words="a managed policy",
    own_account=True,
    of_aws=True,
    reason="IAM accepts boundaries of its own account, and those of AWS",
)
_REPOSITORY: Final = _Place(resources=r"ecr:repository/.+", words="an ECR repository")
_KEY: Final = _Place(resources=r"kms:key/.+", words="a KMS key; aliases are not accepted in policies")
_AUDIT_KEY: Final = _Place(
    resources=r"kms:key/.+", words="a KMS key; an alias can be moved to another key", region_rule="audit-key-region"
)
_VALUE: Final = _Place()


@rule("LISA342", "arn-partition", "Use the ARN of a resource in the partition of the Region.")
def arn_partition(config: Config) -> Iterator[RuleViolation]:
    """ARNs must be in the partition of the Region."""
    home = region(config.region)
    if home is None:
        return
    for path, _, arn in _arns(config):
        if arn.partition != home.partition.id:
            message = (
                f"The ARN starts with arn:{arn.partition}, but {home.name} is in the partition {home.partition.id}."
            )
            yield RuleViolation(path, message, None, (("region",),))
    for path, service in services(config):
        image = service.container_config.image
        base = parse_arn(_repository(image.base_image)) if isinstance(image, AssetImage) else None
        if base is not None and base.partition != home.partition.id:
            message = (
                f"The base image is in the partition {base.partition}, where credentials of {home.name} do not work."
            )
            fix = "Sign in to that registry where images are built, or copy the image to a registry of this partition."
            at: Path = (*path, "containerConfig", "image", "baseImage")
            yield RuleViolation(at, message, fix, (("region",),), Severity.WARNING)


@rule("LISA343", "certificate-region", "Request the certificate in the configured Region.")
def certificate_region(config: Config) -> Iterator[RuleViolation]:
    """An ACM certificate must be in the Region of the load balancer or the API that uses it."""
    for path, place, arn in _arns(config):
        if place.region_rule == "certificate-region" and arn.region and arn.region != config.region:
            what = "API" if place is _API_CERTIFICATE else "load balancer"
            message = f"The certificate is in {arn.region}, but the {what} will be in {config.region}."
            yield RuleViolation(path, message, None, (("region",),))


@rule("LISA344", "ecr-account-listed", "Add the account to accountNumbersEcr.", Severity.WARNING)
def ecr_account_listed(config: Config) -> Iterator[RuleViolation]:
    """ECR images must be in the deployment's account, or in one of accountNumbersEcr."""
    known = {config.account_number, *config.account_numbers_ecr}
    for path, place, arn in _arns(config):
        if place is _REPOSITORY and arn.account not in known:
            message = f"The repository is in account {arn.account}, which is not among accountNumbersEcr."
            yield RuleViolation(path, message, None, (("accountNumber",), ("accountNumbersEcr",)))


@rule("LISA346", "topic-region", "Use a topic in the configured Region.")
def topic_region(config: Config) -> Iterator[RuleViolation]:
    """`alarmTopicArn` must name a topic in the configured Region: CloudWatch alarms notify no other."""
    for path, place, arn in _arns(config):
        if place.region_rule == "topic-region" and arn.region != config.region:
            message = f"The topic is in {arn.region}, but the alarms will be in {config.region}."
            yield RuleViolation(path, message, None, (("region",),))


@rule("LISA395", "web-acl-region", "Use a web ACL in the configured Region.")
def web_acl_region(config: Config) -> Iterator[RuleViolation]:
    """`wafWebAclArn` must name a web ACL in the configured Region, where the load balancer and the API are."""
    for path, place, arn in _arns(config):
        if place.region_rule == "web-acl-region" and arn.region != config.region:
            message = f"The web ACL is in {arn.region}, but the load balancer will be in {config.region}."
            yield RuleViolation(path, message, None, (("region",),))


@rule("LISA565", "audit-key-region", "Use a key in the configured Region, such as a replica of a multi-Region key.")
def audit_key_region(config: Config) -> Iterator[RuleViolation]:
    """The key of `auditContentStore` must be in the configured Region, where the gateway calls KMS."""
    for path, place, arn in _arns(config):
        if place.region_rule == "audit-key-region" and arn.region != config.region:
            message = f"The key is in {arn.region}, but the gateway calls KMS in {config.region}."
            yield RuleViolation(path, message, None, (("region",),))


@rule("LISA347", "arn-kind", "Use the ARN of a resource of the required kind.")
def arn_kind(config: Config) -> Iterator[RuleViolation]:
    """An ARN must name a resource of the kind that its key accepts."""
    for path, place, arn in _arns(config):
        kind = f"{arn.service}:{arn.resource}"
        if place.resources and not re.fullmatch(place.resources, kind):
            yield RuleViolation(path, f"`{path[-1]}` must be the ARN of {place.words}, but names `{kind}`.")


@rule("LISA348", "arn-account", "Use the ARN of a resource in the account `accountNumber`.")
def arn_account(config: Config) -> Iterator[RuleViolation]:
    """Certificates and permissions boundaries must be in the account of the deployment."""
    for path, place, arn in _arns(config):
        if not place.own_account or arn.account == config.account_number or (place.of_aws and arn.account == "aws"):
            continue
        message = f"The ARN is of account {arn.account}, but accountNumber is {config.account_number}: {place.reason}."
        fix = f"Write the ARN of a resource in account {config.account_number}, or correct `accountNumber`."
        yield RuleViolation(path, message, fix, (("accountNumber",),))


def _repository(image: str) -> str:
    """The ARN of the repository of an image in Amazon ECR, in the partition of its Region; empty for another one."""
    found = ecr_home(image)
    home = region(found[1]) if found else None
    return (ecr_repository(image, home.partition.id) or "") if home else ""


def _arns(config: Config) -> Iterator[tuple[Path, _Place, Arn]]:
    for path, place, text in _places(config):
        arn = parse_arn(text)
        if arn is not None:
            yield path, place, arn


def _places(config: Config) -> Iterator[tuple[Path, _Place, str]]:
    """Every key that holds an ARN, with what it must be there."""
    yield ("alarmTopicArn",), _TOPIC, config.alarm_topic_arn or ""
    yield ("apiGatewayConfig", "certificateArn"), _API_CERTIFICATE, config.api_gateway_config.certificate_arn or ""
    yield ("wafWebAclArn",), _WEB_ACL, config.waf_web_acl_arn or ""
    boundary = config.permissions_boundary_aspect
    if boundary is not None:
        at: Path = ("permissionsBoundaryAspect", "permissionsBoundaryPolicyName")
        yield at, _BOUNDARY, boundary.permissions_boundary_policy_name
    for index, key in enumerate(config.secret_key_arns):
        yield ("secretKeyArns", index), _KEY, key
    store = config.access_config.audit_content_store if config.access_config else None
    if store is not None:
        yield ("accessConfig", "auditContentStore", "keyArn"), _AUDIT_KEY, store.key_arn
    for index, repository in enumerate(config.rag_repositories):
        rds = repository.rds_config
        if rds is not None and rds.password_secret_id:
            yield ("ragRepositories", index, "rdsConfig", "passwordSecretId"), _VALUE, rds.password_secret_id
    for path, service in services(config):
        certificate = service.load_balancer_config.ssl_cert_iam_arn or ""
        yield (*path, "loadBalancerConfig", "sslCertIamArn"), _BALANCER_CERTIFICATE, certificate
        image = service.container_config.image
        if isinstance(image, EcrImage):
            yield (*path, "containerConfig", "image", "repositoryArn"), _REPOSITORY, image.repository_arn
        elif isinstance(image, RegistryImage):
            yield (*path, "containerConfig", "image", "registry"), _REPOSITORY, _repository(image.registry)
        for name, value in service.container_config.environment.items():
            yield (*path, "containerConfig", "environment", name), _VALUE, value.strip()
