"""`lisa weights gc`: show weights that no lock file names, and delete them after a confirmation."""

from __future__ import annotations

import typer

from lisa_compiler.cli.progress_bar import format_bytes
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_weights.garbage import Garbage, GarbageOptions, find_garbage, remove_garbage
from lisa_weights.workspace import Workspace

_ONE_REPOSITORY = (
    "only lock files of this Git repository were read: if another repository uses this bucket for the same models, its "
    "weights are in the list too"
)


def delete_garbage(workspace: Workspace, options: GarbageOptions, *, yes: bool) -> None:
    """Show weights in the bucket that no lock file names, and delete them.

    Args:
        workspace: where the weights are.
        options: what counts.
        yes: delete without a prompt.

    Raises:
        WeightsError: the lock files cannot be read, or the store refuses.
    """
    found = find_garbage(workspace, options)
    print_status(_kept(found, options))
    if not found.unreached:
        print_status(f"{found.url}: nothing to delete")
        return
    cells = [
        (f"{found.url}/{one.prefix}/", str(len(one.files)), format_bytes(one.total_bytes), f"{one.age_days} days")
        for one in found.unreached
    ]
    print_status(_ONE_REPOSITORY)
    write_output(table(("NOT IN ANY LOCK FILE", "FILES", "SIZE", "AGE"), cells))
    total = format_bytes(sum(one.total_bytes for one in found.unreached))
    if not yes and not typer.confirm(f"Delete {total}? This cannot be undone.", default=False, err=True):
        print_status("nothing was deleted")
        return
    for one, is_removed in remove_garbage(workspace, found.unreached):
        result = "deleted" if is_removed else "kept: it changed in the meantime"
        print_status(f"{found.url}/{one.prefix}/: {result}")


def _kept(found: Garbage, options: GarbageOptions) -> str:
    young = f", and {len(found.young)} younger than {options.min_age_days} days" if found.young else ""
    source = "tips of branches and tags" if options.tips_only else "all commits"
    return f"{found.reached.locks} lock files ({source}): kept {found.kept} prefixes that they name{young}"
