"""`lisa bundle`, `lisa bundle verify` and `lisa bundle unpack`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lisa_compiler.bundle import archive as archives
from lisa_compiler.bundle.create import Supplies, create
from lisa_compiler.bundle.manifest import BundleManifest
from lisa_compiler.cli.requests import shown_path
from lisa_compiler.cli.targets import Target
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.cli.transfers import size, step


def make(target: Target, file: Path, supplies: Supplies) -> ExitCode:
    """Make the bundle of one environment.

    Raises:
        DeployError: the compiled output is out of date.
        BundleError: a part is missing.
    """
    from lisa_weights.lock.lock_file import LOCK_FILE, load

    target.require_up_to_date()
    manifest = create(
        file,
        target.project,
        output=target.output,
        deployment=target.deployment,
        lock=load(target.project / LOCK_FILE),
        supplies=supplies,
        step=step,
    )
    for name in manifest.missing:
        say(f"omitted: {name}")
    _say(manifest, file)
    put(f"{manifest.digest}  bundle.json\n")
    return ExitCode.OK


def verify(archive: Path, base: Path | None) -> ExitCode:
    """Verify a bundle, with its base when that is given."""
    with step(f"reading {archive.name}", archive.stat().st_size) as done:
        manifest = archives.verify(archive, base, partial(done, archive.name))
    if manifest.base is not None and base is None:
        others = len(manifest.files) - len(manifest.stored)
        say(f"Incremental to bundle {manifest.base}, which has the other {others} files. Pass --base to verify them.")
    _say(manifest, archive)
    put(f"{manifest.digest}  bundle.json\n")
    return ExitCode.OK


def unpack(archive: Path, directory: Path, base: Path | None) -> ExitCode:
    """Unpack a bundle into a new directory."""
    with step(f"unpacking {archive.name}", archive.stat().st_size) as done:
        manifest = archives.unpack(archive, directory, base, partial(done, archive.name))
    _say(manifest, directory)
    say(f"Next: {shown_path(directory / 'install.sh')}")
    return ExitCode.OK


def _say(manifest: BundleManifest, where: Path) -> None:
    stored = manifest.stored
    whole = "" if manifest.base is None else f" of {len(manifest.files)}"
    say(
        f"{shown_path(where)}: LISA {manifest.lisa_version}, {manifest.environment}, {len(stored)}{whole} files, "
        f"{size(sum(file.size for file in stored))}"
    )
