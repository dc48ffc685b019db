"""`lisa tokens …`."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.invocation import Invocation, build_invocation
from lisa_compiler.cli.options import (
    Environment,
    Profile,
    ProjectDirectory,
    Region,
    TableFormat,
    command_group,
    takes,
)
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_compiler.tokens.registry import TokenRegistry, open_registry
from lisa_compiler.tokens.token import ApiToken, expiration

app = command_group("Create, list and revoke API tokens of the gateway.")

_HEAD = ("ID", "NAME", "OWNER", "GROUPS", "SCOPES", "CREATED", "EXPIRES", "LAST USED")

Endpoint = Annotated[str | None, typer.Option("--endpoint-url", metavar="URL", help="DynamoDB-compatible store.")]
Groups = Annotated[
    list[str] | None, typer.Option("--group", metavar="NAME", help="Group of the token, may be repeated.")
]


def registry_options(
    *,
    project: ProjectDirectory = Path(),
    env: Environment = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
) -> TokenRegistry:
    """Options of commands on the tokens of one environment."""
    shortcuts = [("--profile", profile), ("--region", region)]
    invocation: Invocation = build_invocation(project, [env] if env else [], shortcuts=shortcuts)
    return open_registry(invocation.project, invocation.environment, endpoint_url)


@app.command(
    "create", epilog="lisa tokens create ci --env prod --expires 90d --scope chat | gh secret set LISA_API_TOKEN"
)
@takes(registry_options)
def tokens_create(
    registry: TokenRegistry,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Purpose of the token.")],
    *,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Service account that owns it; default: NAME.")
    ] = None,
    expires: Annotated[
        str, typer.Option(metavar="DURATION", help="Validity: hours, days or weeks (12h, 90d, 4w), or never.")
    ] = "90d",
    group: Groups = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Operations that it may use, such as chat; may be repeated; default: all."),
    ] = None,
) -> None:
    """Create a token of a service account; print it, alone, to stdout, once."""
    now = int(time.time())
    secret, token = registry.create(
        name, owner=owner, groups=group or (), scopes=scope or (), now=now, expires=expiration(expires, now)
    )
    write_output(f"{secret}\n")
    print_status(
        f"created token {token.token_id} ({token.name}) of {token.owner}, {_ends(token)}; it is not shown again"
    )


@app.command("list", epilog="lisa tokens list --env prod --owner ci")
@takes(registry_options)
def tokens_list(
    registry: TokenRegistry,
    *,
    owner: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Tokens of this service account, or of this user (name or subject)."),
    ] = None,
    form: Annotated[TableFormat, typer.Option("--format", help="Output format.")] = TableFormat.TEXT,
) -> None:
    """List tokens with owner, groups, scopes, expiration and last use. Tokens themselves are not stored."""
    found = registry.list(owner)
    if form is TableFormat.JSON:
        write_output(json.dumps([asdict(token) for token in found.tokens], indent=2) + "\n")
    elif found.tokens:
        now = time.time()
        write_output(table(_HEAD, [_row(token, now) for token in found.tokens]))
    else:
        print_status(f"{registry.environment}: no tokens{f' of {owner}' if owner else ''}")
    if found.plain:
        print_status(
            f"{found.plain} more {'token is' if found.plain == 1 else 'tokens are'} stored in plain text. "
            "Run `lisa tokens hash`."
        )


@app.command("revoke", epilog="lisa tokens revoke 3f9c0a1b2d4e --env prod\n\nlisa tokens revoke --owner ci --env prod")
@takes(registry_options)
def tokens_revoke(
    registry: TokenRegistry,
    names: Annotated[list[str] | None, typer.Argument(metavar="[ID|NAME]...", help="Ids or names of tokens.")] = None,
    *,
    owner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Tokens of this service account or subject of a user; without an id or name, all of them.",
        ),
    ] = None,
) -> None:
    """Revoke tokens within 60 seconds. A token that does not exist is revoked already."""
    if not names and owner is None:
        raise typer.BadParameter("Specify ids or names of tokens, or --owner.", param_hint="ID")
    revoked = registry.revoke(names or (), owner=owner)
    for token in revoked:
        print_status(f"revoked token {token.token_id} ({token.name}) of {token.owner}")
    known = {text for token in revoked for text in (token.token_id, token.name)}
    for name in names or ():
        if name not in known:
            print_status(f"no token {name}: nothing to revoke")
    if not revoked and not names:
        print_status(f"no tokens of {owner}: nothing to revoke")


@app.command("hash", epilog="lisa tokens hash --env prod")
@takes(registry_options)
def tokens_hash(
    registry: TokenRegistry,
    *,
    owner: Annotated[str, typer.Option(metavar="NAME", help="Owner that the tokens get.")] = "legacy",
    group: Groups = None,
) -> None:
    """Replace tokens in plain text (LISA 2.x) by their digests. They stay valid. Safe to rerun."""
    done = registry.hash(owner=owner, groups=group or (), now=int(time.time()))
    print_status(f"{registry.environment}: {done.hashed} tokens hashed")
    if done.invalid:
        print_status(f"{done.invalid} not valid, because tokenExpiration is not a number: delete these items")
    if done.conflicting:
        print_status(
            f"{done.conflicting} skipped: changed meanwhile, or stored in both forms. Run the command again; if they "
            "remain, delete the items in plain text"
        )
    if not done.invalid and not done.conflicting:
        print_status("no token is stored in plain text: set authConfig.legacyTokens to false")


def _row(token: ApiToken, now: float) -> tuple[str, ...]:
    is_expired = token.expires is not None and token.expires <= now
    return (
        token.token_id,
        token.name,
        token.owner_name or token.owner,
        ",".join(token.groups) or "-",
        ",".join(token.scopes) or "all",
        _day(token.created),
        "never" if token.expires is None else f"{_day(token.expires)}{' (expired)' if is_expired else ''}",
        "never" if token.last_used is None else _day(token.last_used),
    )


def _ends(token: ApiToken) -> str:
    return "valid without end" if token.expires is None else f"valid until {_day(token.expires)}"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
