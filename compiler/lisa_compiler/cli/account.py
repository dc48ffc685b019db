"""Commands that help with an AWS account: vpc describe and gen-certs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from lisa_compiler.cli.diagnosing import show
from lisa_compiler.cli.inspecting import loaded_region
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.requests import Request, shown_path
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_schema.errors import ConfigurationError, LisaError


def describe_vpc(request: Request, vpc_id: str | None) -> ExitCode:
    """Print the `vpc:` block of an environment."""
    from lisa_compiler.aws import vpc

    try:
        known = loaded_region(request)
    except ConfigurationError as error:
        show(error.diagnostics, Format.TEXT, request)
        return ExitCode.FAILED
    wanted = vpc_id or known.get("vpcId")
    if wanted is None:
        raise LisaError("The configuration has no vpcId. Set it, or pass --vpc-id.")
    described = vpc.describe(vpc.client(known.get("region"), known.get("profile")), wanted)
    put(vpc.as_yaml(described))
    for subnet in described.left_out:
        say(
            f"excluded: {subnet.id} ({subnet.reach}, {subnet.availability_zone}): "
            "all zones must have the same number of each type"
        )
    return ExitCode.OK


def make_certificate(
    request: Request,
    output: Path,
    *,
    domains: Sequence[str] | None,
    kind: str,
    days: int,
    name: str,
    force: bool,
) -> ExitCode:
    """Make a development certificate and say what to do with it."""
    from lisa_compiler.starter import certificates

    if not re.fullmatch(r"[\w+=,.@-]{1,128}", name, re.ASCII):
        raise LisaError(f"IAM does not allow the certificate name `{name}`. Use letters, digits and +=,.@_-")
    known = _known(request)
    region = dict(request.options).get("--region") or known.get("region")
    if domains:
        names = tuple(domains)
    elif region is None:
        raise LisaError("The Region is unknown. Pass --region or --domain, or set `region` in the configuration.")
    else:
        names = (*certificates.load_balancer_domains(region), *_configured_names(known))
    pair = certificates.make_certificate(names, kind=certificates.KeyKind(kind), days=days)
    certificate, key = certificates.save(pair, output, force=force)
    shown_certificate, shown_key = shlex.quote(shown_path(certificate)), shlex.quote(shown_path(key))
    say(
        f"wrote {shown_certificate} and {shown_key} for {', '.join(names)}, valid {days} days\n"
        "For development only: configure clients to trust it. Commit the certificate, not the key, "
        "and upload both with"
    )
    put(
        f"aws iam upload-server-certificate --server-certificate-name {shlex.quote(name)} "
        f"--certificate-body file://{shown_certificate} --private-key file://{shown_key}\n"
    )
    say(
        "and set restApiConfig.loadBalancerConfig.sslCertIamArn to "
        f"arn:{_partition(region)}:iam::<account-number>:server-certificate/{name}\n"
        f"and certificateAuthorityBundle to {shown_certificate}, so that functions and containers trust it"
    )
    return ExitCode.OK


def _known(request: Request) -> dict[str, str]:
    try:
        return loaded_region(request)
    except ConfigurationError:
        return {}


def _configured_names(known: Mapping[str, str]) -> tuple[str, ...]:
    """Names by which load balancers are called: the gateway's domain name, and those in the private hosted zone."""
    from lisa_compiler.plan.names import private_zone

    domain, deployment = known.get("domainName"), known.get("deploymentName")
    return (*((domain,) if domain else ()), *((f"*.{private_zone(deployment)}",) if deployment else ()))


def _partition(region: str | None) -> str:
    from lisa_schema.regions import region as find

    found = find(region) if region else None
    return found.partition.id if found else "aws"
