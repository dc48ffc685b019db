"""A container on a cluster of its own, behind a load balancer, scaled by its metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from lisa_compiler.emit.cloudformation.constructs.alarms import ServiceAlarms, add_certificate_alarm
from lisa_compiler.emit.cloudformation.constructs.container_task import CONTAINER_PORT, ContainerRoles, add_task
from lisa_compiler.emit.cloudformation.constructs.egress import permit
from lisa_compiler.emit.cloudformation.constructs.instances import ContainerInstances
from lisa_compiler.emit.cloudformation.constructs.load_balancer import LoadBalancer
from lisa_compiler.emit.cloudformation.constructs.scaling_policy import add_scaling_policy
from lisa_compiler.emit.cloudformation.constructs.task_count import TaskCount
from lisa_compiler.plan.alarms import is_idle_watched
from lisa_compiler.plan.egress import vpc_cidrs
from lisa_compiler.plan.names import CONTAINER_NAME_LIMIT, GROUP_DESCRIPTION_LIMIT, fit
from lisa_schema.connection_times import DEREGISTRATION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.emit.cloudformation.constructs.lifecycle import Readiness
    from lisa_compiler.emit.cloudformation.constructs.scheduling import Schedule
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.emit.cloudformation.constructs.trust import BundleDownload
    from lisa_compiler.plan import ServicePlan


class ContainerService(Construct):
    """Cluster, instances, tasks, service, load balancer and scaling policy of one container.

    `schedule` is how its tasks are placed and replaced, `readiness` when an instance is ready. `environment` is what is
    known when it is deployed, in addition to what the plan knows. `instance_security_groups` are IDs of further groups
    of its instances; `further_egress` are rules in addition to those of the plan.

    Attributes:
        load_balancer: where requests arrive.
    """

    def __init__(
        self,
        scope: LisaStack,
        construct_id: str,
        *,
        service: ServicePlan,
        roles: ContainerRoles,
        image_uri: str,
        load_balancer_security_group_id: str,
        instance_security_groups: Sequence[str] = (),
        further_egress: Sequence[ec2.CfnSecurityGroup.EgressProperty] = (),
        log_bucket: str,
        holds_weights: bool,
        schedule: Schedule,
        readiness: Readiness,
        grace_period_seconds: int,
        trust: BundleDownload | None,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = scope
        self._service = service
        self._schedule = schedule
        # The configuration may replace what is known only here, and may keep it in a secret.
        secret = {name for name, _ in service.secrets}
        known = {name: value for name, value in (environment or {}).items() if name not in secret}
        deployment = scope.deployment
        config = deployment.config
        vpc_id = scope.read("VpcId", "networking/vpcId", "AWS::EC2::VPC::Id")
        private = scope.read_list("PrivateSubnets", "networking/subnets/private", "AWS::EC2::Subnet::Id")
        public = (
            scope.read_list("PublicSubnets", "networking/subnets/public", "AWS::EC2::Subnet::Id")
            if service.internet_facing
            else private
        )
        self.load_balancer = LoadBalancer(
            scope,
            "LoadBalancer",
            service=service,
            vpc_id=vpc_id,
            subnet_ids=public,
            security_group_id=load_balancer_security_group_id,
            log_bucket=log_bucket,
        )
        task = add_task(
            self,
            scope,
            service=service,
            schedule=schedule,
            roles=roles,
            image_uri=image_uri,
            environment={**known, **dict(service.environment)},
            secrets={**dict(service.secrets), **(secrets or {})},
            holds_weights=holds_weights,
        )
        instances = ContainerInstances(
            scope,
            "Instances",
            service=service,
            instance_profile_arn=roles.instance_profile_arn,
            subnet_ids=private,
            security_group_ids=[
                self._instance_security_group(vpc_id, load_balancer_security_group_id, further_egress),
                *instance_security_groups,
            ],
            target_group_arn=self.load_balancer.target_group_arn,
            readiness=readiness,
            drain_seconds=DEREGISTRATION_SECONDS + service.stop_timeout_seconds,
            holds_weights=holds_weights,
            nvme_path=config.nvme_host_mount_path,
            trust=trust,
            task_arn=task.ref if schedule.replaces_instances else None,
            further_instances=schedule.further_instances,
        )
        cluster = ecs.CfnCluster(
            self,
            "Cluster",
            cluster_name=service.cluster,
            cluster_settings=(
                None
                if deployment.region.partition.is_iso
                else [ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="enabled")]
            ),
        )
        if deployment.region.partition.is_iso:
            scope.acknowledge(cluster, {"AwsSolutions-ECS4": "Container Insights is not offered in this partition."})
        ecs_service = ecs.CfnService(
            self,
            "Service",
            cluster=cluster.ref,
            task_definition=task.ref,
            launch_type="EC2",
            scheduling_strategy=schedule.strategy,
            desired_count=schedule.desired_count,
            placement_strategies=list(schedule.placement) or None,
            deployment_configuration=ecs.CfnService.DeploymentConfigurationProperty(
                minimum_healthy_percent=schedule.minimum_healthy_percent,
                maximum_percent=schedule.maximum_percent,
                deployment_circuit_breaker=(
                    None
                    if deployment.region.partition.is_iso
                    else ecs.CfnService.DeploymentCircuitBreakerProperty(enable=True, rollback=True)
                ),
            ),
            health_check_grace_period_seconds=grace_period_seconds,
            load_balancers=[
                ecs.CfnService.LoadBalancerProperty(
                    container_name=fit(service.id, CONTAINER_NAME_LIMIT),
                    container_port=CONTAINER_PORT,
                    target_group_arn=self.load_balancer.target_group_arn,
                )
            ],
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
        )
        ecs_service.add_resource_dependency(self.load_balancer.listener)
        instances.group.add_resource_dependency(cluster)
        # The group waits for instances that serve, and the service places what they serve: CloudFormation must work on
        # both at the same time, so that neither depends on the other.
        self._scaling_policy(instances)
        ServiceAlarms(
            scope,
            "Alarms",
            service=service.id,
            cluster=service.cluster,
            load_balancer=self.load_balancer,
            ready_seconds=readiness.limit_seconds,
            watches_idleness=is_idle_watched(service, is_gateway=not holds_weights),
            may_be_empty=service.auto_scaling.least_capacity == 0,
        )
        add_certificate_alarm(scope, "CertificateAlarm", purpose=service.id, certificate_arn=service.certificate_arn)
        if schedule.strategy == "REPLICA" and schedule.desired_count is None:
            TaskCount(
                scope,
                "TaskCount",
                cluster=service.cluster,
                service_name=ecs_service.attr_name,
                group_name=instances.group_name,
                load_balancer=self.load_balancer,
                capacity=service.auto_scaling,
            )

    def _instance_security_group(
        self, vpc_id: str, balancer_group: str, further_egress: Sequence[ec2.CfnSecurityGroup.EgressProperty]
    ) -> str:
        group = ec2.CfnSecurityGroup(
            self,
            "SecurityGroup",
            vpc_id=vpc_id,
            group_description=fit(f"{self._service.cluster}: instances", GROUP_DESCRIPTION_LIMIT),
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp",
                    from_port=self._schedule.ports[0],
                    to_port=self._schedule.ports[1],
                    source_security_group_id=balancer_group,
                    description="From the load balancer",
                )
            ],
            security_group_egress=[
                *permit(self._service.egress, vpc_cidrs=vpc_cidrs(self._stack.deployment.config)),
                *further_egress,
            ],
        )
        return group.attr_group_id

    def _scaling_policy(self, instances: ContainerInstances) -> None:
        metric = self._service.auto_scaling.metric_config
        # A policy would start the instance that is for updates alone.
        if metric is None or self._schedule.further_instances:
            return
        policy = add_scaling_policy(
            self,
            "ScalingPolicy",
            group_name=instances.group_name,
            metric=metric,
            balancer=self.load_balancer,
            requests={"LogGroup": self._stack.deployment.names.audit_log_group, "Service": self._service.id},
            isolated=self._stack.deployment.region.is_iso,
        )
        policy.add_resource_dependency(instances.group)
        target = (*self._service.key, "autoScalingConfig", "metricConfig", "targetValue")
        self._stack.record_keys(policy, {"TargetTrackingConfiguration.TargetValue": target})
