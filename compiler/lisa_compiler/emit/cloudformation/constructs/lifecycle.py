"""The lifecycle of an instance: when it is ready, what its group waits for, and how it is drained.

The instance completes its own lifecycle hooks and signals CloudFormation (templates/instance/lifecycle.py): hooks and
signals exist in every partition, and need no function, queue or rule. See decision 0036.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from aws_cdk import aws_autoscaling as autoscaling

LAUNCH_HOOK = "in-service"
TERMINATION_HOOK = "drained"

_JOIN_SECONDS = 600
"""How long an instance has to join its cluster: boot, instance store, agent."""

_MARGIN_SECONDS = 300
"""By which the instance gives up earlier than Auto Scaling and CloudFormation, so that the reason is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What makes an instance ready, and how long that may take.

    Attributes:
        needs_healthy_target: whether a target on it must be healthy; else its agent must have joined.
        limit_seconds: how long CloudFormation waits for it; at most an hour (PauseTime).
    """

    needs_healthy_target: bool
    limit_seconds: int


# Tasks of the gateway are placed on an instance after it is in service; the ECS service waits for these.
JOINED = Readiness(needs_healthy_target=False, limit_seconds=1200)
# A large model takes half an hour to come from S3 and into the GPUs' memory.
SERVING = Readiness(needs_healthy_target=True, limit_seconds=3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """What an instance must know to complete its lifecycle hooks.

    Attributes:
        cluster: name of the ECS cluster, and of the Auto Scaling group.
        region: Region of the deployment.
        suffix: DNS suffix of the partition.
        stack: name of the CloudFormation stack.
        resource: logical id of the Auto Scaling group.
        target_group_arn: target group in which the instance must be healthy; empty when it must only have joined.
        readiness: how long it has.
        drain_seconds: how long its tasks may take to stop before it is terminated.
    """

    cluster: str
    region: str
    suffix: str
    stack: str
    resource: str
    target_group_arn: str
    readiness: Readiness
    drain_seconds: int

    def settings(self) -> str:
        """The settings of the instance's program, as JSON."""
        ready = self.readiness.limit_seconds - _MARGIN_SECONDS
        return json.dumps(
            {
                "cluster": self.cluster,
                "region": self.region,
                "suffix": self.suffix,
                "stack": self.stack,
                "resource": self.resource,
                "targetGroup": self.target_group_arn,
                "launchHook": LAUNCH_HOOK,
                "terminationHook": TERMINATION_HOOK,
                "joinSeconds": min(_JOIN_SECONDS, ready),
                "readySeconds": ready,
                "drainSeconds": self.drain_seconds,
            },
            separators=(",", ":"),
        )


def hooks(
    readiness: Readiness, drain_seconds: int
) -> list[autoscaling.CfnAutoScalingGroup.LifecycleHookSpecificationProperty]:
    """The hooks of a group: an instance that is not ready in time is abandoned, one that does not drain terminated."""
    return [
        autoscaling.CfnAutoScalingGroup.LifecycleHookSpecificationProperty(
            lifecycle_hook_name=LAUNCH_HOOK,
            lifecycle_transition="autoscaling:EC2_INSTANCE_LAUNCHING",
            default_result="ABANDON",
            heartbeat_timeout=readiness.limit_seconds,
        ),
        autoscaling.CfnAutoScalingGroup.LifecycleHookSpecificationProperty(
            lifecycle_hook_name=TERMINATION_HOOK,
            lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
            default_result="CONTINUE",
            heartbeat_timeout=drain_seconds + _MARGIN_SECONDS,
        ),
    ]
