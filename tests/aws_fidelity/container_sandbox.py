"""A process isolated as Docker isolates a container by its definition: user, capabilities, mounts.

What stands for Docker: a mount namespace whose root is read-only, tmpfs mounts, and setpriv, which sets what the kernel
enforces in a container as well. The programs of this machine take the place of those of the image.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Arguments: directories that stay visible, `--`, those that are writable, `--`, empty directories, `--`, command.
# What is on the root of this machine can only be read; the directories are held while tmpfs mounts cover their parents.
_SCRIPT = """
which=0 command=()
declare -a kept=() writable=() covered=()
for word in "$@"; do
  if ((which < 3)) && [[ $word == -- ]]; then which=$((which + 1)); continue; fi
  case $which in
    0) kept+=("$word") ;; 1) writable+=("$word") ;; 2) covered+=("$word") ;; *) command+=("$word") ;;
  esac
done
mount -t tmpfs -o mode=700 hold /media
for i in "${!kept[@]}"; do mkdir "/media/$i"; mount --rbind "${kept[i]}" "/media/$i"; done
for i in "${!writable[@]}"; do mkdir "/media/v$i"; mount --bind "${writable[i]}" "/media/v$i"; done
for path in "${covered[@]}"; do mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$path"; done
for i in "${!kept[@]}"; do mkdir -p "${kept[i]}"; mount --rbind "/media/$i" "${kept[i]}"; done
if [[ $READ_ONLY == yes ]]; then
  for path in "${kept[@]}"; do mount -o remount,bind,ro "$path"; done
fi
for i in "${!writable[@]}"; do mount --bind "/media/v$i" "${writable[i]}"; done
if [[ $READ_ONLY == yes ]]; then mount -o remount,bind,ro /; fi
unset READ_ONLY
exec "${command[@]}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What a container definition limits.

    Attributes:
        user: user and group by number.
        read_only: whether only mounts can be written to.
        temporary: paths of tmpfs mounts.
        unprivileged: whether all capabilities are dropped and no new privileges can be gained.
    """

    user: str
    read_only: bool
    temporary: tuple[str, ...]
    unprivileged: bool

    @classmethod
    def of(cls, container: Mapping[str, Any]) -> Isolation:
        """The isolation of a container definition."""
        linux = container["LinuxParameters"]
        return cls(
            user=container.get("User", "0:0"),
            read_only=container.get("ReadonlyRootFilesystem", False),
            temporary=tuple(mount["ContainerPath"] for mount in linux.get("Tmpfs", ())),
            unprivileged=(
                linux.get("Capabilities") == {"Drop": ["ALL"]}
                and container.get("DockerSecurityOptions") == ["no-new-privileges"]
            ),
        )

    def command(self, *, visible: Sequence[Path], writable: Sequence[Path]) -> list[str]:
        """A command that runs the words after it isolated.

        Args:
            visible: directories that the process reads, wherever they are.
            writable: those of them, or below them, that are volumes of the container.
        """
        interpreter = Path(sys.base_prefix)
        blocked = tuple(_blocked([interpreter]))
        kept = [*visible, *([interpreter] if blocked else [])]
        user, _, group = self.user.partition(":")
        limits = ["setpriv", f"--reuid={user}", f"--regid={group or user}", "--clear-groups"]
        if self.unprivileged:
            limits += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        return [
            *(
                "unshare",
                "--mount",
                "env",
                f"READ_ONLY={'yes' if self.read_only else 'no'}",
                "bash",
                "-euc",
                _SCRIPT,
                "-",
            ),
            *(*map(str, kept), "--", *map(str, writable), "--"),
            *(*dict.fromkeys((*self.temporary, *map(str, blocked))), "--", *limits),
        ]


def give_to_owner(container: Mapping[str, Any], volume: Path) -> None:
    """Run the container that gives a volume to the user of the service, with the volume at another path."""
    words = [*container["EntryPoint"], *container["Command"]]
    path = container["MountPoints"][0]["ContainerPath"]
    subprocess.run([str(volume) if word == path else word for word in words], check=True)


def _blocked(paths: Sequence[Path]) -> Iterator[Path]:
    """The outermost directory above each path that other users cannot enter."""
    for path in paths:
        closed = [parent for parent in path.parents if not parent.stat().st_mode & 0o001]
        if closed:
            yield closed[-1]
