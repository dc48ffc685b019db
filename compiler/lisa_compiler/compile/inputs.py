"""What an environment is compiled from: the program itself, and files of the project, each by its digest."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.output.manifest import sha256
from lisa_compiler.output.tree import digest_of
from lisa_compiler.project.paths import MODELS, OVERLAY_FOLDER

if TYPE_CHECKING:
    from lisa_schema.models import Config

LOCAL_MODEL = "local model "
"""Prefix of an input's name that is a model in `models/`."""

_FORMAT = 2
_BIG = 16 * 2**20
"""Bytes above which an input, such as an image's tarball, is recorded by size and time instead of content."""

_IGNORED = frozenset(
    {"__pycache__", "node_modules", ".venv", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".DS_Store"}
)


def input_paths(config: Config) -> tuple[str, ...]:
    """Paths that compiling may read because the configuration names them, or a file that has their checksum."""
    containers = [config.rest_api_config.container_config, *(model.container_config for model in config.ecs_models)]
    paths: list[str | None] = [getattr(container.image, "path", None) for container in containers]
    paths += [config.lambda_source_path, config.web_app_assets_path]
    if not config.certificate_authority_bundle.startswith("/"):
        paths.append(config.certificate_authority_bundle)
    paths.append(config.database_authority_bundle)
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
        digest.update(digest_of(root, _IGNORED).encode())
    for entry in sys.path:
        if entry.endswith(("site-packages", "dist-packages")) and (installed := Path(entry)).is_dir():
            names = sorted(path.name for path in installed.iterdir() if path.suffix in {".dist-info", ".egg-info"})
            digest.update("\n".join(names).encode(errors="surrogateescape"))
    return digest.hexdigest()


def tokens(project: Path, paths: Iterable[str]) -> dict[str, str]:
    """Digests of inputs, or what stands for one: `absent`, or size and time of a large file."""
    return {path: _input_token(project, path) for path in paths}


def _input_token(project: Path, path: str) -> str:
    if path.startswith(LOCAL_MODEL):
        from lisa_weights.lock.fingerprint import fingerprint  # noqa: PLC0415  # lisa_weights, without local models

        return fingerprint(project / MODELS / path.removeprefix(LOCAL_MODEL))
    return _token(project / path, names_only=path == OVERLAY_FOLDER)


def _token(path: Path, *, names_only: bool) -> str:
    if path.is_dir():
        return "\n".join(sorted(entry.name for entry in path.iterdir())) if names_only else digest_of(path)
    if not path.is_file():
        return "absent"
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}" if status.st_size > _BIG else sha256(path.read_bytes())


def changed_since(project: Path, name: str, since: int) -> bool:
    """Return whether a path of the project was written, moved or removed, itself or anything below it."""
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
