"""What state a model is in, from what AWS says of its auto scaling group and its service."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional


class ModelState(str, Enum):
    """The states that people see."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    UPDATING = "Updating"
    DELETING = "Deleting"
    FAILED = "Failed"


@dataclass(frozen=True)
class Group:
    """An auto scaling group.

    Attributes:
        desired: instances that it should have.
        instances: instances that it has, those that come and go included.
        is_going: whether it is being deleted.
    """

    desired: int
    instances: int
    is_going: bool = False


@dataclass(frozen=True)
class Service:
    """An ECS service.

    Attributes:
        status: ACTIVE, DRAINING or INACTIVE.
        running: tasks that run.
        deployments: deployments that are not done away with yet; one when nothing changes.
        rollout: COMPLETED, IN_PROGRESS or FAILED, of the newest deployment; empty where ECS does not say it.
    """

    status: str
    running: int
    deployments: int = 1
    rollout: str = ""


def state_of(group: Optional[Group], service: Optional[Service]) -> ModelState:
    """The state of a model whose stack is deployed, or being deployed.

    Args:
        group: its group; None when there is none yet.
        service: its service; None when there is none yet.
    """
    if (group and group.is_going) or (service and service.status in ("DRAINING", "INACTIVE")):
        return ModelState.DELETING
    if group is None or service is None:
        return ModelState.CREATING
    if group.desired == 0:
        return ModelState.STOPPING if group.instances or service.running else ModelState.STOPPED
    if service.rollout == "FAILED" and not service.running:
        return ModelState.FAILED
    if not service.running:
        return ModelState.CREATING
    return ModelState.UPDATING if service.deployments > 1 or service.rollout == "FAILED" else ModelState.IN_SERVICE
