"""Which models a change of the lock file concerns, and the directory of each one's report."""

from __future__ import annotations

from lisa_weights.lock.lock_file import WeightsLock


def changed_models(before: WeightsLock, now: WeightsLock) -> tuple[str, ...]:
    """Names of the models whose files a lock adds or changes, sorted."""
    return tuple(
        name
        for name, entry in sorted(now.models.items())
        if (known := before.models.get(name)) is None or known.files != entry.files
    )


def report_directory(model: str) -> str:
    """Name of the directory of a model's report, below that of all reports."""
    return model.replace("/", "--")
