"""`lisa vpc describe` and `lisa gen-certs`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.invocation import Invocation, build_invocation
from lisa_compiler.cli.options import (
    Environment,
    Profile,
    ProjectDirectory,
    Region,
    command_group,
    takes,
)
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_compiler.project.deploy_target import DeployTarget, read_deploy_target
from lisa_compiler.project.paths import shown_path
from lisa_compiler.starter import certificates
from lisa_compiler.starter.certificates import KeyKind
from lisa_schema.errors import ConfigurationError, LisaError

app = command_group()
vpc_app = command_group("Work with an existing VPC.")
app.add_typer(vpc_app, name="vpc")


def vpc_options(
    *,
    project: ProjectDirectory = Path(),
    env: Environment = None,
    profile: Profile = None,
    region: Region = None,
) -> Invocation:
    """Options of a command that reads one environment's account."""
    return build_invocation(project, [env] if env else [], shortcuts=[("--profile", profile), ("--region", region)])


def region_options(*, project: ProjectDirectory = Path(), env: Environment = None, region: Region = None) -> Invocation:
    """Options of a command that depends on one environment's Region."""
    return build_invocation(project, [env] if env else [], shortcuts=[("--region", region)])


@vpc_app.command("describe", epilog="lisa vpc describe --env prod >> environments/prod.yaml")
@takes(vpc_options)
def vpc_describe(
    invocation: Invocation,
    *,
    vpc_id: Annotated[
        str | None, typer.Option("--vpc-id", metavar="ID", help="VPC; default: vpcId of the configuration.")
    ] = None,
) -> None:
    """Print the vpc: block for an existing VPC. Requires boto3 and credentials."""
    from lisa_compiler.aws import vpc  # noqa: PLC0415  # boto3: 0.4 s, and `lisa gen-certs` needs none

    target = read_deploy_target(invocation.project, invocation.environment)
    wanted = vpc_id or target.vpc_id
    if wanted is None:
        raise LisaError("The configuration has no vpcId. Set it, or pass --vpc-id.")
    described = vpc.describe(vpc.client(target.region, target.profile), wanted)
    write_output(vpc.as_yaml(described))
    for subnet in described.excluded:
        print_status(
            f"omitted: {subnet.id} ({subnet.reach}, {subnet.availability_zone}): "
            "each Availability Zone has one subnet of each kind, the largest"
        )


@app.command(
    "gen-certs", epilog="lisa gen-certs --region us-east-1\n\nlisa gen-certs --domain lisa.example.com --key ec"
)
@takes(region_options)
def gen_certs(
    invocation: Invocation,
    *,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Name in the certificate, may be repeated; default: the Region's load balancers."
        ),
    ] = None,
    key: Annotated[KeyKind, typer.Option(help="RSA with 2048 bits, or the elliptic curve P-256.")] = KeyKind.RSA,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days of validity.")] = 365,
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the certificate in IAM.")] = "lisa-dev",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Output directory; default: certs/ of the project."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Create a self-signed certificate for load balancers, FOR DEVELOPMENT ONLY."""
    try:
        target = read_deploy_target(invocation.project, invocation.environment)
    except ConfigurationError:
        target = DeployTarget()
    region = dict(invocation.project.options).get("--region") or target.region
    arn = certificates.certificate_arn(name, region)
    names = tuple(domain) if domain else certificates.domain_names(region, target)
    pair = certificates.make_certificate(names, kind=key, days=days)
    written = certificates.save(pair, output or invocation.project.root / "certs", force=force)
    certificate, private_key = (shlex.quote(shown_path(path)) for path in written)
    print_status(
        f"wrote {certificate} and {private_key} for {', '.join(names)}, valid {days} days\n"
        "For development only: configure clients to trust it. Commit the certificate, not the key, "
        "and upload both with"
    )
    write_output(
        f"aws iam upload-server-certificate --server-certificate-name {shlex.quote(name)} "
        f"--certificate-body file://{certificate} --private-key file://{private_key}\n"
    )
    print_status(
        f"and set restApiConfig.loadBalancerConfig.sslCertIamArn to {arn}\n"
        f"and certificateAuthorityBundle to {certificate}, so that functions and containers trust it"
    )
