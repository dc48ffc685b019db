"""The EC2 instances of a cluster: launch template and auto scaling group."""

from __future__ import annotations

import base64
import bz2
import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from lisa_compiler.emit.cloudformation.constructs.lifecycle import Lifecycle, hooks
from lisa_compiler.emit.cloudformation.constructs.scheduled_capacity import add_schedule
from lisa_compiler.plan.amis import ConfiguredAmi, DynamicAmi, PinnedAmi
from lisa_compiler.resources import jinja_environment, templates_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.lifecycle import Readiness
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.emit.cloudformation.constructs.trust import BundleDownload
    from lisa_compiler.plan import ServicePlan
    from lisa_compiler.plan.amis import PlannedAmi

TASK_TAG = "lisa:task-definition"
"""Tag of an instance that is replaced with each revision of its task definition, which is the value."""

_ROOT_DEVICE = "/dev/xvda"
# Room for the system and the REST API's image; a model on an instance without NVMe keeps image and weights here too.
_ROOT_GIB = 60
_ROOT_GIB_WITH_WEIGHTS = 500
# Enough for the instance, the ECS agent and the log driver. A container on Docker's bridge is one hop further and so
# cannot get the instance's role. Its own role comes from the agent at 169.254.170.2, not from the metadata service.
_METADATA_HOPS = 1


def render_user_data(
    *, lifecycle: Lifecycle, nvme_disks: int, nvme_path: str, gpus: int, trust: BundleDownload | None = None
) -> str:
    """Render what an instance runs on each boot, a cloud-boothook.

    It mounts the instance store (`nvme_disks` disks, striped when there are several) at `nvme_path`, with the
    directories of Docker and containerd on it, fetches the certificate authorities of `trust`, joins the cluster of
    `lifecycle`, and completes the instance's lifecycle hooks. An instance on which one of the first two fails does not
    join.
    """
    programs = [
        "aws_requests.py",
        "lifecycle.py",
        *(["instance-store.sh"] if nvme_disks else []),
        *(["trust-bundle.py"] if trust else []),
    ]
    return (
        jinja_environment()
        .get_template("instance/user-data.sh.j2")
        .render(
            cluster=lifecycle.cluster,
            nvme_disks=nvme_disks,
            nvme_path=nvme_path,
            gpus=gpus,
            trust=trust,
            programs=_packed(programs),
            settings=lifecycle.settings(),
        )
    )


def _image_id(scope: LisaStack, ami: PlannedAmi) -> str:
    """The literal id; a parameter of the stack where the configuration or the lock file has none."""
    if isinstance(ami, ConfiguredAmi | PinnedAmi):
        return ami.id
    environment = scope.deployment.environment
    if isinstance(ami, DynamicAmi):
        kind, default = "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", ami.parameter
        description = "AMI of the instances, read at each deployment because amiConfig.resolveAtDeployment is set"
    else:
        # Without a default, CloudFormation refuses the stack instead of choosing an AMI that was not reviewed.
        kind, default = "AWS::EC2::Image::Id", None
        description = f"AMI of the instances. Not pinned: run `lisa ami refresh --env {environment}` and compile again"
    return cdk.CfnParameter(scope, "InstanceImage", type=kind, default=default, description=description).value_as_string


def _packed(programs: Sequence[str]) -> str:
    """Programs of templates/instance, as base64 of bzip2 of JSON: EC2 limits user data to 16 KiB.

    Unlike zlib, bzip2 has one implementation, so that its output is the same on every machine. Programs that are
    compressed together are smaller.
    """
    folder = templates_dir() / "instance"
    sources = {name: (folder / name).read_text(encoding="utf-8") for name in programs}
    return base64.encodebytes(bz2.compress(json.dumps(sources).encode())).decode("ascii")


class ContainerInstances(Construct):
    """An auto scaling group whose instances join an ECS cluster.

    `task_arn` is the task definition with whose changes instances are replaced. `further_instances` are those that the
    group may have beyond its capacity while instances are replaced.

    Attributes:
        group: the auto scaling group.
        group_name: its name, which is also the cluster's.
    """

    def __init__(
        self,
        scope: LisaStack,
        construct_id: str,
        *,
        service: ServicePlan,
        instance_profile_arn: str,
        subnet_ids: Sequence[str],
        security_group_ids: Sequence[str],
        target_group_arn: str,
        readiness: Readiness,
        drain_seconds: int,
        holds_weights: bool,
        nvme_path: str,
        trust: BundleDownload | None,
        task_arn: str | None = None,
        further_instances: int = 0,
    ) -> None:
        super().__init__(scope, construct_id)
        deployment = scope.deployment
        instance = service.instance
        scaling = service.auto_scaling
        # A sum has no provenance.
        most = scaling.max_capacity + further_instances if further_instances else scaling.max_capacity
        self.group_name = service.cluster
        self.group = autoscaling.CfnAutoScalingGroup(
            self,
            "Group",
            auto_scaling_group_name=service.cluster,
            min_size=str(scaling.min_capacity),
            max_size=str(most),
            cooldown=str(scaling.cooldown),
            default_instance_warmup=scaling.default_instance_warmup,
            health_check_type="EC2",
            health_check_grace_period=scaling.default_instance_warmup,
            new_instances_protected_from_scale_in=False,
            # Alarms and the number of tasks follow from them.
            metrics_collection=[
                autoscaling.CfnAutoScalingGroup.MetricsCollectionProperty(
                    granularity="1Minute", metrics=["GroupDesiredCapacity", "GroupInServiceInstances"]
                )
            ],
            vpc_zone_identifier=list(subnet_ids),
            lifecycle_hook_specification_list=hooks(readiness, drain_seconds),
        )
        lifecycle = Lifecycle(
            cluster=service.cluster,
            region=deployment.names.region,
            suffix=deployment.region.partition.dns_suffix,
            stack=scope.plan.name,
            resource=self.group.logical_id,
            target_group_arn=target_group_arn if readiness.needs_healthy_target else "",
            readiness=readiness,
            drain_seconds=drain_seconds,
        )
        user_data = render_user_data(
            lifecycle=lifecycle,
            nvme_disks=instance.nvme_disks if holds_weights else 0,
            nvme_path=nvme_path,
            gpus=instance.gpus,
            trust=trust,
        )
        needs_room = holds_weights and not instance.nvme_disks
        template = ec2.CfnLaunchTemplate(
            self,
            "LaunchTemplate",
            launch_template_data=ec2.CfnLaunchTemplate.LaunchTemplateDataProperty(
                instance_type=instance.name,
                image_id=_image_id(scope, service.ami),
                iam_instance_profile=ec2.CfnLaunchTemplate.IamInstanceProfileProperty(arn=instance_profile_arn),
                security_group_ids=list(security_group_ids),
                user_data=cdk.Fn.base64(user_data),
                metadata_options=ec2.CfnLaunchTemplate.MetadataOptionsProperty(
                    http_tokens="required", http_put_response_hop_limit=_METADATA_HOPS, http_endpoint="enabled"
                ),
                monitoring=ec2.CfnLaunchTemplate.MonitoringProperty(enabled=True),
                block_device_mappings=[
                    ec2.CfnLaunchTemplate.BlockDeviceMappingProperty(
                        device_name=_ROOT_DEVICE,
                        ebs=ec2.CfnLaunchTemplate.EbsProperty(
                            encrypted=True,
                            kms_key_id=scope.key_arn,
                            volume_type="gp3",
                            volume_size=_ROOT_GIB_WITH_WEIGHTS if needs_room else _ROOT_GIB,
                            delete_on_termination=True,
                        ),
                    )
                ],
                tag_specifications=[
                    ec2.CfnLaunchTemplate.TagSpecificationProperty(
                        resource_type=kind,
                        tags=[
                            cdk.CfnTag(key="Name", value=service.cluster),
                            # A new revision makes a new version of the launch template, which replaces the instances.
                            *([cdk.CfnTag(key=TASK_TAG, value=task_arn)] if task_arn and kind == "instance" else []),
                        ],
                    )
                    for kind in ("instance", "volume")
                ],
            ),
        )
        kind = (*service.key, "instanceType")
        ami = [("amiConfig",), (*service.key, "amiId")]
        data = "LaunchTemplateData"
        scope.record_keys(template, {f"{data}.ImageId": ami, f"{data}.UserData": kind})
        if holds_weights:
            scope.record_keys(template, {f"{data}.BlockDeviceMappings[{_ROOT_DEVICE}].Ebs.VolumeSize": kind})
        capacity = (*service.key, "autoScalingConfig")
        limits = ["minCapacity", *(["maxCapacity"] if most - 1 <= scaling.min_capacity else [])]
        scope.record_keys(self.group, {"@Attributes": [(*capacity, limit) for limit in limits]})
        if further_instances:
            scope.record_keys(self.group, {"MaxSize": (*capacity, "maxCapacity")})
        self.group.launch_template = autoscaling.CfnAutoScalingGroup.LaunchTemplateSpecificationProperty(
            launch_template_id=template.ref, version=template.attr_latest_version_number
        )
        pause = f"PT{readiness.limit_seconds // 60}M"
        # CloudFormation succeeds when each new instance has signaled that it is ready, and not before.
        self.group.cfn_options.creation_policy = cdk.CfnCreationPolicy(
            resource_signal=cdk.CfnResourceSignal(count=scaling.min_capacity, timeout=pause)
        )
        # A changed launch template replaces instances one at a time, keeping what the group's maximum allows.
        self.group.cfn_options.update_policy = cdk.CfnUpdatePolicy(
            auto_scaling_rolling_update=cdk.CfnAutoScalingRollingUpdate(
                max_batch_size=1,
                min_instances_in_service=min(scaling.min_capacity, most - 1),
                pause_time=pause,
                wait_on_resource_signals=True,
                suspend_processes=[
                    "HealthCheck",
                    "ReplaceUnhealthy",
                    "AZRebalance",
                    "AlarmNotification",
                    "ScheduledActions",
                ],
            ),
            # Otherwise an update would set the sizes of the template, whatever window it is in.
            auto_scaling_scheduled_action=(
                cdk.CfnAutoScalingScheduledAction(ignore_unmodified_group_size_properties=True)
                if scaling.schedule
                else None
            ),
        )
        add_schedule(scope, self, service=service, group=self.group, most=most)
        scope.acknowledge(
            self.group,
            {"AwsSolutions-AS3": "Scaling is visible in the group's activity; notifications are the account's choice."},
        )
