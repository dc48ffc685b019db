"""`lisa merge-driver`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.options import ProjectDirectory, command_group
from lisa_compiler.cli.terminal import ExitCode, print_status

app = command_group()


@app.command("merge-driver", epilog="lisa merge-driver --install    [dim]# once in each clone[/dim]")
def merge_driver(
    *,
    base: Annotated[Path | None, typer.Argument(metavar="%O", help="The file as both branches had it.")] = None,
    ours: Annotated[Path | None, typer.Argument(metavar="%A", help="Our file, which becomes the result.")] = None,
    theirs: Annotated[Path | None, typer.Argument(metavar="%B", help="Their file.")] = None,
    path: Annotated[str | None, typer.Argument(metavar="%P", help="Path in the repository.")] = None,
    install: Annotated[bool, typer.Option("--install", help="Configure this clone: driver and post-merge hook.")] = (
        False
    ),
    finish: Annotated[
        bool, typer.Option("--finish", help="Compile the merged sources, and add generated/ to the merge.")
    ] = False,
    project: ProjectDirectory = Path(),
) -> None:
    """Settle conflicts in generated/ by compiling the merged sources; Git calls it."""
    from lisa_compiler.ci import merge  # noqa: PLC0415  # Git calls this command for each file

    if install + finish + (path is not None) != 1 or (base, ours, theirs).count(None) not in {0, 3}:
        raise typer.BadParameter("Pass %O %A %B %P, as Git does, or --install, or --finish.")
    # Git names its directories for its hooks from the root of the repository.
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).absolute())
    if path is not None:
        if merge.keep_ours(project, path):
            print_status(
                "lisa: generated/ is compiled after the merge. If the merge stops with conflicts, resolve those of "
                "other files, then run `lisa merge-driver --finish` and `git commit`."
            )
        return
    if install:
        hook = merge.install(project)
        print_status(f"configured merge.lisa.driver and {hook} in this clone")
        if not merge.is_driven(project):
            print_status(f"warning: .gitattributes lacks the line `{merge.ATTRIBUTES}`; add and commit it")
        return
    finished = merge.finish(project, lambda: _compile(project))
    if finished is None:
        print_status("no merge is to be finished")
    elif finished.committed:
        print_status(f"generated/ is as the merged sources compile: {finished.changed} files added to the merge")
    else:
        print_status("generated/ is as the merged sources compile, and staged; run `git commit`")


def _compile(project: Path) -> None:
    from lisa_compiler.cli.invocation import build_invocation  # noqa: PLC0415  # only to finish a merge
    from lisa_compiler.cli.run_lisa import run_lisa  # noqa: PLC0415  # likewise

    if code := run_lisa(build_invocation(project), "compile", "--all"):
        print_status("error: the merged sources do not compile; correct them, then run `lisa merge-driver --finish`")
        raise typer.Exit(code if code != ExitCode.OK else ExitCode.FAILED)
