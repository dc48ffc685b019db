"""DNS names of a load balancer: for callers in the VPC always, and elsewhere where a hosted zone is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_route53 as route53

from lisa_compiler.plan.names import HOSTED_DOMAIN_NAME, ZONE_COMMENT_LIMIT, fit

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.load_balancer import LoadBalancer
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import ServicePlan


def add_names(stack: LisaStack, *, service: ServicePlan, host: str, load_balancer: LoadBalancer) -> None:
    """Add the records that lead to a load balancer.

    A configured domain name gets a private hosted zone of exactly that name, so that the VPC resolves it without the
    public DNS, and other names of the domain are resolved as before.

    Args:
        stack: the service's stack.
        service: the service; its load balancer may have a domain name and a hosted zone.
        host: its name in the deployment's private hosted zone.
        load_balancer: where the names lead.
    """
    _add_record(stack, "Name", stack.read("PrivateZoneId", "networking/privateZoneId"), host, load_balancer)
    domain = service.load_balancer.domain_name
    if domain is None:
        return
    zone = route53.CfnHostedZone(
        stack,
        "DomainZone",
        name=domain,
        hosted_zone_config=route53.CfnHostedZone.HostedZoneConfigProperty(
            comment=fit(f"{stack.plan.description}: its domain name in the VPC", ZONE_COMMENT_LIMIT)
        ),
        vpcs=[
            route53.CfnHostedZone.VPCProperty(
                vpc_id=stack.read("VpcId", "networking/vpcId", "AWS::EC2::VPC::Id"),
                vpc_region=stack.deployment.names.region,
            )
        ],
    )
    _add_record(stack, "DomainName", zone.attr_id, domain, load_balancer)
    hosted_zone_id = service.load_balancer.hosted_zone_id
    if hosted_zone_id is not None:
        _add_record(stack, HOSTED_DOMAIN_NAME, hosted_zone_id, domain, load_balancer)


def _add_record(stack: LisaStack, construct_id: str, zone_id: str, name: str, load_balancer: LoadBalancer) -> None:
    route53.CfnRecordSet(
        stack,
        construct_id,
        hosted_zone_id=zone_id,
        name=name,
        type="A",
        alias_target=route53.CfnRecordSet.AliasTargetProperty(
            dns_name=load_balancer.dns_name, hosted_zone_id=load_balancer.zone_id, evaluate_target_health=False
        ),
    )
