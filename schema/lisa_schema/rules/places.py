"""Rules about what the subnets reach: model providers and identity providers on the internet, and services of AWS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.hosts import aws_host, host_of, is_private, is_public_identity_provider
from lisa_schema.litellm.entries import aws_services, call_parameters
from lisa_schema.litellm.names import provider_of
from lisa_schema.litellm.references import find_variable, resolve
from lisa_schema.litellm.requirements import all_parameters, called_region, providers
from lisa_schema.litellm.routes import AWS_PROVIDERS, aws_route
from lisa_schema.models import Config
from lisa_schema.regions import TABLE_DATE
from lisa_schema.regions import region as find_region
from lisa_schema.rules.registry import RuleViolation, rule

_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_BASES: Final = ("api_base", "base_url")
_AUTHORITY: Final[Path] = ("authConfig", "authority")
_LACKS: Final = {"aws-cn": frozenset({"bedrock", "bedrock_mantle"})}
"""Providers of AWS that no Region of a partition has (AWS General Reference, "Amazon Bedrock endpoints and quotas")."""
_UNKNOWN: Final = frozenset({"aws-eusc"})


@rule("LISA540", "external-model-reachable", "Use a model that the network reaches, such as one that LISA hosts.")
def external_model_reachable(config: Config) -> Iterator[RuleViolation]:
    """The gateway must reach the hosts of external models: isolated Regions and subnets have no way to the internet."""
    for path, host in _external_hosts(config):
        found = _unreachable(host, config)
        if found is not None:
            reason, also, severity = found
            if path[-1] in _BASES and also != (("region",),):
                # A private endpoint may have the name of a public host.
                reason, severity = f"{reason}, unless that name is of a private endpoint", Severity.WARNING
            yield RuleViolation(path, f"LiteLLM calls {host}, {reason}.", None, also, severity)


@rule("LISA541", "authority-reachable", "Use an identity provider that the network reaches.")
def authority_reachable(config: Config) -> Iterator[RuleViolation]:
    """The gateway and the functions must reach the identity provider, whose keys verify every token."""
    auth = config.auth_config
    host = host_of(auth.authority) if auth else ""
    aws = aws_host(host)
    if not host or not (is_public_identity_provider(host) or aws):
        return
    found = _unreachable(host, config)
    if found is None:
        return
    reason, also, severity = found
    endpoints = config.vpc.endpoint_services if config.vpc else None
    if aws and severity is None and also != (("region",),):
        if endpoints is not None and aws[0] in endpoints and aws[1] == config.region:
            return
        severity = Severity.WARNING
        reason = f"{reason}, unless the VPC has an endpoint of {aws[0]}"
    yield RuleViolation(_AUTHORITY, f"Tokens are verified with the keys of {host}, {reason}.", None, also, severity)


@rule("LISA542", "model-service-offered", "Use another provider, or another Region with aws_region_name.")
def model_service_offered(config: Config) -> Iterator[RuleViolation]:
    """A Region must have the AWS service of an external model; where this is not known, it is a warning."""
    for index, entry in enumerate(config.litellm_config.model_list):
        parameters = call_parameters(entry, config)
        route = aws_route(parameters, str(entry.lisa_params.model_type))
        if route is None:
            continue
        called = find_region(called_region(entry, config, route) or "")
        at: Path = ("litellmConfig", "model_list", index, "litellm_params", "model")
        also: tuple[Path, ...] = (("region",),)
        if called is None:
            continue
        if route.provider in _LACKS.get(called.partition.id, ()):
            message = f"The partition {called.partition.id} has no Amazon Bedrock, which `{route.provider}/` calls."
            yield RuleViolation(at, message, None, also)
        elif called.is_iso or called.partition.id in _UNKNOWN:
            message = (
                f"It is not known whether {called.name} has what `{route.provider}/` calls: the Region table of "
                f"{TABLE_DATE} has no services of {called.partition.id}."
            )
            yield RuleViolation(at, message, "Check it in the documentation of the Region.", also, Severity.WARNING)


@rule("LISA543", "endpoint-of-region", "Remove aws_region_name, or use subnets with a route to that Region.")
def endpoint_of_region(config: Config) -> Iterator[RuleViolation]:
    """Subnets without a route to the internet reach AWS services of their own Region only, by endpoints of the VPC."""
    vpc = config.vpc
    if vpc is None or vpc.private_subnet_ids or not vpc.isolated_subnet_ids or _has_proxy(config):
        return
    for path, name in _called_regions(config):
        if name != config.region and find_region(name) is not None:
            message = (
                f"LiteLLM calls {name}, but the endpoints of the VPC are of {config.region}: the subnets have no route "
                f"to {name}."
            )
            yield RuleViolation(path, message, None, (("vpc", "isolatedSubnetIds"),))


def _unreachable(host: str, config: Config) -> tuple[str, tuple[Path, ...], Severity | None] | None:
    """Why the gateway does not reach a host, and how certain that is; None when it may."""
    home = find_region(config.region)
    aws = aws_host(host)
    if home is not None and home.is_iso:
        if aws and aws[2] == home.dns_suffix:
            return None
        return f"which nothing in {home.name} reaches", (("region",),), None
    if _has_proxy(config):
        return None
    vpc = config.vpc
    if vpc is not None and vpc.isolated_subnet_ids and not vpc.private_subnet_ids:
        return "and the subnets have no route to the internet", (("vpc", "isolatedSubnetIds"),), None
    if config.egress_addresses and all(map(_is_private_range, config.egress_addresses)):
        also: tuple[Path, ...] = (("egressAddresses",),)
        return "and egressAddresses permits private addresses only", also, Severity.WARNING
    return None


def _has_proxy(config: Config) -> bool:
    return any(find_variable(config, name).text for name in _PROXIES)


def _is_private_range(address: str) -> bool:
    try:
        return ipaddress.ip_network(address, strict=False).is_private
    except ValueError:
        return False


def _external_hosts(config: Config) -> Iterator[tuple[Path, str]]:
    """The hosts on the internet that LiteLLM calls for models."""
    public = _provider_domains()
    home = find_region(config.region)
    for index, entry in enumerate(config.litellm_config.model_list):
        own = entry.litellm_params.model_dump(exclude_none=True)
        parameters = all_parameters(entry, config)
        name = str(parameters.get("custom_llm_provider") or provider_of(entry.litellm_params.model))
        provider = providers().get(name)
        at: Path = ("litellmConfig", "model_list", index, "litellm_params")
        if name in AWS_PROVIDERS or parameters.get("mock_response"):
            continue
        key = next((one for one in _BASES if parameters.get(one)), None)
        variables = provider.address.variables if provider else ()
        address = str(parameters[key]) if key else _address_variable(variables, config)
        if address is not None:
            host = host_of(resolve(config, address) or "")
            # Services of AWS may be reached by endpoints of the VPC, except from isolated Regions.
            is_public = _domain(host) in public or (aws_host(host) and home is not None and home.is_iso)
            if host and is_public and not is_private(host):
                yield (*at, key if key in own else "model"), host
        elif provider is not None and provider.host and not provider.is_local:
            yield (*at, "model"), provider.host


def _address_variable(names: tuple[str, ...], config: Config) -> str | None:
    """The address that a variable sets; a text that is no address when only the container has it; None when none is."""
    for name in names:
        variable = find_variable(config, name)
        if variable.source != "nowhere":
            return variable.text or ""
    return None


def _provider_domains() -> frozenset[str]:
    hosts = {one.host for one in providers().values() if one.host and not one.is_local}
    return frozenset(map(_domain, hosts)) | {"azure.com", "azure.us", "azure.cn", "azure-api.net", "googleapis.com"}


def _domain(host: str) -> str:
    return ".".join(host.split(".")[-2:])


def _called_regions(config: Config) -> Iterator[tuple[Path, str]]:
    for index, entry in enumerate(config.litellm_config.model_list):
        parameters = call_parameters(entry, config)
        route = aws_route(parameters, str(entry.lisa_params.model_type))
        if route is None:
            continue
        at: Path = ("litellmConfig", "model_list", index, "litellm_params")
        called = called_region(entry, config, route)
        if called is not None:
            yield (*at, "aws_region_name" if parameters.get("aws_region_name") else "model"), called
    for service in aws_services(config):
        if service.parameters.get("aws_region_name") and not service.key.endswith("/s3"):
            yield service.path, str(service.parameters["aws_region_name"])
