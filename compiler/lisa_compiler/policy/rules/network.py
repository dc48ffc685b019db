"""Rules about the network: TLS, what is open to the internet, instance metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lisa_compiler.policy.rules.rule import Facts, PolicyRule, Violation, as_list, statements
from lisa_compiler.policy.templates import Template

_SERVE: Final = "serve"
"""The only stack whose load balancer may be on the internet: the REST API's."""

_LOAD_BALANCER: Final = "AWS::ElasticLoadBalancingV2::LoadBalancer"
_LISTENER: Final = "AWS::ElasticLoadBalancingV2::Listener"
_MODERN_TLS: Final = re.compile(r"ELBSecurityPolicy-(TLS13-1-[23]|TLS-1-2|FS-1-2)")
_EVERYWHERE: Final = ("0.0.0.0/0", "::/0")


def _unencrypted_traffic(template: Template, facts: Facts) -> Iterator[Violation]:  # noqa: ARG001  # every check's form
    yield from _listeners(template)
    yield from _buckets(template)
    for logical_id, properties in template.of_type("AWS::OpenSearchService::Domain"):
        options = properties.get("DomainEndpointOptions", {})
        nodes = properties.get("NodeToNodeEncryptionOptions", {})
        tls = str(options.get("TLSSecurityPolicy", ""))
        if options.get("EnforceHTTPS") is not True or nodes.get("Enabled") is not True or "TLS-1-2" not in tls:
            yield Violation(logical_id, "The domain does not require TLS 1.2 for requests and between its nodes.")
    for logical_id, properties in template.of_type("AWS::RDS::DBParameterGroup"):
        if str(properties.get("Parameters", {}).get("rds.force_ssl")) != "1":
            yield Violation(
                logical_id,
                "Databases with this parameter group accept connections without TLS: rds.force_ssl is not 1.",
            )
    for logical_id, properties in template.of_type("AWS::ApiGateway::DomainName"):
        if properties.get("SecurityPolicy") == "TLS_1_0" or "SecurityPolicy" not in properties:
            yield Violation(logical_id, "It accepts TLS versions older than 1.2.")


def _listeners(template: Template) -> Iterator[Violation]:
    public = {name for name, properties in template.of_type(_LOAD_BALANCER) if is_on_internet(properties)}
    for logical_id, properties in template.of_type(_LISTENER):
        balancer = properties.get("LoadBalancerArn")
        is_public = isinstance(balancer, dict) and balancer.get("Ref") in public
        protocol = properties.get("Protocol")
        if is_public and protocol not in {"HTTPS", "TLS"} and not _redirects(properties):
            yield Violation(logical_id, f"It accepts {protocol} from the internet; tokens are sent unencrypted.")
        if protocol in {"HTTPS", "TLS"} and not _MODERN_TLS.match(str(properties.get("SslPolicy", ""))):
            yield Violation(logical_id, "It accepts TLS versions older than 1.2.")


def _redirects(properties: Mapping[str, Any]) -> bool:
    return all(action.get("Type") == "redirect" for action in as_list(properties.get("DefaultActions")))


def _buckets(template: Template) -> Iterator[Violation]:
    refusing = {
        str(properties.get("Bucket", {}).get("Ref")) if isinstance(properties.get("Bucket"), dict) else ""
        for _, properties in template.of_type("AWS::S3::BucketPolicy")
        if any(_refuses_http(statement) for statement in statements(properties.get("PolicyDocument")))
    }
    for logical_id, _ in template.of_type("AWS::S3::Bucket"):
        if logical_id not in refusing:
            yield Violation(logical_id, "The bucket accepts requests without TLS: its policy does not deny them.")


def _refuses_http(statement: Mapping[str, Any]) -> bool:
    said = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return statement.get("Effect") == "Deny" and str(said).lower() == "false"


def is_on_internet(properties: Mapping[str, Any]) -> bool:
    """Return whether a load balancer, by its properties, is on the internet."""
    # Without a scheme, AWS makes the load balancer internet-facing.
    return str(properties.get("Scheme", "internet-facing")) != "internal"


def _public_balancers(template: Template, facts: Facts) -> Iterator[Violation]:
    for logical_id, properties in template.of_type(_LOAD_BALANCER):
        if not is_on_internet(properties):
            continue
        if template.component != _SERVE:
            yield Violation(logical_id, "The load balancer is internet-facing; only that of the gateway can be.")
        elif not facts.internet_facing:
            yield Violation(
                logical_id, "The load balancer is internet-facing, but restApiConfig.internetFacing is false."
            )
    for logical_id, properties in template.of_type("AWS::RDS::DBInstance"):
        if properties.get("PubliclyAccessible") is not False:
            yield Violation(logical_id, "The database can have a public address: PubliclyAccessible is not false.")


def _open_ports(template: Template, facts: Facts) -> Iterator[Violation]:
    found = [
        (logical_id, rule)
        for logical_id, properties in template.of_type("AWS::EC2::SecurityGroup")
        for rule in as_list(properties.get("SecurityGroupIngress"))
    ]
    found += list(template.of_type("AWS::EC2::SecurityGroupIngress"))
    for logical_id, rule in found:
        if rule.get("CidrIp") not in _EVERYWHERE and rule.get("CidrIpv6") not in _EVERYWHERE:
            continue
        ports = (rule.get("FromPort"), rule.get("ToPort"))
        if not facts.internet_facing or ports not in {(443, 443), (80, 80)}:
            shown = "all ports" if ports == (None, None) else f"port {ports[0]}" if len({*ports}) == 1 else "ports"
            yield Violation(logical_id, f"It permits access from the internet to {shown}.")


def _old_metadata(template: Template, facts: Facts) -> Iterator[Violation]:  # noqa: ARG001
    for logical_id, properties in template.of_type("AWS::EC2::LaunchTemplate"):
        if properties.get("LaunchTemplateData", {}).get("MetadataOptions", {}).get("HttpTokens") != "required":
            yield Violation(
                logical_id, "The metadata service of its instances returns role credentials without requiring a token."
            )


RULES: Final = (
    PolicyRule(
        "LISA-P09",
        "encrypted-in-transit",
        "Internet-facing resources, buckets, databases and domains must require TLS 1.2 or newer.",
        "Tokens, prompts and documents must not be readable in transit.",
        "Set restApiConfig.loadBalancerConfig.sslCertIamArn, or the TLS setting of the resource.",
        _unencrypted_traffic,
    ),
    PolicyRule(
        "LISA-P10",
        "no-unintended-public-access",
        "Only the load balancer of the gateway can be internet-facing, and only if internetFacing is true.",
        "Models and databases do not authenticate clients.",
        "Make it internal, or for the gateway, set restApiConfig.internetFacing to true.",
        _public_balancers,
    ),
    PolicyRule(
        "LISA-P11",
        "no-public-ingress",
        "Security groups must not permit access from the internet, except to the ports of a public gateway.",
        "A port that is open to the internet is discovered within minutes.",
        "Specify the address ranges or the security group that are permitted.",
        _open_ports,
    ),
    PolicyRule(
        "LISA-P12",
        "instance-metadata",
        "Instances must require tokens for their metadata (IMDSv2).",
        "Otherwise a forged request that a container sends can return the role's credentials.",
        "Set HttpTokens to required in the launch template.",
        _old_metadata,
    ),
)
