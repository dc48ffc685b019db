"""User data as text: within EC2's limit, correct shell, and free of what has kept instances from joining."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lisa_compiler.constructs.instances import render_user_data
from lisa_compiler.constructs.lifecycle import SERVING, Lifecycle
from lisa_compiler.constructs.trust import BundleDownload
from lisa_compiler.resources import templates_dir

EC2_LIMIT_BYTES = 16 * 1024
"""Of user data before base64 encoding: EC2 User Guide, "Run commands when you launch an EC2 instance"."""

SHELLCHECK = shutil.which("shellcheck", path=str(Path(sys.executable).parent))


# A bucket and a key as long as S3 has them.
TRUST = BundleDownload(
    url=f"https://{'b' * 63}.s3.us-isob-east-1.sc2s.sgov.gov/{'k' * 68}", region="r", sha256="0" * 64
)


def user_data(nvme_disks: int, trust: BundleDownload | None = TRUST) -> str:
    lifecycle = Lifecycle(
        cluster="c" * 255,
        region="us-gov-west-1",
        suffix="amazonaws.com.example",
        stack="s" * 128,
        resource="r" * 255,
        target_group_arn="a" * 255,
        readiness=SERVING,
        drain_seconds=720,
    )
    return render_user_data(
        lifecycle=lifecycle, nvme_disks=nvme_disks, nvme_path=f"/{'n' * 200}", gpus=nvme_disks, trust=trust
    )


@pytest.mark.parametrize(
    ("path", "program"),
    [
        ("lisa-instance-store", "instance-store.sh"),
        ("lisa-lifecycle", "lifecycle.py"),
        ("lisa-trust-bundle", "trust-bundle.py"),
    ],
)
def test_program_in_user_data_is_the_template(path: str, program: str) -> None:
    text = user_data(8)
    function = text[text.index("unpack() {") :].partition("\n}\n")[0] + "\n}\n"
    packed = text.partition(f"| write /usr/local/sbin/{path} 0755\n")[2].partition("PROGRAM\n")[0]
    unpacked = subprocess.run(
        ["bash", "-ec", f"{function}unpack"], input=packed.encode(), capture_output=True, check=True
    ).stdout
    assert unpacked == (templates_dir() / "instance" / program).read_bytes()
    if program.endswith(".py"):
        assert ast.parse(unpacked, feature_version=(3, 9))


@pytest.mark.parametrize("nvme_disks", [0, 1, 8])
def test_user_data_fits_limit_of_ec2(nvme_disks: int) -> None:
    assert len(user_data(nvme_disks).encode()) <= EC2_LIMIT_BYTES


@pytest.mark.parametrize("nvme_disks", [0, 1, 8])
def test_user_data_runs_on_each_boot(nvme_disks: int) -> None:
    assert user_data(nvme_disks).startswith("#cloud-boothook\n#!/bin/bash\n")


@pytest.mark.skipif(SHELLCHECK is None, reason="no shellcheck: make install")
@pytest.mark.parametrize("nvme_disks", [0, 1, 8])
def test_user_data_passes_shellcheck(nvme_disks: int) -> None:
    text = user_data(nvme_disks)
    scripts = [text.removeprefix("#cloud-boothook\n")]
    if nvme_disks:
        scripts.append(text.partition("<<'SCRIPT'\n")[2].partition("\nSCRIPT\n")[0])
    for script in scripts:
        result = subprocess.run(
            [str(SHELLCHECK), "--shell=bash", "-"], input=script, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("command", ["systemctl stop", "dnf ", "yum ", "mdadm ", "> /etc/docker/daemon.json"])
def test_user_data_avoids(command: str) -> None:
    """Stopping Docker cancels the agent's start; repositories may be out of reach; daemon.json is the image's."""
    assert command not in user_data(8)
