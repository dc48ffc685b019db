"""The gateway's keys for LiteLLM, new at every start of the container.

One reaches inference only, one what administrators may use; both programs get them (lisa_gateway/proxy_authorization).
LiteLLM does not start without a master key, which is never used: unless one is configured, it is discarded with the
container.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

_MASTER_KEY = "LITELLM_MASTER_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environments:
    """The variables of the programs.

    Attributes:
        litellm: LiteLLM's.
        gateway: the gateway's, without the master key.
    """

    litellm: Mapping[str, str]
    gateway: Mapping[str, str]


def make_environments(environment: Mapping[str, str]) -> Environments:
    """Add the keys to the container's variables."""
    shared = {**environment, "LITELLM_KEY": _make_key(), "LITELLM_ADMIN_KEY": _make_key()}
    return Environments(
        litellm={**shared, _MASTER_KEY: environment.get(_MASTER_KEY) or _make_key()},
        gateway={**shared, _MASTER_KEY: ""},
    )


def _make_key() -> str:
    return f"sk-{secrets.token_hex(32)}"
