"""Where models run: their auto scaling groups and ECS services, observed, started and stopped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from botocore.exceptions import ClientError

from lisa_lambdas.aws_errors import answered_by, error_code
from lisa_lambdas.errors import ConflictError
from lisa_lambdas.models.state import Group, Service

# DescribeAutoScalingGroups takes no more names, and gives no more groups (Amazon EC2 Auto Scaling API Reference).
_GROUPS_AT_ONCE = 100
_CONNECTIONS = 8
_SCALING = "EC2 Auto Scaling"
_ECS = "ECS"


@dataclass(frozen=True)
class Capacity:
    """How many instances a group has at least and at most, and should have now."""

    minimum: int
    maximum: int
    desired: int


STOPPED = Capacity(0, 0, 0)


class Hosting:
    """The groups and services of models. A model's cluster, group and service are found by one name.

    Args:
        autoscaling: a boto3 client of EC2 Auto Scaling.
        ecs: a boto3 client of ECS.
    """

    def __init__(self, autoscaling: Any, ecs: Any) -> None:
        self._autoscaling = autoscaling
        self._ecs = ecs

    def observe(self, clusters: Sequence[str]) -> Dict[str, Tuple[Optional[Group], Optional[Service]]]:
        """What AWS says of models, by the name of their cluster."""
        if not clusters:
            return {}
        groups = self._groups(clusters)
        with ThreadPoolExecutor(max_workers=_CONNECTIONS) as pool:
            services = dict(zip(clusters, pool.map(self._service, clusters)))
        return {name: (groups.get(name), services[name]) for name in clusters}

    def resize(self, group: str, capacity: Capacity) -> None:
        """Give a group another capacity.

        Raises:
            ConflictError: the group is not there yet, or does not take changes now.
        """
        with answered_by(_SCALING):
            try:
                self._autoscaling.update_auto_scaling_group(
                    AutoScalingGroupName=group,
                    MinSize=capacity.minimum,
                    MaxSize=capacity.maximum,
                    DesiredCapacity=capacity.desired,
                )
            except ClientError as error:
                if error_code(error) in ("ValidationError", "ScalingActivityInProgress", "ResourceContention"):
                    raise ConflictError("The model is being created, changed or deleted; try again later.") from error
                raise

    def _groups(self, names: Sequence[str]) -> Dict[str, Group]:
        found: List[Dict[str, Any]] = []
        for start in range(0, len(names), _GROUPS_AT_ONCE):
            with answered_by(_SCALING):
                answer = self._autoscaling.describe_auto_scaling_groups(
                    AutoScalingGroupNames=list(names[start : start + _GROUPS_AT_ONCE]), MaxRecords=_GROUPS_AT_ONCE
                )
            found += answer["AutoScalingGroups"]
        return {
            group["AutoScalingGroupName"]: Group(
                desired=group["DesiredCapacity"],
                instances=len(group.get("Instances", [])),
                is_going=bool(group.get("Status")),
            )
            for group in found
        }

    def _service(self, cluster: str) -> Optional[Service]:
        with answered_by(_ECS):
            try:
                arns = self._ecs.list_services(cluster=cluster, maxResults=1)["serviceArns"]
                found = self._ecs.describe_services(cluster=cluster, services=arns)["services"] if arns else []
            except ClientError as error:
                if error_code(error) == "ClusterNotFoundException":
                    return None
                raise
        if not found:
            return None
        deployments: List[Dict[str, Any]] = found[0].get("deployments", [])
        newest = next((one for one in deployments if one.get("status") == "PRIMARY"), None)
        return Service(
            status=found[0]["status"],
            running=found[0]["runningCount"],
            deployments=len(deployments),
            rollout=newest.get("rolloutState", "") if newest else "",
        )
