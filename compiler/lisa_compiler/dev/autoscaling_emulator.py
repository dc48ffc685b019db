"""The instances that the local AWS does not have: services follow the capacity of their auto scaling group."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import translate_aws_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.dev.local_aws import LocalAws

_SECONDS = 1.0


class AutoScalingEmulator:
    """Looks again and again whether a model was started or stopped: ECS then has as many tasks as there are instances.

    Args:
        aws: where the clusters are.
        clusters: names of the models' clusters, which are those of their groups.
    """

    def __init__(self, aws: LocalAws, clusters: Sequence[str]) -> None:
        self._aws = aws
        self._clusters = tuple(clusters)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> None:
        if self._clusters:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._clusters:
            self._thread.join()

    def _follow(self) -> None:
        scaling, ecs = self._aws.client("autoscaling"), self._aws.client("ecs")
        services = {cluster: ecs.list_services(cluster=cluster)["serviceArns"] for cluster in self._clusters}
        tasks: dict[str, int] = {}
        while not self._stopping.wait(_SECONDS):
            # While the local AWS stops, or is busy, requests fail: the next round repeats them.
            with suppress(RequestError), translate_aws_errors("The local AWS"):
                groups = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=list(services))
                for group in groups["AutoScalingGroups"]:
                    name, wanted = group["AutoScalingGroupName"], group["DesiredCapacity"]
                    if tasks.get(name) != wanted:
                        for service in services[name]:
                            ecs.update_service(cluster=name, service=service, desiredCount=wanted)
                        tasks[name] = wanted
