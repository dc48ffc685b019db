"""User data as text: within EC2's limit, correct shell, and free of what has kept instances from joining."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aws_fidelity.installed_programs import install_programs
from lisa_compiler.emit.cloudformation.constructs.instances import render_user_data
from lisa_compiler.emit.cloudformation.constructs.lifecycle import SERVING, Lifecycle
from lisa_compiler.emit.cloudformation.constructs.trust import BundleDownload
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
    ("nvme_disks", "trust", "programs"),
    [
        (0, None, {"aws_requests.py", "lifecycle.py"}),
        (8, None, {"aws_requests.py", "lifecycle.py", "instance-store.sh"}),
        (0, TRUST, {"aws_requests.py", "lifecycle.py", "trust-bundle.py"}),
        (8, TRUST, {"aws_requests.py", "lifecycle.py", "trust-bundle.py", "instance-store.sh"}),
    ],
)
def test_programs_in_user_data_are_the_templates(
    nvme_disks: int, trust: BundleDownload | None, programs: set[str], tmp_path: Path
) -> None:
    installed = install_programs(user_data(nvme_disks, trust), tmp_path)
    assert {program.name for program in installed.iterdir()} == programs
    for program in installed.iterdir():
        assert program.read_bytes() == (templates_dir() / "instance" / program.name).read_bytes()
        assert program.stat().st_mode & 0o777 == 0o644


def test_programs_are_replaced_at_each_boot(tmp_path: Path) -> None:
    """A boot that stopped halfway leaves an incomplete program or a temporary file."""
    installed = install_programs(user_data(8), tmp_path)
    (installed / "lifecycle.py").write_text("import js")
    (installed / "lifecycle.py.new").write_text("import")
    again = install_programs(user_data(8), tmp_path)
    assert (again / "lifecycle.py").read_bytes() == (templates_dir() / "instance" / "lifecycle.py").read_bytes()
    assert not (again / "lifecycle.py.new").exists()


@pytest.mark.parametrize("program", ["aws_requests.py", "lifecycle.py", "trust-bundle.py"])
def test_program_runs_on_the_python_of_the_image(program: str) -> None:
    assert ast.parse((templates_dir() / "instance" / program).read_bytes(), feature_version=(3, 9))


def test_units_start_installed_programs(tmp_path: Path) -> None:
    text = user_data(8)
    started = re.findall(r"^ExecStart=(?:/usr/bin/python3 -sE|/bin/bash) /usr/local/lib/lisa/(\S+)", text, re.M)
    assert sorted(started) == ["instance-store.sh", "lifecycle.py", "trust-bundle.py"]
    assert set(started) < {program.name for program in install_programs(text, tmp_path).iterdir()}


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
