"""Synthesized stacks, kept on disk under the digest of what they are made from.

A stack is a pure function of its input and of LISA itself, so an entry is named by both digests and never changes. The
directory may be shared by processes and kept by CI: an entry is written to a temporary file that is then renamed, and
an entry whose content does not match the digest written before it is removed, and its stack synthesized again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa_compiler.compile.inputs import program_digest
from lisa_compiler.emit.cloudformation.protocol import StackOutput
from lisa_compiler.output.tree import STATE_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DIRECTORY_VARIABLE = "LISA_CACHE_DIR"
"""Environment variable that names the cache's directory. Output does not depend on it."""

_SUFFIX = ".stack"
_FRAME = "frame"
_DIGEST_BYTES = hashlib.sha256().digest_size
_LIMIT_BYTES = 256 * 2**20
# Pruning removes down to this part of the limit, so that it does not run after each compile.
_KEPT = 0.75


@dataclass(frozen=True, slots=True)
class StackCache:
    """Outputs of stacks in a directory.

    Attributes:
        directory: where they are; made when something is saved.
        program: digest of LISA itself, for a test to change.
        limit_bytes: size above which the entries that were used longest ago are removed.
    """

    directory: Path
    program: str
    limit_bytes: int = _LIMIT_BYTES

    def load(self, digests: Sequence[str]) -> tuple[dict[str, StackOutput], Mapping[str, Any] | None]:
        """The outputs that are known by digest, and the assembly's frame; None when it is not known."""
        frame = self._read(_FRAME)
        if frame is None:
            return {}, None
        found = {}
        for digest in digests:
            content = self._read(digest)
            if content is not None:
                found[digest] = StackOutput(
                    component=content["component"],
                    artifact=content["artifact"],
                    files={name: text.encode() for name, text in content["files"].items()},
                    artifacts=content["artifacts"],
                )
        return found, frame

    def save(self, outputs: Mapping[str, StackOutput], frame: Mapping[str, Any]) -> None:
        """Keep outputs by digest, and the frame. A cache: failing to write it is no error."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write(_FRAME, frame)
            for digest, output in outputs.items():
                files = {name: content.decode() for name, content in output.files.items()}
                content = {
                    "component": output.component,
                    "artifact": output.artifact,
                    "files": files,
                    "artifacts": dict(output.artifacts),
                }
                self._write(digest, content)
            self._prune()

    @property
    def _folder(self) -> Path:
        return self.directory / self.program[:16]

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self._path(name)
        try:
            data = path.read_bytes()
            packed = data[_DIGEST_BYTES:]
            if hashlib.sha256(self._named(name) + packed).digest() != data[:_DIGEST_BYTES]:
                path.unlink()
                return None
            # Shows that it is in use, to _prune.
            os.utime(path)
            content: dict[str, Any] = json.loads(zlib.decompress(packed))
        except OSError:
            return None
        return content

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        path = self._path(name)
        packed = zlib.compress(json.dumps(content, ensure_ascii=False).encode(), 1)
        handle, part = tempfile.mkstemp(dir=self._folder, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(self._named(name) + packed).digest() + packed)
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    def _named(self, name: str) -> bytes:
        """Begins what an entry's digest is of: an entry under another's name is not valid."""
        return f"{self.program} {name}\n".encode()

    def _prune(self) -> None:
        entries = sorted(self._entries(), reverse=True)
        total = sum(size for _, size, _ in entries)
        if total <= self.limit_bytes:
            return
        while entries and total > self.limit_bytes * _KEPT:
            _, size, path = entries.pop()
            total -= size
            path.unlink(missing_ok=True)
            if path.parent != self._folder:
                with suppress(OSError):  # it is not empty
                    path.parent.rmdir()

    def _entries(self) -> Iterator[tuple[int, int, Path]]:
        """When each entry was last used, its size and its path, those of other versions of LISA included."""
        for path in self.directory.glob("*/*"):
            with suppress(OSError):
                status = path.stat()
                yield status.st_mtime_ns, status.st_size, path


def stack_cache(output: Path, *, verifying: bool = False) -> StackCache | None:
    """The cache of a project's stacks: in LISA_CACHE_DIR, else beside the output's other state.

    Args:
        output: directory of all environments' output.
        verifying: whether the output is being checked. Then stacks are taken only from a directory that LISA_CACHE_DIR
            names: what stands beside the output may have come with it.
    """
    named = os.environ.get(DIRECTORY_VARIABLE)
    if named:
        return StackCache(Path(named), program_digest())
    return None if verifying else StackCache(output / STATE_DIRECTORY / "stacks", program_digest())
