"""`lisa audit …`."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.audit.reader import ContentReader, Selection, open_reader
from lisa_compiler.cli.invocation import Invocation, build_invocation
from lisa_compiler.cli.options import Environment, Profile, ProjectDirectory, Region, command_group, takes
from lisa_compiler.cli.terminal import print_status, write_output

app = command_group("Read the content that the gateway records for audited groups.")


@app.callback()
def audit() -> None:
    """Read the content that the gateway records for audited groups."""


_AGO = re.compile(r"([0-9]+)([mhdw])")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_TIME = "TIME"
_TIMES = "2026-11-29, 2026-11-29T10:00 (UTC), or a time ago (30m, 12h, 7d, 4w)"


def reader_options(
    *,
    project: ProjectDirectory = Path(),
    env: Environment = None,
    profile: Profile = None,
    region: Region = None,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="ARN", help="Former KMS key of auditContentStore; may be repeated."),
    ] = None,
) -> ContentReader:
    """Options of commands on the recorded content of one environment."""
    shortcuts = [("--profile", profile), ("--region", region)]
    invocation: Invocation = build_invocation(project, [env] if env else [], shortcuts=shortcuts)
    return open_reader(invocation.project, invocation.environment, key or ())


@app.command(
    "read",
    epilog="lisa audit read --env prod --from 2h --caller 3f9c0a1b2d4e | jq -r .request\n\n"
    "lisa audit read --env prod --from 2026-11-01 --request-id 0a1b2c",
)
@takes(reader_options)
def audit_read(
    reader: ContentReader,
    *,
    since: Annotated[str, typer.Option("--from", metavar=_TIME, help=f"Requests from then on: {_TIMES}.")] = "24h",
    until: Annotated[
        str | None, typer.Option("--to", metavar=_TIME, help="Requests before then; default: now.")
    ] = None,
    request_id: Annotated[str, typer.Option(metavar="ID", help="The request with this X-Request-ID.")] = "",
    caller: Annotated[
        str, typer.Option(metavar="NAME", help="Caller: user digest or subject, token id, or owner of a token.")
    ] = "",
    group: Annotated[str, typer.Option(metavar="NAME", help="Requests recorded for this group.")] = "",
) -> None:
    """Decrypt recorded requests and responses; print a JSON object for each, one per line."""
    now = time.time()
    selection = Selection(
        since=_moment(since, now, "--from"),
        until=now if until is None else _moment(until, now, "--to"),
        request_id=request_id,
        caller=caller,
        group=group,
    )
    if selection.since >= selection.until:
        raise typer.BadParameter("Specify a time before --to.", param_hint="--from")
    count = incomplete = 0
    for found in reader.read(selection):
        line = found.as_json()
        write_output(json.dumps(line, ensure_ascii=False) + "\n")
        count += 1
        incomplete += "problems" in line
    print_status(f"{reader.environment}: {count} {'request' if count == 1 else 'requests'}")
    if incomplete:
        print_status(f"{incomplete} of them incomplete: see `problems`")


def _moment(text: str, now: float, option: str) -> float:
    """UNIX seconds of a time as people write it."""
    if found := _AGO.fullmatch(text):
        return now - int(found[1]) * _SECONDS[found[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time. Write {_TIMES}.", param_hint=option) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
