"""A variable that LISA owns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedVariable:
    """A variable, or with `*` at the end all variables that begin so, that the configuration may not set.

    Attributes:
        name: in capitals.
        controls: what it controls, a noun phrase.
        fix: what to do instead, in the imperative.
        containers: where it is owned: `rest-api` or an inference container.
        accepts: values that LISA sets itself or that change nothing.
        accepts_secret: whether a reference to a secret is accepted.
        built_only: whether it matters only in the images that LISA builds.
        trust_only: whether LISA sets it only with `certificateAuthorityBundle`.
        in_task: whether LISA sets it in task definitions.
    """

    name: str
    controls: str
    fix: str
    containers: tuple[str, ...]
    accepts: tuple[str, ...] = ()
    accepts_secret: bool = False
    built_only: bool = False
    trust_only: bool = False
    in_task: bool = False


def each(
    names: str, controls: str, fix: str, containers: tuple[str, ...], *, in_task: bool = False
) -> Iterator[OwnedVariable]:
    """Yield a variable for each name, separated by spaces; see `OwnedVariable` for the rest."""
    for name in names.split():
        yield OwnedVariable(name=name, controls=controls, fix=fix, containers=containers, in_task=in_task)
