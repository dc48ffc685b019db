#!/usr/bin/env python3
"""Builds the zip file of a Lambda layer: `python3 build_layer.py NAME`, as the `cdk` CLI runs it for an asset.

NAME is a folder beside this script: requirements.txt (every package pinned with its hashes, dependencies too),
layer.json ({"python", "sources", "indexUrl", "trustedHost"}) and folders of sources. Packages are fetched as wheels for
Lambda's Linux and Python, whatever machine this is, and pip compares each with its hashes. The file is made once for
the digest of all that, and the same inputs make the same bytes with the same Python. Bytecode is put in when this
Python has the layer's version: functions start sooner with it. The path of the file is all that is printed. It needs
Python >= 3.9 with pip, and nothing else.

Environment: LISA_PYPI_INDEX_URL and LISA_PYPI_TRUSTED_HOST win over the index of layer.json; pip's own settings hold.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

# What Amazon Linux 2023 (Python 3.12 on) and Amazon Linux 2 (before) can load, newest first.
PLATFORMS = {
    "al2023": ("manylinux_2_34_x86_64", "manylinux_2_31_x86_64", "manylinux_2_28_x86_64"),
    "al2": ("manylinux_2_26_x86_64", "manylinux_2_24_x86_64"),
}
EVERYWHERE = ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_12_x86_64", "manylinux2010_x86_64")
LAYER_ROOT = "/opt/python"
"""Where a function finds the folder python of a layer (AWS Lambda Developer Guide, "Layer paths")."""
EPOCH = (1980, 1, 1, 0, 0, 0)


class BuildError(Exception):
    """The layer cannot be built; the text says why."""


def main(arguments: list[str] | None = None) -> int:
    """Build a layer and print the path of its zip file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", help="directory of the layer next to this script")
    parser.add_argument("--output", type=Path, help="where to put the zip file, instead of the cache")
    options = parser.parse_args(arguments)
    try:
        built = build(HERE / options.name)
        if options.output is not None:
            options.output.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(built, options.output)
            built = options.output.resolve()
    except (BuildError, OSError) as error:
        sys.stderr.write(f"build_layer: {error}\n")
        return 1
    sys.stdout.write(f"{built}\n")
    return 0


def build(folder: Path) -> Path:
    """The zip file of a layer, from the cache when it was built before."""
    if not (folder / "layer.json").is_file():
        raise BuildError(f"{folder} is not the folder of a layer")
    layer = json.loads((folder / "layer.json").read_text(encoding="utf-8"))
    compiles = can_compile_for(layer["python"])
    if not compiles:
        this = ".".join(map(str, sys.version_info[:2]))
        sys.stderr.write(
            f"build_layer: {folder.name} gets no bytecode, and functions start slower: build it with "
            f"Python {layer['python']} instead of {this}\n"
        )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lisa" / "layers"
    kind = f"-{sys.implementation.cache_tag}" if compiles else ""
    target = cache / f"{digest_of(folder)}{kind}.zip"
    if target.is_file():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=cache) as scratch:
        tree = Path(scratch) / "python"
        tree.mkdir()
        install(folder / "requirements.txt", layer, tree)
        for source in layer["sources"]:
            shutil.copytree(folder / source, tree / source)
        for stray in tree.rglob("*.pyc"):
            stray.unlink()
        if compiles:
            compile_sources(tree)
        archive = Path(scratch) / "layer.zip"
        pack(tree, archive)
        archive.replace(target)
    return target


def digest_of(folder: Path) -> str:
    """SHA-256 of what the layer is made from, this script included."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in files_of(folder):
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()


def install(requirements: Path, layer: dict[str, Any], tree: Path) -> None:
    """Have pip put the pinned wheels into a folder.

    Dependencies are not followed: every one is pinned, and pip would choose them for this machine's Python.
    """
    version = layer["python"]
    system = "al2023" if tuple(map(int, version.split("."))) >= (3, 12) else "al2"
    command = [sys.executable, "-m", "pip", "install", "--requirement", str(requirements), "--target", str(tree)]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--implementation=cp"]
    command += [f"--python-version={version}", "--disable-pip-version-check", "--no-input", "--quiet"]
    command += [f"--platform={platform}" for platform in (*PLATFORMS[system], *EVERYWHERE)]
    environment = dict(os.environ)
    index = os.environ.get("LISA_PYPI_INDEX_URL") or layer.get("indexUrl")
    trusted = os.environ.get("LISA_PYPI_TRUSTED_HOST") or layer.get("trustedHost")
    environment.update({"PIP_INDEX_URL": index} if index else {})
    environment.update({"PIP_TRUSTED_HOST": trusted} if trusted else {})
    result = subprocess.run(command, env=environment, stdout=sys.stderr, check=False)
    if result.returncode != 0:
        raise BuildError(f"pip could not install {requirements} for Python {version} (see above)")
    # Scripts name this machine's Python, and records have their digests; neither is used in a function.
    shutil.rmtree(tree / "bin", ignore_errors=True)
    for record in tree.glob("*.dist-info/RECORD"):
        record.unlink()


def can_compile_for(version: str) -> bool:
    """Whether this Python's bytecode is that of a version, such as 3.13."""
    return sys.implementation.name == "cpython" and sys.version_info[:2] == tuple(map(int, version.split(".")))


def compile_sources(tree: Path) -> None:
    """Put bytecode beside the sources of a folder, as it is imported from in a function.

    Functions cannot check it against dates, which the zip file has not, and are told not to check it against sources.
    Bytes depend on the order of hashes and on what else is loaded, so a new Python makes them, always the same way.
    A source that is not Python of this version stays without.
    """
    command = [sys.executable, "-S", "-m", "compileall", "-q", "-f", "--invalidation-mode=unchecked-hash"]
    command += ["-s", str(tree), "-p", LAYER_ROOT, str(tree)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(command, env={**environment, "PYTHONHASHSEED": "0"}, stdout=sys.stderr, check=False)


def pack(tree: Path, archive: Path) -> None:
    """Zip a folder so that the same files make the same bytes: sorted, with one date and one mode."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for path in sorted((path for path in tree.rglob("*") if path.is_file()), key=Path.as_posix):
            entry = zipfile.ZipInfo(f"python/{path.relative_to(tree).as_posix()}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            file.writestr(entry, path.read_bytes())


def files_of(folder: Path) -> list[Path]:
    """The files below a folder in order, without compiled Python."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return sorted((path for path in files if "__pycache__" not in path.parts), key=Path.as_posix)


if __name__ == "__main__":
    sys.exit(main())
