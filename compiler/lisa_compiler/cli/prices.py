"""`lisa prices import`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.options import ProjectDirectory, command_group
from lisa_compiler.cli.terminal import print_status
from lisa_compiler.prices.importing import read_prices
from lisa_compiler.prices.table import RegionPrices, read_project_prices, save_project_prices
from lisa_compiler.project.paths import shown_path
from lisa_schema.errors import LisaError
from lisa_schema.regions import region as region_named

app = command_group("Import prices of instances.")


@app.callback()
def prices() -> None:
    """Import prices of instances."""


@app.command(
    "import",
    epilog=(
        "lisa prices import index.csv --region eu-west-1 --as-of 2026-11-01\n\n"
        "lisa prices import prices.csv --region us-iso-east-1 --as-of 2026-11-01 --source 'our contract'"
    ),
)
def import_prices(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="AWS's offer file of EC2, or instanceType,perHour.")],
    *,
    project: ProjectDirectory = Path(),
    region: Annotated[str, typer.Option("--region", metavar="NAME", help="AWS Region of the prices.")],
    as_of: Annotated[str, typer.Option("--as-of", metavar="YYYY-MM-DD", help="Date of the prices.")],
    source: Annotated[
        str | None, typer.Option("--source", metavar="TEXT", help="Where they come from; default: the file's name.")
    ] = None,
) -> None:
    """Import the on-demand prices of one Region into prices.json. Runs offline."""
    if region_named(region) is None:
        raise LisaError(f"Unknown Region `{region}`. Pass the Region as in the configuration, such as us-east-1.")
    try:
        day = date.fromisoformat(as_of)
    except ValueError as error:
        raise typer.BadParameter(f"{as_of} is not a date such as 2026-11-01.", param_hint="--as-of") from error
    types, currency = read_prices(file, region)
    tables = read_project_prices(project)
    tables[region] = RegionPrices(as_of=day, currency=currency, source=source or file.name, types=types)
    path = save_project_prices(project, tables)
    count = "1 instance type" if len(types) == 1 else f"{len(types)} instance types"
    print_status(
        f"wrote {shown_path(path)}: {count} in {region} as of {day.isoformat()}; run `lisa compile`, and commit both"
    )
