"""A commit of the Hub has one content: what is fetched of a locked commit must be what the lock file has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lisa_weights.errors import WeightsError
from lisa_weights.lock.commit_changes import can_be_converted, changes_of_commit, digest_difference
from lisa_weights.lock.lock_file import LOCK_FILE, LockedModel, SourceKind, WeightsLock
from lisa_weights.model_directory import digest_files, model_path, read_directory
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
        self._reject([digest_difference(path, digests[path], locked[path]) for path in sorted(changed)])

    def require_content(self, models: Path, lock: WeightsLock, fetched: Collection[str], step: Step) -> None:
        """Reject a fetched commit with other content than the lock file, and remove the files that differ.

        The fetched files are compared before anything is converted or judged: a file that no server could use differs
        too. The checkpoint of converted files that differ is removed, so that no later command converts and locks it.

        Args:
            models: directory of the local models.
            lock: the lock file.
            fetched: paths that were fetched.
            step: receives the progress.

        Raises:
            WeightsError: files differ, or the model cannot be read.
        """
        path = model_path(models, self.model)
        locked = {file.path: file.sha256 for file in self.entry.files}
        changed = {
            file.path: digest_difference(file.path, file.sha256, locked[file.path])
            for file in digest_files(path, locked.keys() & set(fetched))
            if file.sha256 != locked[file.path]
        }
        _remove(path, changed)
        self._reject(list(changed.values()))
        resolution = resolve([self.model], models, lock, relock=True, step=step)
        checkpoint = set(read_directory(path).checkpoint) & set(fetched)
        if (reasons := [reason for issue in resolution.issues for reason in issue.reasons]) and checkpoint:
            _remove(path, checkpoint)
            self._reject([f"{min(checkpoint)} cannot be converted ({'; '.join(reasons).rstrip('.')})"])
        changed = changes_of_commit(self.entry, resolution.lock.models[self.model])
        converted = {name for name in changed if can_be_converted(name) and name not in fetched}
        _remove(path, (changed.keys() & set(fetched)) | converted | (checkpoint if converted else set()))
        self._reject(list(changed.values()))

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


def _remove(directory: Path, names: Iterable[str]) -> None:
    for name in names:
        (directory / name).unlink(missing_ok=True)
