"""A container on a cluster of its own, behind a load balancer, scaled by its metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from lisa_compiler.emit.cloudformation.constructs.alarms import ServiceAlarms, add_certificate_alarm
from lisa_compiler.emit.cloudformation.constructs.instances import ContainerInstances
from lisa_compiler.emit.cloudformation.constructs.load_balancer import LoadBalancer
from lisa_compiler.emit.cloudformation.constructs.scaling_policy import add_scaling_policy
from lisa_compiler.emit.cloudformation.constructs.stack import ASSET_KEYS
from lisa_compiler.emit.cloudformation.constructs.task_count import TaskCount
from lisa_compiler.plan.images import BuiltImage
from lisa_compiler.plan.names import CONTAINER_NAME_LIMIT, GROUP_DESCRIPTION_LIMIT, LOG_STREAM_PREFIX_LIMIT, fit
from lisa_schema.connection_times import DEREGISTRATION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.emit.cloudformation.constructs.lifecycle import Readiness
    from lisa_compiler.emit.cloudformation.constructs.scheduling import Schedule
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.emit.cloudformation.constructs.trust import BundleDownload
    from lisa_compiler.plan import ServicePlan

_CONTAINER_PORT = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRoles:
    """Roles of a container service.

    Attributes:
        task_arn: what its tasks work with.
        execution_arn: what ECS starts them with.
        instance_profile_arn: what its instances work with.
    """

    task_arn: str
    execution_arn: str
    instance_profile_arn: str


class ContainerService(Construct):
    """Cluster, instances, tasks, service, load balancer and scaling policy of one container.

    `schedule` is how its tasks are placed and replaced, `readiness` when an instance is ready. `environment` is what is
    known when it is deployed, in addition to what the plan knows.

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
        load_balancer_security_group: str,
        log_bucket: str,
        holds_weights: bool,
        schedule: Schedule,
        readiness: Readiness,
        grace_period_seconds: int,
        trust: BundleDownload | None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = scope
        self._service = service
        self._schedule = schedule
        # The configuration may replace what is known only here, and may keep it in a secret.
        secret = {name for name, _ in service.secrets}
        known = {name: value for name, value in (environment or {}).items() if name not in secret}
        self._environment = {**known, **dict(service.environment)}
        deployment = scope.deployment
        config = deployment.config
        vpc_id = scope.read("VpcId", "networking/vpcId", "AWS::EC2::VPC::Id")
        private = scope.read_list("PrivateSubnets", "networking/subnets/private", "AWS::EC2::Subnet::Id")
        public = (
            scope.read_list("PublicSubnets", "networking/subnets/public", "AWS::EC2::Subnet::Id")
            if service.internet_facing
            else private
        )
        balancer_group = scope.read(
            "LoadBalancerSecurityGroupId",
            f"networking/securityGroups/{load_balancer_security_group}",
            "AWS::EC2::SecurityGroup::Id",
        )
        self.load_balancer = LoadBalancer(
            scope,
            "LoadBalancer",
            service=service,
            vpc_id=vpc_id,
            subnet_ids=public,
            security_group_id=balancer_group,
            log_bucket=log_bucket,
        )
        instances = ContainerInstances(
            scope,
            "Instances",
            service=service,
            instance_profile_arn=roles.instance_profile_arn,
            subnet_ids=private,
            security_group_id=self._instance_security_group(vpc_id, balancer_group),
            target_group_arn=self.load_balancer.target_group_arn,
            readiness=readiness,
            drain_seconds=DEREGISTRATION_SECONDS + service.stop_timeout_seconds,
            holds_weights=holds_weights,
            nvme_path=config.nvme_host_mount_path,
            trust=trust,
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
        task = self._task(roles, image_uri, holds_weights=holds_weights)
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
                    container_port=_CONTAINER_PORT,
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

    def _instance_security_group(self, vpc_id: str, balancer_group: str) -> str:
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
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="-1",
                    cidr_ip="0.0.0.0/0",
                    description="AWS APIs, model APIs and the identity provider",
                )
            ],
        )
        return group.attr_group_id

    def _task(self, roles: ContainerRoles, image_uri: str, *, holds_weights: bool) -> ecs.CfnTaskDefinition:
        stack, service = self._stack, self._service
        deployment = stack.deployment
        config = deployment.config
        log_group = stack.log_group(self, "LogGroup", f"/lisa/{service.cluster}")
        mounts = self._mounts(holds_weights=holds_weights)
        health = service.container.health_check_config
        shared_memory = service.container.shared_memory_size
        task = ecs.CfnTaskDefinition(
            self,
            "Task",
            family=service.cluster,
            network_mode="bridge",
            requires_compatibilities=["EC2"],
            task_role_arn=roles.task_arn,
            execution_role_arn=roles.execution_arn,
            volumes=[
                ecs.CfnTaskDefinition.VolumeProperty(
                    name=name, host=ecs.CfnTaskDefinition.HostVolumePropertiesProperty(source_path=source)
                )
                for name, source, _, _ in mounts
            ]
            or None,
            container_definitions=[
                ecs.CfnTaskDefinition.ContainerDefinitionProperty(
                    name=fit(service.id, CONTAINER_NAME_LIMIT),
                    image=image_uri,
                    essential=True,
                    # A reservation, no limit: the instance has no other tasks, and what it registers with ECS depends
                    # on the type and the machine image. A hard limit would also count the page cache of the weights.
                    memory_reservation=service.memory_reservation_mib,
                    privileged=True if service.privileged else None,
                    stop_timeout=service.stop_timeout_seconds,
                    environment=[
                        ecs.CfnTaskDefinition.KeyValuePairProperty(name=name, value=value)
                        for name, value in sorted(self._environment.items())
                    ],
                    secrets=[
                        ecs.CfnTaskDefinition.SecretProperty(name=name, value_from=arn) for name, arn in service.secrets
                    ]
                    or None,
                    port_mappings=[
                        ecs.CfnTaskDefinition.PortMappingProperty(
                            container_port=_CONTAINER_PORT, host_port=self._schedule.host_port, protocol="tcp"
                        )
                    ],
                    resource_requirements=(
                        [
                            ecs.CfnTaskDefinition.ResourceRequirementProperty(
                                type="GPU", value=str(service.instance.gpus)
                            )
                        ]
                        if service.instance.gpus and holds_weights
                        else None
                    ),
                    linux_parameters=(
                        ecs.CfnTaskDefinition.LinuxParametersProperty(
                            shared_memory_size=shared_memory or None, init_process_enabled=True
                        )
                    ),
                    mount_points=[
                        ecs.CfnTaskDefinition.MountPointProperty(
                            source_volume=name, container_path=target, read_only=read_only
                        )
                        for name, _, target, read_only in mounts
                    ]
                    or None,
                    health_check=ecs.CfnTaskDefinition.HealthCheckProperty(
                        command=list(health.command),
                        interval=health.interval,
                        start_period=health.start_period,
                        timeout=health.timeout,
                        retries=health.retries,
                    ),
                    log_configuration=ecs.CfnTaskDefinition.LogConfigurationProperty(
                        log_driver="awslogs",
                        options={
                            "awslogs-group": log_group.ref,
                            "awslogs-region": config.region,
                            "awslogs-stream-prefix": fit(service.id, LOG_STREAM_PREFIX_LIMIT),
                        },
                    ),
                )
            ],
        )
        container = f"ContainerDefinitions[{fit(service.id, CONTAINER_NAME_LIMIT)}]"
        if isinstance(service.image, BuiltImage):
            stack.record_keys(task, {f"{container}.Image": ASSET_KEYS})
            if holds_weights:
                stack.record_keys(task, {f"{container}.Privileged": ("mountS3DebUrl",)})
        if service.privileged:
            task.add_metadata(
                "lisa:privileged",
                "The container runs privileged because mountS3DebUrl is set: mount-s3 needs the FUSE device.",
            )
        stack.acknowledge(
            task,
            {"AwsSolutions-ECS2": "Settings, not secrets: those are references that ECS resolves at start."},
        )
        return task

    def _mounts(self, *, holds_weights: bool) -> list[tuple[str, str, str, bool]]:
        """Volumes as (name, path on the instance, path in the container, read only)."""
        config = self._stack.deployment.config
        mounts = []
        if holds_weights:
            mounts.append(("nvme", f"{config.nvme_host_mount_path}/weights", config.nvme_container_mount_path, False))
        if self._stack.deployment.trust is not None:
            mounts.append((*self._stack.deployment.trust.volume, True))
        return mounts

    def _scaling_policy(self, instances: ContainerInstances) -> None:
        metric = self._service.auto_scaling.metric_config
        if metric is None:
            return
        policy = add_scaling_policy(
            self,
            "ScalingPolicy",
            group_name=instances.group_name,
            metric=metric,
            balancer=self.load_balancer,
            isolated=self._stack.deployment.region.is_iso,
        )
        policy.add_resource_dependency(instances.group)
        target = (*self._service.key, "autoScalingConfig", "metricConfig", "targetValue")
        self._stack.record_keys(policy, {"TargetTrackingConfiguration.TargetValue": target})
