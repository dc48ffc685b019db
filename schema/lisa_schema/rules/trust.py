"""Rules about certificates: which authorities are trusted, and by which names services are reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.models import Config, RestApiConfig
from lisa_schema.regions import region
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import deployed_services, services

_BUNDLE: Final[Path] = ("certificateAuthorityBundle",)


@rule("LISA335", "zone-needs-domain", "Set `domainName` to the name for the record, or remove `hostedZoneId`.")
def zone_needs_domain(config: Config) -> Iterator[RuleViolation]:
    """A `hostedZoneId` must come with the `domainName` that gets a record in the zone."""
    for path, service in services(config):
        balancer = service.load_balancer_config
        if balancer.hosted_zone_id is not None and balancer.domain_name is None:
            message = "`hostedZoneId` is set without `domainName`, so no record can be created."
            yield RuleViolation((*path, "loadBalancerConfig", "hostedZoneId"), message)


@rule("LISA336", "unique-domain-name", "Give each load balancer and the API its own `domainName`.")
def unique_domain_name(config: Config) -> Iterator[RuleViolation]:
    """Each `domainName` must be used once."""
    used: dict[str, Path] = {}
    api = config.api_gateway_config.domain_name
    if api is not None:
        used[api.lower()] = ("apiGatewayConfig", "domainName")
    for path, service in deployed_services(config):
        name = service.load_balancer_config.domain_name
        if name is None:
            continue
        at: Path = (*path, "loadBalancerConfig", "domainName")
        if name.lower() in used:
            yield RuleViolation(
                at, f"`{name}` is used twice; it can have only one target.", None, (used[name.lower()],)
            )
        used.setdefault(name.lower(), at)


@rule(
    "LISA337",
    "bundle-in-project",
    "Add the certificates to the project as a PEM file, and set certificateAuthorityBundle to its path in the project.",
    Severity.WARNING,
)
def bundle_in_project(config: Config) -> Iterator[RuleViolation]:
    """`certificateAuthorityBundle` must name a file in the project: functions cannot read a file on the instances."""
    bundle = config.certificate_authority_bundle
    if bundle.startswith("/"):
        message = (
            f"`{bundle}` is a file on the instances. Containers trust it, but Lambda functions cannot read it: they "
            "reject an identity provider or a gateway with a certificate of a private authority."
        )
        yield RuleViolation(_BUNDLE, message)


@rule(
    "LISA338",
    "isolated-authority",
    "Set certificateAuthorityBundle to a PEM file in the project with the CAs of the network.",
    Severity.WARNING,
)
def isolated_authority(config: Config) -> Iterator[RuleViolation]:
    """In an isolated Region certificateAuthorityBundle must name the authorities that sign its certificates."""
    home = region(config.region)
    if home is not None and home.is_iso and not config.certificate_authority_bundle:
        message = f"{home.name} is isolated; its endpoints may have certificates of a private CA."
        yield RuleViolation(_BUNDLE, message, None, (("region",),))


@rule(
    "LISA339",
    "certificate-needs-name",
    "Set `domainName` to a name that the certificate has; `hostedZoneId` creates its record.",
    Severity.WARNING,
)
def certificate_needs_name(config: Config) -> Iterator[RuleViolation]:
    """The certificate of a load balancer must have the name by which the VPC reaches it."""
    for path, service in deployed_services(config):
        balancer = service.load_balancer_config
        certificate = balancer.ssl_cert_iam_arn
        is_called = config.deploy_rag if isinstance(service, RestApiConfig) else True
        is_private = bool(config.certificate_authority_bundle)
        if certificate is None or balancer.domain_name is not None or not is_called or is_private:
            continue
        caller = "RAG" if isinstance(service, RestApiConfig) else "the gateway"
        message = (
            f"Without `domainName`, {caller} uses a name below lisa.internal, for which no public authority issues a "
            "certificate, and certificateAuthorityBundle names no private one: the connection fails."
        )
        at: Path = (*path, "loadBalancerConfig", "sslCertIamArn")
        yield RuleViolation(at, message, None, ((*path, "loadBalancerConfig", "domainName"), _BUNDLE))
