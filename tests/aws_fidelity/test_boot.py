"""User data boots instances: the agent joins once the instance store is mounted or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import parts
from aws_fidelity.virtual_machine import BootError, Report, VirtualMachine
from lisa_compiler.emit.cloudformation.constructs.instances import render_user_data
from lisa_compiler.emit.cloudformation.constructs.lifecycle import SERVING, Lifecycle
from lisa_compiler.starter.certificates import make_certificate

pytestmark = pytest.mark.skipif(not parts.machine().is_installed, reason="no virtual machine: make aws-fidelity-parts")

CLUSTER = "dev-lisa-mistral"
STRIPE = "/dev/md_lisa"
TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/x/0123456789abcdef"
HERE = Path(__file__).parent


def user_data(*, nvme_disks: int) -> str:
    lifecycle = Lifecycle(
        cluster=CLUSTER,
        region="us-east-1",
        suffix="amazonaws.com",
        stack="dev-lisa-model-mistral-dev",
        resource="Group",
        target_group_arn=TARGET_GROUP,
        readiness=SERVING,
        drain_seconds=720,
    )
    return render_user_data(lifecycle=lifecycle, nvme_disks=nvme_disks, nvme_path="/nvme", gpus=nvme_disks)


def last_starts(report: Report) -> dict[str, str]:
    """The last start of each service."""
    return {line.split(" ", 1)[0]: line for line in report.starts}


def assert_joined(report: Report, *, device: str, kept: str) -> None:
    assert report.jobs == "", report
    assert dict(report.active) == dict.fromkeys(report.active, "active"), report
    assert last_starts(report) == {
        "containerd": f"containerd started: device={device} kept={kept} cluster=",
        "docker": f"docker started: device={device} kept={kept} cluster=",
        "ecs": f"ecs started: device={device} kept={kept} cluster={CLUSTER}",
    }, report


def assert_not_joined(report: Report) -> None:
    assert report.jobs == "", report
    assert report.active["lisa-instance-store"] == "failed", report
    assert {report.active["docker"], report.active["ecs"]} == {"inactive"}, report
    assert "ecs" not in last_starts(report)


def test_stripe_survives_reboot_and_is_created_again_after_stop(tmp_path: Path) -> None:
    machine = VirtualMachine(tmp_path, user_data(nvme_disks=2))
    first, second = machine.disk("AWS1A"), machine.disk("AWS1B")
    config = machine.boot([first, second], files={"etc/ecs/ecs.config": "ECS_LOGLEVEL=warn\nECS_CLUSTER=other\n"})
    assert_joined(config, device=STRIPE, kept="no")
    # What the image set stays; LISA's own lines replace, and are not repeated by the next boots.
    assert config.config.splitlines() == [
        "ECS_LOGLEVEL=warn",
        f"ECS_CLUSTER={CLUSTER}",
        "ECS_ENABLE_CONTAINER_METADATA=true",
        "ECS_IMAGE_PULL_BEHAVIOR=prefer-cached",
        "ECS_ENABLE_GPU_SUPPORT=true",
    ]

    # The kernel finds the disks in another order after a reboot.
    rebooted = machine.boot([second, first])
    assert_joined(rebooted, device=STRIPE, kept="yes")
    assert rebooted.config == config.config
    # The first boot may have restarted containerd; with the units on the root volume it starts once, after the mount.
    assert len(rebooted.starts) == 3, rebooted

    # A start after a stop is on another host, whose disks are empty.
    started = machine.boot([machine.disk("AWS2A"), machine.disk("AWS2B")])
    assert_joined(started, device=STRIPE, kept="no")

    # A disk that fails later is not replaced by the root volume.
    assert_not_joined(machine.boot([first]))


def test_single_disk_boot_completes_what_a_crash_interrupted(tmp_path: Path) -> None:
    machine = VirtualMachine(tmp_path, user_data(nvme_disks=1))
    disk = machine.disk("AWS1A")
    crash = '#!/bin/bash\n/sbin/mkfs.xfs "$@" &\nwait\ndd if=/dev/zero of="${!#}" bs=1k count=64 conv=notrunc\nsync\n'
    crash += "rm /usr/local/sbin/mkfs.xfs\nsync\necho o > /proc/sysrq-trigger\nsleep infinity\n"
    with pytest.raises(BootError):
        machine.boot([disk], files={"usr/local/sbin/mkfs.xfs": crash})
    assert_joined(machine.boot([disk]), device="/dev/nvme1n1", kept="no")


def test_instance_without_expected_disk_does_not_join(tmp_path: Path) -> None:
    report = VirtualMachine(tmp_path, user_data(nvme_disks=1)).boot([])
    assert_not_joined(report)
    assert "found 0 of 1 instance store disks" in report.journal
    assert "ECS_CLUSTER" not in report.config


def test_image_with_own_data_root_does_not_join(tmp_path: Path) -> None:
    machine = VirtualMachine(tmp_path, user_data(nvme_disks=1))
    report = machine.boot([machine.disk("AWS1A")], files={"etc/docker/daemon.json": '{"data-root": "/data"}'})
    assert_not_joined(report)
    assert "remove data-root" in report.journal


def test_machine_shows_that_stopping_docker_cancels_the_agent(tmp_path: Path) -> None:
    """The fault that the other tests are there for, put back: the model is as strict as the AMI's units."""
    text, start = user_data(nvme_disks=1), "systemctl start lisa-instance-store.service\n"
    assert start in text
    machine = VirtualMachine(
        tmp_path,
        text.replace(start, f"{start}systemctl stop docker.socket docker\nsystemctl --no-block start docker\n"),
    )
    report = machine.boot([machine.disk("AWS1A")])
    assert (report.active["docker"], report.active["ecs"]) == ("active", "inactive"), report


def aws_files(scenario: dict[str, object]) -> dict[str, str]:
    """Files of the root volume that put AWS into the machine; it starts with the agent, as its metadata do."""
    hosts = [f"{name}.us-east-1.amazonaws.com" for name in ("autoscaling", "cloudformation", "ecs")]
    hosts.append("elasticloadbalancing.us-east-1.amazonaws.com")
    pair = make_certificate(hosts)
    report = (HERE / "machine" / "report").read_text()
    first, rest = report.split("\n", 1)
    wait = "for _ in {1..240}; do if [ -e /mnt/aws-done ]; then break; fi; sleep 0.5; done"
    return {
        "usr/local/bin/stub-aws": (HERE / "stub_aws.py").read_text(),
        "etc/stub-aws.json": json.dumps(scenario),
        "etc/stub-aws.pem": (pair.certificate + pair.key).decode(),
        # What Python trusts by default on Debian.
        "usr/lib/ssl/cert.pem": pair.certificate.decode(),
        "etc/hosts": "127.0.0.1 localhost\n" + "".join(f"127.0.0.1 {host}\n" for host in hosts),
        "etc/systemd/system/stub-aws.service": (
            "[Service]\nType=notify\nNotifyAccess=all\nExecStart=/usr/bin/python3 /usr/local/bin/stub-aws\n"
            "StandardOutput=journal+console\nStandardError=journal+console\n"
        ),
        "etc/systemd/system/network-online.target.d/aws.conf": (
            "[Unit]\nWants=stub-aws.service\nAfter=stub-aws.service\n"
        ),
        "usr/local/bin/report": f"{first}\n{wait}\n{rest}",
    }


def calls(machine_directory: Path) -> list[str]:
    return (machine_directory / "share" / "aws-calls").read_text().splitlines()


def test_instance_without_instance_store_signals_once_it_is_healthy_and_drains_before_it_is_terminated(
    tmp_path: Path,
) -> None:
    machine = VirtualMachine(tmp_path, user_data(nvme_disks=0))
    report = machine.boot([], files=aws_files({"targets": ["", "initial", "unhealthy", "healthy"], "tasks": 2}))
    assert report.active["ecs"] == "active", report
    assert last_starts(report)["ecs"].endswith(f"cluster={CLUSTER}")
    assert "lisa-instance-store" not in report.journal
    assert calls(tmp_path) == [
        "DescribeTargetHealth: no target",
        "DescribeTargetHealth: initial",
        "DescribeTargetHealth: unhealthy",
        "DescribeTargetHealth: healthy",
        "CompleteLifecycleAction: in-service CONTINUE",
        "SignalResource: SUCCESS",
        "UpdateContainerInstancesState: DRAINING",
        "CompleteLifecycleAction: drained CONTINUE",
    ]
