"""Completes the Auto Scaling lifecycle hooks of this instance and signals CloudFormation.

It puts the instance into service when its task is healthy, or when the agent has joined where tasks are placed later.
An instance that is not ready in time is abandoned, and the deployment fails. Before the instance is terminated, its
tasks are drained. Only Python is needed: the image has neither cfn-signal nor the AWS CLI.
"""

import json
import sys
import time
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from xml.etree import ElementTree

import aws_requests
from aws_requests import metadata

AGENT = "http://127.0.0.1:51678"
STATE = Path("/var/lib/lisa/in-service")
API = {"autoscaling": "2011-01-01", "cloudformation": "2010-05-15", "elasticloadbalancing": "2015-12-01"}
PAUSE = 5
REPEATS = 6


class Refused(Exception):
    """An AWS API rejects a request: repeating it may not help."""


def log(text):
    print("lisa-lifecycle:", text, flush=True)


def call(settings, service, action, **parameters):
    """Call an AWS API; a JSON API answers JSON, a query API XML."""
    host = f"{service}.{settings['region']}.{settings['suffix']}"
    if service == "ecs":
        body = json.dumps(parameters).encode()
        target = f"AmazonEC2ContainerServiceV20141113.{action}"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    else:
        body = urlencode({"Action": action, "Version": API[service], **parameters}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    try:
        return aws_requests.call(
            "POST", f"https://{host}/", region=settings["region"], service=service, body=body, headers=headers
        )
    except HTTPError as error:
        try:
            answer = " ".join(error.read().decode(errors="replace").split())[:300]
        except (OSError, HTTPException):
            answer = ""
        kind = Refused if error.code == 400 and "hrottl" not in answer else OSError
        raise kind(f"{service} {action}: {error.code} {answer}") from None


def attempt(what, *arguments, **parameters):
    """Call an API until it accepts. What it rejects, as a signal that no change waits for, is repeated a few times."""
    refusals = failures = 0
    while refusals < REPEATS and failures < REPEATS * 10:
        try:
            call(*arguments, **parameters)
        except Refused as error:
            refusals += 1
            log(error)
        except OSError as error:
            failures += 1
            log(error)
        else:
            log(what)
            return
        time.sleep(PAUSE)


def agent(path):
    """What the ECS agent reports; None while it does not run."""
    try:
        return json.loads(aws_requests.send(f"{AGENT}/v1/{path}"))
    except (OSError, ValueError):
        return None


def shortfall(settings, instance):
    """What this instance lacks to be in service; empty when it lacks nothing."""
    joined = agent("metadata") or {}
    if not joined.get("ContainerInstanceArn") or joined["Cluster"].rpartition("/")[2] != settings["cluster"]:
        return f"the ECS agent has not joined cluster {settings['cluster']}"
    if not settings["targetGroup"]:
        return ""
    try:
        answer = call(settings, "elasticloadbalancing", "DescribeTargetHealth", TargetGroupArn=settings["targetGroup"])
        members = ElementTree.fromstring(answer).findall(".//{*}member")
    except (OSError, Refused, ElementTree.ParseError) as error:
        return str(error)
    states = []
    for member in members:
        if member.findtext("{*}Target/{*}Id") == instance:
            states.append(member.findtext("{*}TargetHealth/{*}State"))
    if "healthy" in states:
        return ""
    return f"its target is {', '.join(states)}" if states else "it has no target: no task runs on it"


def complete(settings, hook, instance, result):
    attempt(
        f"{hook}: {result}",
        settings,
        "autoscaling",
        "CompleteLifecycleAction",
        AutoScalingGroupName=settings["cluster"],
        InstanceId=instance,
        LifecycleActionResult=result,
        LifecycleHookName=settings[hook],
    )


def signal(settings, instance, status):
    attempt(
        f"signal: {status}",
        settings,
        "cloudformation",
        "SignalResource",
        LogicalResourceId=settings["resource"],
        StackName=settings["stack"],
        Status=status,
        UniqueId=instance,
    )


def put_into_service(settings, instance):
    """Wait until the instance serves, then complete the launch hook; abandon an instance that does not get there."""
    began, told = time.monotonic(), None
    while not is_terminating():
        lack = shortfall(settings, instance)
        if not lack:
            complete(settings, "launchHook", instance, "CONTINUE")
            signal(settings, instance, "SUCCESS")
            STATE.parent.mkdir(parents=True, exist_ok=True)
            STATE.write_text(instance)
            return
        if lack != told:
            log(f"waiting: {lack}")
            told = lack
        waited = time.monotonic() - began
        if waited > settings["readySeconds"] or (waited > settings["joinSeconds"] and "has not joined" in lack):
            log(f"abandoned after {waited:.0f} s: {lack}")
            signal(settings, instance, "FAILURE")
            complete(settings, "launchHook", instance, "ABANDON")
            return
        time.sleep(PAUSE)


def drain(settings, instance):
    """Have ECS stop the tasks after their requests have ended, then let the instance be terminated."""
    joined, end = agent("metadata"), time.monotonic() + settings["drainSeconds"]
    if joined and joined.get("ContainerInstanceArn"):
        arns = [joined["ContainerInstanceArn"]]
        change = {"cluster": settings["cluster"], "containerInstances": arns, "status": "DRAINING"}
        attempt("draining", settings, "ecs", "UpdateContainerInstancesState", **change)
        while time.monotonic() < end:
            tasks = agent("tasks")
            if tasks and all(task["KnownStatus"] == "STOPPED" for task in tasks["Tasks"] or []):
                break
            time.sleep(PAUSE)
    complete(settings, "terminationHook", instance, "CONTINUE")


def is_terminating():
    try:
        return metadata("autoscaling/target-lifecycle-state") == "Terminated"
    except OSError:
        return False


def instance_id():
    """The instance's id, as soon as its metadata can be read."""
    while True:
        try:
            return metadata("instance-id")
        except OSError as error:
            log(f"no instance metadata: {error}")
            time.sleep(PAUSE)


def main():
    settings = json.loads(Path(sys.argv[1]).read_text())
    instance = instance_id()
    if not (STATE.exists() and STATE.read_text() == instance) and not is_terminating():
        put_into_service(settings, instance)
    while not is_terminating():
        time.sleep(PAUSE)
    drain(settings, instance)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
