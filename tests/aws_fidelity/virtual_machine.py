"""A virtual machine that boots user data as an EC2 instance does: real systemd, cloud-init, XFS and md driver.

What stands for AWS: the NVMe names, models and serial numbers of the disks, unit files with the relations of the
ECS-optimized AMI, and recorders in place of containerd, dockerd and the agent. `make aws-fidelity-parts` builds it. The
kernel is User Mode Linux, which runs as a process.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import parts

_SEED = "var/lib/cloud/seed/nocloud-net"
_BOOT_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Report:
    """What a boot led to, read when systemd had no jobs left.

    Attributes:
        active: state of each unit, as `systemctl is-active` prints it.
        jobs: jobs that systemd still had, empty unless the boot is stuck.
        starts: one line for each start of containerd, docker and ecs, in order.
        config: /etc/ecs/ecs.config.
        mounts: XFS mounts, as findmnt prints them.
        journal: output of cloud-init and of the instance store's unit.
    """

    active: Mapping[str, str]
    jobs: str
    starts: Sequence[str]
    config: str
    mounts: str
    journal: str


class BootError(Exception):
    """The machine ended without a report; holds the end of its console."""


class VirtualMachine:
    """One instance: a root volume that persists, and disks that are given at each boot."""

    def __init__(self, directory: Path, user_data: str) -> None:
        self._directory = directory
        self._user_data = user_data

    def disk(self, serial: str, *, mebibytes: int = 320) -> Path:
        """Create an empty instance store disk; its file is named by its serial number."""
        path = self._directory / serial
        with path.open("wb") as file:
            file.truncate(mebibytes << 20)
        return path

    def boot(self, disks: Sequence[Path], *, files: Mapping[str, str] | None = None) -> Report:
        """Boot with the disks, which get their NVMe names in this order, until the machine is off.

        `files` are written into the root volume first, by path and with mode 0755.

        Raises:
            BootError: no report came.
        """
        share, console = self._share(files or {}), self._directory / "console"
        devices = [f"ubd{letter}" for letter, _ in zip("bcdefgh", disks, strict=False)]
        command = [
            str(parts.MACHINE / "linux"),
            "mem=384M",
            f"ubda={self._directory / 'root.cow'},{parts.MACHINE / 'root.ext4'}",
            *(f"{device}={path}" for device, path in zip(devices, disks, strict=True)),
            *(
                "root=/dev/ubda",
                "rw",
                "init=/usr/local/bin/as-instance",
                "con=null",
                "con0=null,fd:1",
                "ssl=null",
                "pty.legacy_count=0",
            ),
            f"share={share}",
            f"instance_store={','.join(f'{device}:{path.name}' for device, path in zip(devices, disks, strict=True))}",
        ]
        with console.open("wb") as output:
            machine = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(self._directory)},
                start_new_session=True,
            )
            try:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    machine.wait(_BOOT_SECONDS)
            finally:
                # The kernel's processes outlive it when it crashes.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(machine.pid, signal.SIGKILL)
                machine.wait()
        report = share / "report"
        try:
            return Report(**json.loads(report.read_text()))
        except (OSError, ValueError) as error:
            raise BootError(console.read_text(errors="replace")[-4000:]) from error

    def _share(self, files: Mapping[str, str]) -> Path:
        """Make the directory that the machine reads its files from and writes its report to."""
        share = self._directory / "share"
        shutil.rmtree(share, ignore_errors=True)
        seed = {
            f"{_SEED}/meta-data": "instance-id: i-0123456789abcdef0\n",
            f"{_SEED}/user-data": self._user_data,
        }
        for name, text in {**seed, **files}.items():
            path = share / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        return share
