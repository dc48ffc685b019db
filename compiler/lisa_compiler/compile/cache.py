"""Find in a few hundredths of a second that there is nothing to compile.

After a compile, a stamp in `<output>/.lisa/` remembers what it was made from on this machine: the program itself, the
installed packages, the options and every input. When all of it is the same, and the output is byte for byte what the
manifest says, compiling again would change nothing, and report the same: the stamp keeps the warnings. Whatever is
unreadable, unknown or different means: compile.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa_compiler.compile.inputs import LOCAL_MODEL, changed_since, input_paths, program_digest, tokens
from lisa_compiler.output.intact import is_intact
from lisa_compiler.output.manifest import outputs, sha256
from lisa_compiler.output.tree import MANIFEST, STATE_DIRECTORY
from lisa_compiler.output.write import state_directory
from lisa_compiler.project.paths import CONFIG_FILE, OVERLAY_FOLDER, PRICES, WEIGHTS_LOCK, ami_lock
from lisa_schema.atomic_file import replace_file
from lisa_schema.diagnostics import Diagnostic

if TYPE_CHECKING:
    from lisa_schema.models import Config


@dataclass(frozen=True, slots=True)
class CachedBuild:
    """An environment whose output is what compiling it would make.

    Attributes:
        stacks: number of CloudFormation stacks in it.
        files: number of files in it.
        diagnostics: warnings that the compile gave, and would give again.
    """

    stacks: int
    files: int
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Environments:
    """The environments of a project.

    Attributes:
        default: the one that `env` in config.yaml names; None when it names none.
        names: all of them.
        inputs: what environment_inputs() said before they were read.
    """

    default: str | None
    names: tuple[str, ...]
    inputs: Mapping[str, str]


def load_if_up_to_date(
    project: Path, output: Path, environment: str, options: Sequence[tuple[str, str]]
) -> CachedBuild | None:
    """Return what is known of an environment's output when nothing has changed since it was compiled, else None."""
    try:
        stamp = read_state(output, f"environment-{environment}")
        manifest = (output / environment / MANIFEST).read_bytes()
        unchanged = (
            stamp["manifest"] == sha256(manifest)
            and stamp["options"] == _options_digest(options)
            and stamp["inputs"] == tokens(project, stamp["inputs"])
            and stamp["program"] == program_digest()
            and is_intact(output / environment, outputs(manifest))
        )
        if not unchanged:
            return None

        diagnostics = tuple(Diagnostic.from_dict(data) for data in stamp["diagnostics"])
        return CachedBuild(int(stamp["stacks"]), int(stamp["files"]), diagnostics)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def is_outdated(project: Path, output: Path, environment: str) -> bool:
    """Tell whether an environment's sources, or the files in its output, have changed since it was compiled here.

    False also means that it is unknown: the environment was compiled elsewhere, or with options.
    """
    try:
        stamp = read_state(output, f"environment-{environment}")
        manifest = (output / environment / MANIFEST).read_bytes()
        if stamp["manifest"] != sha256(manifest) or stamp["options"] != _options_digest(()):
            return False
        same = bool(stamp["inputs"] == tokens(project, stamp["inputs"]))
        return not (same and is_intact(output / environment, outputs(manifest)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an environment is about to be compiled from, taken before anything is read.

    Attributes:
        since: nanoseconds of the clock when it was taken, less what file systems round.
        inputs: the configuration's files.
        program: LISA itself.
    """

    since: int
    inputs: Mapping[str, str]
    program: str


def with_lock(before: Snapshot, lock: bytes) -> Snapshot:
    """The snapshot with the lock that the compile itself has written."""
    return replace(before, inputs={**before.inputs, WEIGHTS_LOCK: sha256(lock)})


def snapshot(project: Path, environment: str) -> Snapshot:
    """Take a snapshot for save(), so that a file that is edited during the compile counts as changed."""
    since = time.time_ns() - 50_000_000
    own = (f"{OVERLAY_FOLDER}/{environment}.yaml", ami_lock(environment))
    inputs = tokens(project, [CONFIG_FILE, *own, OVERLAY_FOLDER, WEIGHTS_LOCK, PRICES])
    return Snapshot(since, inputs, program_digest())


def save(
    project: Path,
    output: Path,
    environment: str,
    options: Sequence[tuple[str, str]],
    *,
    before: Snapshot,
    config: Config,
    local_models: Mapping[str, str],
    manifest: bytes,
    stacks: int,
    files: int,
    diagnostics: Iterable[Diagnostic],
) -> None:
    """Keep what load_if_up_to_date() needs, after the output was written. A cache: failing to keep it is no error.

    Args:
        project: folder of config.yaml.
        output: directory of all environments' output.
        environment: name of the environment.
        options: what was asked for.
        before: what was taken before anything was read.
        config: the effective configuration.
        local_models: fingerprints of the models in `models/`, as they were read, by name.
        manifest: that of the output.
        stacks: how many there are.
        files: number of files in the output, the manifest included.
        diagnostics: warnings that were given.
    """
    with suppress(OSError):
        own = input_paths(config)
        if any(changed_since(project, path, before.since) for path in own):
            return
        stamp = {
            "program": before.program,
            "options": _options_digest(options),
            "inputs": {
                **before.inputs,
                **tokens(project, own),
                **{f"{LOCAL_MODEL}{name}": seen for name, seen in local_models.items()},
            },
            "manifest": sha256(manifest),
            "stacks": stacks,
            "files": files,
            "diagnostics": [diagnostic.to_dict() for diagnostic in diagnostics],
        }
        write_state(output, f"environment-{environment}", stamp)


def environment_inputs(project: Path) -> dict[str, str]:
    """Tell by digest what names the environments: config.yaml, and the files in environments/."""
    return tokens(project, [CONFIG_FILE, OVERLAY_FOLDER])


def known_environments(project: Path, output: Path) -> Environments | None:
    """Return the project's environments when the files that name them have not changed, else None."""
    try:
        stamp = read_state(output, "project")
        inputs = environment_inputs(project)
        if stamp["inputs"] != inputs or stamp["program"] != program_digest():
            return None
        default = stamp["default"]
        names = tuple(str(name) for name in stamp["names"])
        return Environments(None if default is None else str(default), names, inputs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def save_environments(output: Path, environments: Environments) -> None:
    """Keep what known_environments() needs. A cache: failing to keep it is no error."""
    with suppress(OSError):
        stamp = {
            "program": program_digest(),
            "inputs": dict(environments.inputs),
            "default": environments.default,
            "names": list(environments.names),
        }
        write_state(output, "project", stamp)


def _options_digest(options: Sequence[tuple[str, str]]) -> str:
    return sha256(json.dumps(options).encode())


def read_state(output: Path, name: str) -> Any:
    """Read a file of the state directory; OSError or ValueError where there is none that can be read."""
    return json.loads((output / STATE_DIRECTORY / f"{name}.json").read_bytes())


def write_state(output: Path, name: str, stamp: Mapping[str, Any]) -> None:
    """Replace a file of the state directory."""
    path = state_directory(output) / f"{name}.json"
    replace_file(path, json.dumps(stamp).encode(), mode=0o644)
