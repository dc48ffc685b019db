"""Small wheels for a real pip that has no index."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path


def write_wheel(folder: Path, name: str = "parcel", version: str = "1.0", *requires: str) -> Path:
    """A wheel of one module, for any Python."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", metadata + "".join(f"Requires-Dist: {item}\n" for item in requires))
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def lock_line(wheel: Path, digest: str | None = None) -> str:
    """The line that pins a wheel: with its hash, or with another."""
    name, version = wheel.name.removesuffix(".tar.gz").split("-")[:2]
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


def without_index(wheels: Path) -> dict[str, str]:
    """The environment of a pip that finds packages in a directory alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "PYTHON"))}
    return kept | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
