"""`lisa migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.options import command_group
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_compiler.migrate import MigrationError, migrate
from lisa_compiler.project.paths import shown_path
from lisa_schema.atomic_file import replace_file

app = command_group()


@app.command(
    "migrate",
    epilog="lisa migrate --from config-base.yaml --from config-custom.yaml --models models.json -o config.yaml",
)
def migrate_command(
    *,
    sources: Annotated[
        list[Path],
        typer.Option("--from", metavar="FILE", help="Configuration of LISA 3 to 6; repeat for files that override it."),
    ],
    models: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON answer of GET /models of its model management API."),
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--env", "-e", metavar="NAME", help="Environment; default: `env` of the file.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="New file; default: standard output.")
    ] = None,
) -> None:
    """Convert a configuration of LISA 3 to 6; list what has no equivalent."""
    if output is not None and output.exists():
        raise MigrationError(f"{shown_path(output)} exists. Choose another --output, or remove the file.")
    files = [(shown_path(path), _read(path)) for path in sources]
    migrated = migrate(files, None if models is None else _read(models), environment)
    if output is None:
        write_output(migrated.text)
    else:
        replace_file(output, migrated.text.encode())
        print_status(f"{shown_path(output)}: environment {migrated.environment}")
    _print_list("Changed:", migrated.changes)
    _print_list("No equivalent:", migrated.without_equivalent)
    if output is not None:
        print_status("Review the file, save it as config.yaml, then run `lisa validate`.")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise MigrationError(f"{shown_path(path)} cannot be read: {reason}.") from error


def _print_list(heading: str, lines: tuple[str, ...]) -> None:
    if lines:
        print_status("\n".join([heading, *(f"  {line}" for line in lines)]))
