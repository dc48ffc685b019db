"""An application load balancer with one listener and one target group of instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from lisa_schema.connection_times import DEREGISTRATION_SECONDS, LOAD_BALANCER_IDLE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import ServicePlan

# TLS 1.2 and 1.3 only; the iso partitions have the older policy, TLS 1.2 without 1.3.
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
_TLS_POLICY_ISO = "ELBSecurityPolicy-TLS-1-2-2017-01"


class LoadBalancer(Construct):
    """Load balancer of a service.

    Attributes:
        arn: its ARN.
        dns_name: the name that AWS gave it.
        zone_id: hosted zone of that name, for alias records.
        full_name: last part of its ARN, as its metrics are labelled.
        listener: the listener; a service must depend on it.
        target_group_arn: ARN of the target group.
        target_group_full_name: last part of that ARN, as its metrics are labelled.
    """

    def __init__(
        self,
        scope: LisaStack,
        construct_id: str,
        *,
        service: ServicePlan,
        vpc_id: str,
        subnet_ids: Sequence[str],
        security_group_id: str,
        log_bucket: str,
    ) -> None:
        super().__init__(scope, construct_id)
        deployment = scope.deployment
        attributes = {
            "access_logs.s3.bucket": log_bucket,
            "access_logs.s3.enabled": "true",
            "access_logs.s3.prefix": f"load-balancers/{service.cluster}",
            # A protected load balancer could not be deleted by a rollback or an update, and it holds no data.
            "deletion_protection.enabled": "false",
            "idle_timeout.timeout_seconds": str(LOAD_BALANCER_IDLE_SECONDS),
            "routing.http.drop_invalid_header_fields.enabled": "true",
        }
        balancer = elbv2.CfnLoadBalancer(
            self,
            "Resource",
            type="application",
            scheme="internet-facing" if service.internet_facing else "internal",
            subnets=list(subnet_ids),
            security_groups=[security_group_id],
            load_balancer_attributes=[
                elbv2.CfnLoadBalancer.LoadBalancerAttributeProperty(key=key, value=value)
                for key, value in attributes.items()
            ],
        )
        scope.record_keys(
            balancer,
            {
                "Scheme": (*service.key, "internetFacing") if service.key == ("restApiConfig",) else (),
            },
        )
        check = service.load_balancer.health_check_config
        target_group = elbv2.CfnTargetGroup(
            self,
            "TargetGroup",
            vpc_id=vpc_id,
            port=80,
            protocol="HTTP",
            target_type="instance",
            health_check_path=check.path,
            health_check_protocol="HTTP",
            health_check_port="traffic-port",
            health_check_interval_seconds=check.interval,
            health_check_timeout_seconds=check.timeout,
            healthy_threshold_count=check.healthy_threshold_count,
            unhealthy_threshold_count=check.unhealthy_threshold_count,
            target_group_attributes=[
                elbv2.CfnTargetGroup.TargetGroupAttributeProperty(
                    key="deregistration_delay.timeout_seconds",
                    value=str(max(DEREGISTRATION_SECONDS, service.stop_timeout_seconds)),
                )
            ],
        )
        certificate = service.certificate_arn
        policy = _TLS_POLICY_ISO if deployment.region.partition.is_iso else _TLS_POLICY
        self.listener = elbv2.CfnListener(
            self,
            "Listener",
            load_balancer_arn=balancer.ref,
            port=service.port,
            protocol="HTTPS" if certificate else "HTTP",
            ssl_policy=policy if certificate else None,
            certificates=[elbv2.CfnListener.CertificateProperty(certificate_arn=certificate)] if certificate else None,
            default_actions=[elbv2.CfnListener.ActionProperty(type="forward", target_group_arn=target_group.ref)],
        )
        encrypted = (*service.key, "loadBalancerConfig", "sslCertIamArn")
        scope.record_keys(self.listener, dict.fromkeys(("Certificates", "Port", "Protocol", "SslPolicy"), encrypted))
        self.arn = balancer.ref
        self.dns_name = balancer.attr_dns_name
        self.zone_id = balancer.attr_canonical_hosted_zone_id
        self.full_name = balancer.attr_load_balancer_full_name
        self.target_group_arn = target_group.ref
        self.target_group_full_name = target_group.attr_target_group_full_name
