"""Which variables of a container LISA owns, by the tables of owned and settable variables."""

from __future__ import annotations

from typing import Final

from lisa_schema.owned_variable import OwnedVariable
from lisa_schema.owned_variables import OWNED
from lisa_schema.settable_variables import GATEWAY, SETTABLE

_EXACT: Final = {(container, one.name): one for one in OWNED for container in one.containers if "*" not in one.name}
_PREFIXES: Final = tuple(one for one in OWNED if one.name.endswith("*"))


def owned_variable(container: str, name: str) -> OwnedVariable | None:
    """Return the owned variable that a name is; None when the configuration may set it.

    Args:
        container: `rest-api` or an inference container.
        name: name of the variable.
    """
    plain = canonical(container, name)
    if plain in SETTABLE[container]:
        return None
    if (container, plain) in _EXACT:
        return _EXACT[container, plain]
    return next(
        (one for one in _PREFIXES if container in one.containers and plain.startswith(one.name.removesuffix("*"))), None
    )


def canonical(container: str, name: str) -> str:
    """Return a name as its container reads it: the gateway's settings have the same name in any case."""
    return name.upper() if container == GATEWAY else name


def is_declared(container: str, name: str) -> bool:
    """Return whether LISA may set a variable in a task definition: it is owned there, or settable with a default."""
    owned = _EXACT.get((container, name))
    return name in SETTABLE[container] or (owned is not None and owned.in_task)
