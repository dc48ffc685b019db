"""An OpenID provider on this machine, with a user and an administrator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.dev.packages import python_with
from lisa_compiler.dev.processes import Program, free_port, responds

if TYPE_CHECKING:
    from lisa_schema.models import AuthConfig

_SERVER = Path(__file__).with_name("servers") / "identity_server.py"


@dataclass(frozen=True)
class Identity:
    """The provider: where it is, and who can sign in, in the order of the page."""

    authority: str
    users: tuple[str, ...] = ("user", "admin")


def plan(auth: AuthConfig, application: str) -> tuple[Identity, Program]:
    """The provider, and its program.

    Args:
        auth: what the environment says of clients and groups.
        application: where people are sent back to.

    Raises:
        MissingPackageError: the server's packages are not installed.
    """
    python = python_with("The OpenID provider", "aiohttp", "jwt", "cryptography")
    port = free_port()
    identity = Identity(f"http://127.0.0.1:{port}")
    names = {"user": "Una User", "admin": "Ada Admin"}
    groups = {"user": ["lisa-users"], "admin": [auth.admin_group]}
    settings = {
        "issuer": identity.authority,
        "port": port,
        "client": auth.client_id,
        "application": application,
        "users": {
            user: {
                "name": names[user],
                "preferred_username": user,
                "email": f"{user}@example.com",
                **claim_at(auth.jwt_groups_property, groups[user]),
            }
            for user in identity.users
        },
    }
    program = Program(
        name="identity",
        command=[python, _SERVER],
        environment={"IDENTITY": json.dumps(settings), "PYTHONUNBUFFERED": "1"},
        is_ready=responds(f"{identity.authority}/.well-known/openid-configuration"),
    )
    return identity, program


def claim_at(path: str, value: object) -> dict[str, object]:
    """A claim at a dot path: `realm_access.roles` is a list in a mapping."""
    first, _, rest = path.partition(".")
    return {first: claim_at(rest, value) if rest else value}
