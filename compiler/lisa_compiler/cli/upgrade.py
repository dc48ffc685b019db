"""`lisa upgrade`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from lisa_compiler.ci.compiled_commit import CommitError, commit_files, push_commit, read_changes, start_branch
from lisa_compiler.cli.options import ProjectDirectory, command_group
from lisa_compiler.cli.terminal import print_status
from lisa_compiler.project.paths import OUTPUT
from lisa_compiler.starter.upgrade import compile_with, download, pin, read_release
from lisa_schema.version import VERSION

app = command_group()


@app.command("upgrade", epilog="lisa upgrade --to 3.1.0 --branch upgrade-lisa --push origin")
def upgrade(
    *,
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="Version of LISA; default: the newest.")
    ] = None,
    index: Annotated[
        str | None, typer.Option("--index", metavar="URL", help="Package index; default: that of pip's configuration.")
    ] = None,
    wheel: Annotated[
        Path | None,
        typer.Option("--wheel", metavar="FILE", help="Wheel of LISA, instead of a package index.", dir_okay=False),
    ] = None,
    branch: Annotated[
        str | None, typer.Option("--branch", metavar="NAME", help="Commit on a new branch of this name.")
    ] = None,
    push: Annotated[
        str | None, typer.Option("--push", metavar="REMOTE", help="With --branch: push the branch to this remote.")
    ] = None,
    project: ProjectDirectory = Path(),
) -> None:
    """Pin another version of LISA in a repository of `lisa init`, and compile with it."""
    if wheel is not None and (to is not None or index is not None):
        raise typer.BadParameter("--wheel excludes --to and --index.", param_hint="--wheel")
    if push is not None and branch is None:
        raise typer.BadParameter("--push requires --branch.", param_hint="--push")
    changes = read_changes(project)
    if changed := (*changes.others, *changes.output):
        raise CommitError(f"These files are not committed: {', '.join(changed[:5])}. Commit or stash them first.")
    with TemporaryDirectory(prefix="lisa-") as folder:
        scratch = Path(folder)
        release = read_release(wheel if wheel is not None else download(to, index, scratch))
        if branch is not None:
            start_branch(project, branch)
        written = pin(project, release, index)
        print_status(f"pinned LISA {release.version}, SHA-256 {release.digest}")
        compile_with(project, scratch, print_status)
    message = f"build: LISA {release.version}"
    if branch is None:
        print_status(f"{', '.join(written)} and {OUTPUT}/ are of LISA {release.version}; review and commit them")
        return
    made = commit_files(project, message)
    if made is None:
        print_status(f"the repository has LISA {release.version} already; {branch} has no new commit")
        return
    print_status(f"committed as {made[:12]} on {branch}; it replaces LISA {VERSION} with {release.version}")
    if push is not None:
        push_commit(project, push, branch)
        print_status(f"pushed {branch} to {push}; open a pull request from it")
