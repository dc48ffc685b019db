"""Domains: the names of load balancers and of the API, and the certificates that clients see there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateUse:
    """A certificate, and the name that clients use with it; None for the load balancer's own."""

    arn: str
    owner: str
    domain: str | None


def certificate_uses(deployment: Deployment) -> Iterator[CertificateUse]:
    """Certificates, and where they are used."""
    owners = {"restApiConfig": deployment.rest_api}
    owners |= {f"ecsModels[{model.identifier}]": model.service for model in deployment.models}
    for owner, service in owners.items():
        if service.certificate_arn:
            yield CertificateUse(arn=service.certificate_arn, owner=owner, domain=service.load_balancer.domain_name)
    api = deployment.config.api_gateway_config
    if api.certificate_arn:
        yield CertificateUse(arn=api.certificate_arn, owner="apiGatewayConfig", domain=api.domain_name)


def domain_keys(deployment: Deployment) -> dict[str, str]:
    """Domain names, each with its key in the configuration."""
    domains = {}
    if name := deployment.rest_api.load_balancer.domain_name:
        domains[name] = "restApiConfig.loadBalancerConfig.domainName"
    for model in deployment.models:
        if name := model.service.load_balancer.domain_name:
            domains[name] = f"ecsModels[{model.identifier}].loadBalancerConfig.domainName"
    if name := deployment.config.api_gateway_config.domain_name:
        domains[name] = "apiGatewayConfig.domainName"
    return domains
