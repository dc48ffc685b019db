"""Connections that a service may open: the ports of what the configuration names, unless `openEgress` is true.

A security group permits addresses and ports, not host names. HTTPS is permitted to the addresses of `egressAddresses`,
and another port because a URL, an image or a database of the configuration has it. See decision 0063.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lisa_compiler.plan.provenance import bare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lisa_schema.models import Config, ContainerConfig

ANYWHERE: Final = "0.0.0.0/0"
ALL_PORTS: Final = -1
CREATED_VPC_CIDR: Final = "10.0.0.0/22"
"""Address range of the VPC that LISA creates."""

_HTTPS: Final = 443
_DNS: Final = 53
_POSTGRES: Final = 5432
_REDIS: Final = 6379
_URL: Final = re.compile(
    r"\b([a-z][a-z0-9+.-]*)://(?:[^\s/@]*@)?(?:\[[0-9a-fA-F:.]+\]|[^\s/:?#\[\]@]+)(?::([0-9]{1,5}))?"
)
_REGISTRY_PORT: Final = re.compile(r"\A[^/]+:([0-9]{1,5})/")
_DEFAULT_PORTS: Final = {
    "http": 80,
    "https": _HTTPS,
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
    "redis": _REDIS,
    "rediss": _REDIS,
}
# Settings whose value can be a secret, which a compile does not read, and the port of the service that they name.
_BY_NAME: Final = {"DATABASE_URL": _POSTGRES, "REDIS_HOST": _REDIS, "REDIS_URL": _REDIS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """A rule for outgoing connections.

    Attributes:
        port: destination port; ALL_PORTS for every port of every protocol.
        reason: the rule's description.
        address: address range or ID of a prefix list; all address ranges of the VPC if empty.
        protocol: `tcp` or `udp`.
    """

    port: int
    reason: str
    address: str = ANYWHERE
    protocol: str = "tcp"


def vpc_cidrs(config: Config) -> tuple[str, ...]:
    """The address ranges of the VPC, imported or created."""
    return config.vpc.cidr_blocks if config.vpc is not None else (CREATED_VPC_CIDR,)


def container_egress(config: Config, container: ContainerConfig, *, further: object = ()) -> tuple[Egress, ...]:
    """Rules for the instances of a container.

    Args:
        config: the configuration.
        container: the container; its environment and image name ports.
        further: what else of the configuration the container connects to: text, mappings and lists.
    """
    settings = {"environment": dict(container.environment), "further": further}
    ports = {*_ports(settings), *_image_port(getattr(container.image, "registry", ""))}
    return _rules(config, ports)


def gateway_egress(config: Config) -> tuple[Egress, ...]:
    """Rules for the gateway's instances: external models, services of LiteLLM, and the identity provider."""
    litellm = config.litellm_config.model_dump(mode="json", by_alias=True, exclude_none=True)
    authority = config.auth_config.authority if config.auth_config else ""
    return container_egress(config, config.rest_api_config.container_config, further=[litellm, authority])


def functions_egress(config: Config) -> tuple[Egress, ...]:
    """Rules for the Lambda functions: the identity provider, the gateway, and stores of RAG repositories."""
    rest = config.rest_api_config
    ports = {_HTTPS if rest.load_balancer_config.ssl_cert_iam_arn else 80}
    ports |= set(_ports(config.auth_config.authority if config.auth_config else ""))
    in_vpc = []
    for repository in config.rag_repositories if config.deploy_rag else ():
        rds = repository.rds_config
        if rds is None:
            endpoint = getattr(repository.opensearch_config, "endpoint", "")
            ports |= set(_ports(endpoint))
        elif rds.db_host or config.vpc is not None:
            # A database outside LISA can be in another network, and an imported VPC can have address ranges that the
            # configuration lacks.
            ports.add(_POSTGRES)
        else:
            in_vpc = [Egress(port=_POSTGRES, address="", reason="Databases of RAG repositories")]
    rules = _rules(config, ports)
    return rules if config.open_egress else (*rules, *in_vpc)


def _rules(config: Config, ports: set[int]) -> tuple[Egress, ...]:
    if config.open_egress:
        return (Egress(port=ALL_PORTS, reason="openEgress is true"),)
    addresses = config.egress_addresses
    https = [
        *(Egress(port=_HTTPS, address=one, reason="egressAddresses") for one in addresses),
        Egress(
            port=_HTTPS, address="" if addresses else ANYWHERE, reason="Endpoints of the VPC" if addresses else "HTTPS"
        ),
    ]
    others = sorted((ports | set(config.egress_ports)) - {_HTTPS})
    rules = https + [
        Egress(port=port, address=address, reason="A host of the configuration")
        for port in others
        for address in addresses or (ANYWHERE,)
    ]
    if config.vpc is not None:
        # Security groups do not apply to the resolver of AWS, but to those that the DHCP options of a VPC can name.
        rules += [Egress(port=_DNS, protocol=protocol, reason="DNS") for protocol in ("tcp", "udp")]
    return tuple(rules)


def _ports(value: Any) -> Iterator[int]:
    """Ports in text, mappings and lists of the configuration."""
    if isinstance(value, str):
        for scheme, port in _URL.findall(bare(value)):
            if found := int(port) if port else _DEFAULT_PORTS.get(scheme):
                yield from _valid(found)
    elif isinstance(value, dict):
        yield from _named_ports(value)
        for item in value.values():
            yield from _ports(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _ports(item)


def _named_ports(settings: Mapping[str, Any]) -> Iterator[int]:
    for name, value in settings.items():
        upper = bare(str(name)).upper()
        if upper in _BY_NAME:
            yield _BY_NAME[upper]
        if (upper == "PORT" or upper.endswith("_PORT")) and bare(str(value)).isdecimal():
            yield from _valid(int(bare(str(value))))
    if str(settings.get("type", "")).startswith("redis"):
        yield _REDIS


def _valid(port: int) -> Iterator[int]:
    if 0 < port < 65536:
        yield port


def _image_port(reference: str) -> Iterator[int]:
    found = _REGISTRY_PORT.match(bare(reference))
    if found:
        yield from _valid(int(found[1]))
