"""The programs that user data installs on an instance, installed by the user data itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def install_programs(text: str, folder: Path) -> Path:
    """Run the part of user data that installs programs; returns their directory, which is in `folder`."""
    directory = folder / "usr/local/lib/lisa"
    start = text.index("install_programs() {")
    part = text[start : text.index("\nPROGRAMS\n") + len("\nPROGRAMS\n")]
    assert "\ninstall_programs /usr/local/lib/lisa <<" in part
    part = part.replace("/usr/local/lib/lisa", str(directory)).replace("/usr/bin/python3", sys.executable)
    subprocess.run(["bash", "-euo", "pipefail"], input=part, text=True, check=True)
    return directory
