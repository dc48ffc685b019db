"""Tell in a few hundredths of a second that there is nothing to compile.

After a compile, a stamp in `<output>/.lisa/` remembers what it was made from on this machine: the program itself, the
installed packages, the options and every input. When all of it is the same, and the output is byte for byte what the
manifest says, compiling again would change nothing, and would say the same: the stamp keeps the warnings. Whatever is
unreadable, unknown or different means: compile.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa_compiler.output.manifest import output_digests, outputs, sha256
from lisa_compiler.output.tree import MANIFEST, STATE_DIRECTORY, digest_of, is_executable, output_files
from lisa_schema.diagnostics import Diagnostic

if TYPE_CHECKING:
    from lisa_schema.models import Config

_FORMAT = 2
_BIG = 16 * 2**20
"""Bytes above which an input, such as an image's tarball, is told by size and time instead of content."""

_LOCK_FILE = "weights.lock.json"
"""lisa_weights.lock.lock_file.LOCK_FILE, named again so that finding nothing to do does not import the lock."""

_AMI_LOCK_FILE = "ami.{environment}.lock.json"
"""lisa_compiler.compile.ami_lock.lock_file, for the same reason."""

_MODELS = "models"
"""lisa_compiler.compile.weights.MODELS, for the same reason."""

_LOCAL_MODEL = "local model "
"""What an input's name begins with when it is a model in `models/`."""

_NOISE = frozenset(
    {"__pycache__", "node_modules", ".venv", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".DS_Store"}
)


@dataclass(frozen=True, slots=True)
class Fresh:
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


def fresh(project: Path, output: Path, environment: str, options: Sequence[tuple[str, str]]) -> Fresh | None:
    """Return what is known of an environment's output when nothing has changed since it was compiled, else None."""
    try:
        stamp = read_state(output, f"environment-{environment}")
        manifest = (output / environment / MANIFEST).read_bytes()
        unchanged = (
            stamp["manifest"] == sha256(manifest)
            and stamp["options"] == _options_digest(options)
            and stamp["inputs"] == _tokens(project, stamp["inputs"])
            and stamp["program"] == program_digest()
            and _intact(output / environment, outputs(manifest))
        )
        if not unchanged:
            return None

        diagnostics = tuple(Diagnostic.from_dict(data) for data in stamp["diagnostics"])
        return Fresh(int(stamp["stacks"]), int(stamp["files"]), diagnostics)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def is_outdated(project: Path, output: Path, environment: str) -> bool:
    """Tell whether an environment's sources, or the files in its output, have changed since it was compiled here.

    False also means that nobody knows: it was compiled elsewhere, or with options.
    """
    try:
        stamp = read_state(output, f"environment-{environment}")
        manifest = (output / environment / MANIFEST).read_bytes()
        if stamp["manifest"] != sha256(manifest) or stamp["options"] != _options_digest(()):
            return False
        same = bool(stamp["inputs"] == _tokens(project, stamp["inputs"]))
        return not (same and _intact(output / environment, outputs(manifest)))
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
    return replace(before, inputs={**before.inputs, _LOCK_FILE: sha256(lock)})


def snapshot(project: Path, environment: str) -> Snapshot:
    """Take a snapshot for remember(), so that a file that is edited during the compile counts as changed."""
    since = time.time_ns() - 50_000_000
    own = (f"environments/{environment}.yaml", _AMI_LOCK_FILE.format(environment=environment))
    inputs = _tokens(project, ["config.yaml", *own, "environments", _LOCK_FILE])
    return Snapshot(since, inputs, program_digest())


def remember(
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
    """Keep what fresh() needs, after the output was written. A cache: failing to keep it is no error.

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
        if any(_changed_since(project, path, before.since) for path in own):
            return
        stamp = {
            "program": before.program,
            "options": _options_digest(options),
            "inputs": {
                **before.inputs,
                **_tokens(project, own),
                **{f"{_LOCAL_MODEL}{name}": seen for name, seen in local_models.items()},
            },
            "manifest": sha256(manifest),
            "stacks": stacks,
            "files": files,
            "diagnostics": [diagnostic.to_dict() for diagnostic in diagnostics],
        }
        write_state(output, f"environment-{environment}", stamp)


def environment_inputs(project: Path) -> dict[str, str]:
    """Tell by digest what names the environments: config.yaml, and the files in environments/."""
    return _tokens(project, ["config.yaml", "environments"])


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


def remember_environments(output: Path, environments: Environments) -> None:
    """Keep what known_environments() needs. A cache: failing to keep it is no error."""
    with suppress(OSError):
        stamp = {
            "program": program_digest(),
            "inputs": dict(environments.inputs),
            "default": environments.default,
            "names": list(environments.names),
        }
        write_state(output, "project", stamp)


def input_paths(config: Config) -> tuple[str, ...]:
    """Paths that compiling may read because the configuration names them, or a file that has their checksum."""
    containers = [config.rest_api_config.container_config, *(model.container_config for model in config.ecs_models)]
    paths: list[str | None] = [getattr(container.image, "path", None) for container in containers]
    paths += [config.lambda_source_path, config.web_app_assets_path]
    if not config.certificate_authority_bundle.startswith("/"):
        paths.append(config.certificate_authority_bundle)
    paths += config.lambda_layer_assets.model_dump().values()
    named = {str(path) for path in paths if path}
    return tuple(sorted(named | {f"{path}.sha256" for path in named}))


@cache
def program_digest() -> str:
    """Digest of everything of LISA itself that shapes the output, and of the names of all installed packages."""
    here = Path(__file__).parents[1]
    digest = hashlib.sha256(f"{_FORMAT} {sys.version_info[:2]} {sys.platform}".encode())
    roots = [here]
    if (checkout := here.parent.parent / "compiler").is_dir() and here.parent == checkout:
        roots += [here.parent.parent / name for name in ("schema", "weights", "templates", "runtime", "sdk")]
    else:
        roots += [here.parent / name for name in ("lisa_schema", "lisa_weights")]
    for root in roots:
        digest.update(digest_of(root, _NOISE).encode())
    for entry in sys.path:
        if entry.endswith(("site-packages", "dist-packages")) and (installed := Path(entry)).is_dir():
            names = sorted(path.name for path in installed.iterdir() if path.suffix in {".dist-info", ".egg-info"})
            digest.update("\n".join(names).encode(errors="surrogateescape"))
    return digest.hexdigest()


def _intact(directory: Path, expected: Mapping[str, str]) -> bool:
    if directory.is_symlink():
        return False
    digests = {}
    for name, path in output_files(directory):
        if name == MANIFEST:
            continue
        if path.is_symlink():
            return False
        content = path.read_bytes()
        if is_executable(content) != bool(path.stat().st_mode & 0o100):
            return False
        digests[name] = sha256(content)
    return output_digests(digests) == expected


def _tokens(project: Path, paths: Iterable[str]) -> dict[str, str]:
    return {path: _input_token(project, path) for path in paths}


def _input_token(project: Path, path: str) -> str:
    if path.startswith(_LOCAL_MODEL):
        from lisa_weights.lock.fingerprint import fingerprint

        return fingerprint(project / _MODELS / path.removeprefix(_LOCAL_MODEL))
    return _token(project / path, names_only=path == "environments")


def _token(path: Path, *, names_only: bool) -> str:
    if path.is_dir():
        return "\n".join(sorted(entry.name for entry in path.iterdir())) if names_only else digest_of(path)
    if not path.is_file():
        return "absent"
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}" if status.st_size > _BIG else sha256(path.read_bytes())


def _changed_since(project: Path, name: str, since: int) -> bool:
    """Whether a path of the project was written, moved or removed, itself or anything below it."""
    path = project / name
    if not os.path.lexists(path):
        # Its removal changed the time of the folder that it was in. The project itself changes with every output.
        parent = next((folder for folder in path.parents if folder.is_dir()), project)
        return parent != project and parent.is_relative_to(project) and _touched_at(parent) >= since
    entries = [path]
    for folder, folders, files in os.walk(path):
        entries += [Path(folder, entry) for entry in (*folders, *files)]
    return any(_touched_at(entry) >= since for entry in entries)


def _touched_at(path: Path) -> int:
    # The inode's own time shows that a file with an old date took the place of another.
    seen = [path.lstat(), *([path.stat()] if path.is_file() else ())]
    times: list[int] = [stamp for status in seen for stamp in (status.st_mtime_ns, status.st_ctime_ns)]
    return max(times)


def _options_digest(options: Sequence[tuple[str, str]]) -> str:
    return sha256(json.dumps(options).encode())


def read_state(output: Path, name: str) -> Any:
    """Read a file of the state directory; OSError or ValueError where there is none that can be read."""
    return json.loads((output / STATE_DIRECTORY / f"{name}.json").read_bytes())


def write_state(output: Path, name: str, stamp: Mapping[str, Any]) -> None:
    """Replace a file of the state directory."""
    from lisa_compiler.output.write import state_directory

    path = state_directory(output) / f"{name}.json"
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(json.dumps(stamp), encoding="utf-8")
    part.replace(path)
