"""Whether a container service serves: instances in service and joined, tasks running, targets healthy.

Sources: API references of Auto Scaling (LifecycleState), ECS (ContainerInstance, Deployment, Task) and Elastic Load
Balancing (TargetHealth).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.session import translate_aws_errors
from lisa_compiler.verification.check import Check, failed, passed, unknown
from lisa_compiler.verification.schedule import scheduled_stop

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lisa_compiler.aws.account import Account
    from lisa_schema.models import CapacitySchedule

_PAGE = 100
"""Most ARNs that DescribeContainerInstances and DescribeTasks accept."""

_SHOWN = 3
"""Instances, targets or reasons that are named in a detail."""

_OWNER = "weights-owner"
"""Container that gives the directory of the weights to the user of the model."""

_OWNER_FIX = (
    "The image must have `find` and `chown`, which the container weights-owner runs: add them, or set "
    "`containerConfig.user` to `0:0`."
)
_DEPLOY = "Run `lisa deploy`."
_CONSOLE = (
    "Run `aws ec2 get-console-output --latest --output text --instance-id {instance}` and look for `lisa-`; "
    "in Session Manager, `journalctl -u ecs -u lisa-lifecycle -u lisa-instance-store`."
)
_NETWORK = (
    "Instances must reach ECS, ECR, CloudWatch Logs, S3, Auto Scaling, CloudFormation and Elastic Load Balancing."
)


@dataclass(frozen=True, slots=True)
class ServiceReader:
    """Reads container services in an account.

    Attributes:
        account: whose.
        role: role that reads; None for the caller's own permissions.
    """

    account: Account
    role: str | None
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def check(
        self, component: str, cluster: str, log_group: str, schedule: CapacitySchedule | None = None
    ) -> tuple[Check, ...]:
        """Check a service whose cluster and Auto Scaling group are both named `cluster`.

        A service without instances is not verified, whether its schedule or a person has stopped it.

        Raises:
            DeployError: AWS denies access or does not answer.
        """
        with translate_aws_errors(f"The state of {cluster} cannot be read"):
            group = self._group(cluster)
            if group is None:
                return (failed(component, "instances", f"the Auto Scaling group {cluster} does not exist", _DEPLOY),)
            if group["DesiredCapacity"] == 0:
                fix = "Start the model through the models API."
                if (why := scheduled_stop(schedule)) is not None:
                    fix = f"Verify again then. To use it now: {fix}"
                detail = f"{cluster} is stopped: {why or 'its Auto Scaling group has a desired capacity of 0'}"
                return (unknown(component, "instances", detail, fix),)
            instances = self._instances(component, cluster, group)
            service = self._service(cluster)
            if service is None:
                return (instances, failed(component, "tasks", f"cluster {cluster} has no ECS service", _DEPLOY))
            tasks = self._tasks(component, cluster, service, log_group)
            return (instances, tasks, self._targets(component, service))

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.account.client(service, self.role)
        return self._clients[service]

    def _group(self, name: str) -> Mapping[str, Any] | None:
        answer = self._client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        groups: list[Mapping[str, Any]] = answer["AutoScalingGroups"]
        return groups[0] if groups else None

    def _instances(self, component: str, cluster: str, group: Mapping[str, Any]) -> Check:
        desired = group["DesiredCapacity"]
        states = {each["InstanceId"]: each["LifecycleState"] for each in group["Instances"]}
        registered = self._registered(cluster)
        silent = sorted(
            name for name, state in states.items() if not state.startswith("Terminat") and not registered.get(name)
        )
        if silent:
            what = "has lost its connection to" if silent[0] in registered else "has not joined"
            detail = f"{_listed(silent)} {what} cluster {cluster}"
            return failed(component, "instances", detail, f"{_CONSOLE.format(instance=silent[0])} {_NETWORK}")
        serving = [name for name, state in states.items() if state == "InService"]
        if len(serving) < desired:
            others = Counter(state for state in states.values() if state != "InService")
            listed = "".join(f", {count} {state}" for state, count in sorted(others.items()))
            detail = f"{len(serving)} of {desired} instances are in service{listed}"
            return failed(component, "instances", detail + self._launch_failure(cluster), self._capacity_fix(states))
        return passed(component, "instances", f"{len(serving)} in service and joined")

    def _registered(self, cluster: str) -> dict[str, bool]:
        """By instance id, whether the agent is connected, of the instances that joined."""
        ecs = self._client("ecs")
        found: dict[str, bool] = {}
        try:
            listed = _listing(ecs, "list_container_instances", "containerInstanceArns", cluster=cluster)
        except ecs.exceptions.ClusterNotFoundException:
            listed = []
        for arns in _batches(listed):
            answer = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)
            for each in answer["containerInstances"]:
                found[each.get("ec2InstanceId", "")] = bool(each["agentConnected"])
        return found

    def _launch_failure(self, group: str) -> str:
        """Why the last launch failed, as the end of a sentence."""
        answer = self._client("autoscaling").describe_scaling_activities(AutoScalingGroupName=group, MaxRecords=10)
        for activity in answer["Activities"]:
            if activity["StatusCode"] in {"Failed", "Cancelled"} and activity.get("StatusMessage"):
                return f"; the last launch failed: {activity['StatusMessage']}"
        return ""

    def _capacity_fix(self, states: Mapping[str, str]) -> str:
        waiting = [name for name, state in states.items() if state.startswith("Pending")]
        if waiting:
            return f"Wait with --wait: an instance is in service when its task is healthy. {_console(waiting[0])}"
        return (
            "Read the activity of the Auto Scaling group. Request a higher quota for the instance type, or use "
            "another `instanceType` that the Availability Zones of the subnets offer."
        )

    def _service(self, cluster: str) -> Mapping[str, Any] | None:
        ecs = self._client("ecs")
        try:
            arns = _listing(ecs, "list_services", "serviceArns", cluster=cluster)
        except ecs.exceptions.ClusterNotFoundException:
            return None
        if not arns:
            return None
        services = ecs.describe_services(cluster=cluster, services=arns[:10])["services"]
        return next((each for each in services if each["status"] == "ACTIVE"), None)

    def _tasks(self, component: str, cluster: str, service: Mapping[str, Any], log_group: str) -> Check:
        desired, running = service["desiredCount"], service["runningCount"]
        stopped = f"Read the container's log: `aws logs tail {log_group} --since 1h`."
        deployments = service["deployments"]
        broken = next((each for each in deployments if each.get("rolloutState") == "FAILED"), None)
        if broken is not None:
            reason = broken.get("rolloutStateReason", "no reason given")
            return failed(component, "tasks", f"the last deployment failed: {reason}", stopped)
        if desired == 0:
            return failed(component, "tasks", "no task is desired", self._placement_fix(service))
        if running < desired:
            reason = self._stop_reason(cluster) or _last_event(service)
            detail = f"{running} of {desired} tasks run" + (f"; {reason}" if reason else "")
            fix = _OWNER_FIX if f"{_OWNER}: " in reason else stopped
            return failed(component, "tasks", detail, f"{fix} {self._placement_fix(service)}")
        if len(deployments) > 1:
            detail = f"a deployment is in progress: {running} tasks of {len(deployments)} revisions run"
            return failed(component, "tasks", detail, "Wait until the deployment is finished, or use --wait.")
        return passed(component, "tasks", f"{running} of {desired} running")

    def _placement_fix(self, service: Mapping[str, Any]) -> str:
        return f"Read the service's events: `aws ecs describe-services` of {service['serviceName']}."

    def _stop_reason(self, cluster: str) -> str:
        """Why the last task stopped, with its container's reason and exit code."""
        ecs = self._client("ecs")
        arns = _listing(ecs, "list_tasks", "taskArns", cluster=cluster, desiredStatus="STOPPED")
        if not arns:
            return ""
        tasks = ecs.describe_tasks(cluster=cluster, tasks=arns[:_PAGE])["tasks"]
        if not tasks:
            return ""
        last = max(tasks, key=lambda task: task["createdAt"])
        reasons = [last.get("stoppedReason", "")]
        for container in last["containers"]:
            own = [container.get("reason", "")]
            # It ends with 0 before the model starts.
            if container.get("exitCode") is not None and (container.get("name") != _OWNER or container["exitCode"]):
                own.append(f"exit code {container['exitCode']}")
            own = [reason for reason in own if reason]
            is_owner = container.get("name") == _OWNER and own
            reasons += [f"{_OWNER}: {', '.join(own)}"] if is_owner else own
        return "the last task stopped: " + ", ".join(reason for reason in reasons if reason)

    def _targets(self, component: str, service: Mapping[str, Any]) -> Check:
        balancer = self._client("elbv2")
        health: list[Mapping[str, Any]] = []
        for attached in service["loadBalancers"]:
            arn = attached["targetGroupArn"]
            health += balancer.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        health = [each for each in health if each["TargetHealth"]["State"] not in {"draining", "unused"}]
        if not health:
            fix = "Check that the tasks run; ECS registers a task when it has started."
            return failed(component, "targets", "the load balancer has no targets", fix)
        bad = [each for each in health if each["TargetHealth"]["State"] != "healthy"]
        if not bad:
            return passed(component, "targets", f"{len(health)} healthy")
        detail = f"{len(health) - len(bad)} of {len(health)} targets are healthy: " + "; ".join(
            _described(each) for each in bad[:_SHOWN]
        )
        return failed(component, "targets", detail, _TARGET_FIXES.get(_reason(bad[0]), _TARGET_FIX))


_TARGET_FIX = "Check `healthCheckConfig` and the container's log."
_TARGET_FIXES = {
    "Target.Timeout": (
        "Check that the security group of the instances accepts the load balancer's, and that the container answers "
        "its health check within `timeout`."
    ),
    "Target.ResponseCodeMismatch": "Check the `path` of `healthCheckConfig` and the container's log.",
    "Target.FailedHealthChecks": "Read the container's log: the container closes the connection or does not listen.",
    "Elb.InitialHealthChecking": "Wait until the health checks are complete, or use --wait.",
    "Elb.RegistrationInProgress": "Wait until the health checks are complete, or use --wait.",
}
"""By TargetHealth's reason, what to do."""


def _reason(description: Mapping[str, Any]) -> str:
    return str(description["TargetHealth"].get("Reason", ""))


def _described(description: Mapping[str, Any]) -> str:
    target, health = description["Target"], description["TargetHealth"]
    told = health.get("Description") or health.get("Reason") or "no reason given"
    return f"{target['Id']}:{target.get('Port', '')} {health['State']} ({told})"


def _console(instance: str) -> str:
    return _CONSOLE.format(instance=instance)


def _last_event(service: Mapping[str, Any]) -> str:
    events = service.get("events", ())
    return str(events[0]["message"]) if events else ""


def _listing(client: Any, operation: str, key: str, **arguments: str) -> list[str]:
    pages = client.get_paginator(operation).paginate(**arguments)
    return [arn for page in pages for arn in page[key]]


def _batches(arns: Sequence[str]) -> Iterable[Sequence[str]]:
    return (arns[start : start + _PAGE] for start in range(0, len(arns), _PAGE))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
