"""How content differs from the commit of the Hub that a lock entry records."""

from __future__ import annotations

from lisa_weights.lock.lock_file import LockedModel, SourceKind


def changes_of_commit(locked: LockedModel, now: LockedModel) -> dict[str, str]:
    """How files differ from a locked commit, a clause by path, except for what another converter wrote.

    Args:
        locked: the entry in the lock file; one of a local directory has no commit, and so no changes.
        now: the content to compare.
    """
    if locked.kind is not SourceKind.HUB:
        return {}
    expected = {file.path: file.sha256 for file in locked.files}
    found = {file.path: file.sha256 for file in now.files}
    changes = {}
    for path in sorted(expected.keys() | found.keys()):
        if expected.get(path) == found.get(path):
            continue
        if locked.converter != now.converter and can_be_converted(path):
            continue
        if path not in expected:
            changes[path] = f"{path} is not in the lock file"
        elif path not in found:
            changes[path] = f"{path} is missing"
        else:
            changes[path] = digest_difference(path, found[path], expected[path])
    return changes


def digest_difference(path: str, found: str, locked: str) -> str:
    """Describe a file with another digest, a clause without a full stop."""
    return f"{path} has SHA-256 {found} instead of {locked}"


def can_be_converted(path: str) -> bool:
    """Whether a converter writes files of this name."""
    return path.endswith((".safetensors", ".safetensors.index.json"))
