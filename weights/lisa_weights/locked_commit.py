"""A commit of the Hub has one content: what is fetched of a locked commit must be what the lock file has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LOCK_FILE, LockedModel, SourceKind, WeightsLock
from lisa_weights.model_directory import model_path, read_directory
from lisa_weights.resolve import resolve
from lisa_weights.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedCommit:
    """The entry of a model that was fetched from the Hub.

    Attributes:
        model: `org/name`.
        revision: the commit.
        entry: what is locked.
    """

    model: str
    revision: str
    entry: LockedModel

    def require_digests(self, digests: Mapping[str, str]) -> None:
        """Reject a commit whose files have other SHA-256 digests, before it is fetched.

        Args:
            digests: of the commit's files, by path; paths that are not locked are ignored.

        Raises:
            WeightsError: a digest differs.
        """
        locked = {file.path: file.sha256 for file in self.entry.files}
        changed = [path for path, digest in digests.items() if locked.get(path, digest) != digest]
        self._reject([_difference(path, digests[path], locked[path]) for path in sorted(changed)])

    def require_content(self, models: Path, lock: WeightsLock, fetched: Collection[str], step: Step) -> None:
        """Reject a fetched commit with other content than the lock file, and remove the files that differ.

        The checkpoint of converted files that differ is removed too, so that no later command converts and locks it.

        Args:
            models: directory of the local models.
            lock: the lock file.
            fetched: paths that were fetched.
            step: receives the progress.

        Raises:
            WeightsError: files differ, or the model cannot be read or converted.
        """
        now = resolve([self.model], models, lock, step=step).lock.models[self.model]
        changed = self._changed_files(now)
        converted = {path for path in changed if _can_be_converted(path) and path not in fetched}
        removed = (changed.keys() & set(fetched)) | converted
        path = model_path(models, self.model)
        if converted:
            removed |= set(read_directory(path).checkpoint)
        for name in removed:
            (path / name).unlink(missing_ok=True)
        self._reject(list(changed.values()))

    def _changed_files(self, now: LockedModel) -> dict[str, str]:
        """How files differ from the lock file, a clause by path, except for what another converter wrote."""
        locked = {file.path: file.sha256 for file in self.entry.files}
        found = {file.path: file.sha256 for file in now.files}
        changed = {}
        for path in sorted(locked.keys() | found.keys()):
            if locked.get(path) == found.get(path):
                continue
            if self.entry.converter != now.converter and _can_be_converted(path):
                continue
            if path not in locked:
                changed[path] = f"{path} is not in the lock file"
            elif path not in found:
                changed[path] = f"{path} is missing"
            else:
                changed[path] = _difference(path, found[path], locked[path])
        return changed

    def _reject(self, differences: list[str]) -> None:
        if differences:
            raise WeightsError(
                f"Commit {self.revision} of {self.model} has other content than {LOCK_FILE}: {'; '.join(differences)}. "
                "The content of a commit does not change: check the source (HF_ENDPOINT), or pass --relock to accept "
                "the new content."
            )


def locked_commit(lock: WeightsLock, model: str, revision: str) -> LockedCommit | None:
    """Return the entry of a model if it was fetched from the Hub at this commit."""
    entry = lock.models.get(model)
    if entry is None or entry.kind is not SourceKind.HUB or entry.revision != revision:
        return None
    return LockedCommit(model=model, revision=revision, entry=entry)


def _difference(path: str, found: str, locked: str) -> str:
    return f"{path} has SHA-256 {found} instead of {locked}"


def _can_be_converted(path: str) -> bool:
    return path.endswith((".safetensors", ".safetensors.index.json"))
