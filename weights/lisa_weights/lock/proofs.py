"""Proofs that a model can be loaded, as the lock records them: which were made, with which versions and findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lisa_weights.lock.entry_fields import Fields


class ProofKind(StrEnum):
    """What was proved.

    `headers`: the files contain what their index and headers record, and do not contradict config.json. `load`: the
    model's own class accounts for every tensor's name and shape. `generate`: the checkpoint and the safetensors answer
    with the same tokens, and not as a model with random weights does.
    """

    HEADERS = "headers"
    LOAD = "load"
    GENERATE = "generate"


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof of a model.

    Attributes:
        kind: what was proved.
        is_made: whether it was made; a model that fails a proof is not locked.
        detail: what it found, or why it was not made; a clause.
        versions: of the programs that made it, by name.
    """

    kind: ProofKind
    is_made: bool
    detail: str
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The proof as one line."""
        if not self.is_made:
            return f"{self.kind} not made: {self.detail}"
        made_by = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        return f"{self.kind}: {self.detail}" + (f" ({made_by})" if made_by else "")


def merge(earlier: Iterable[Proof], later: Iterable[Proof]) -> tuple[Proof, ...]:
    """The proofs of the same files by kind: the later one, unless only the earlier one was made."""
    found = {proof.kind: proof for proof in earlier}
    for proof in later:
        if proof.is_made or not (proof.kind in found and found[proof.kind].is_made):
            found[proof.kind] = proof
    return tuple(found[kind] for kind in ProofKind if kind in found)


def proofs_as_json(proofs: Iterable[Proof]) -> list[dict[str, Any]]:
    """Proofs as the lock writes them."""
    return [
        {
            "kind": proof.kind.value,
            "made": proof.is_made,
            "detail": proof.detail,
            "versions": dict(sorted(proof.versions.items())),
        }
        for proof in proofs
    ]


def proofs_of_entry(entry: Fields) -> tuple[Proof, ...]:
    """Proofs of a lock entry; empty where it has none.

    Raises:
        FieldError: they are not a list of proofs, or the kind of one is unknown.
    """
    if "proofs" not in entry.value:
        return ()
    try:
        return _proofs(entry.value["proofs"])
    except KeyError as error:
        entry.reject("proofs", f"has a proof that lacks the key `{error.args[0]}`")
    except (TypeError, ValueError, AttributeError) as error:
        entry.reject("proofs", f"cannot be read: {error}")


def _proofs(value: Any) -> tuple[Proof, ...]:
    if not isinstance(value, list):
        raise TypeError("proofs is not a list")
    return tuple(_proof(entry) for entry in value)


def _proof(value: Any) -> Proof:
    is_made, detail, versions = value["made"], value["detail"], value["versions"]
    texts = [detail, *versions, *versions.values()]
    if not isinstance(is_made, bool) or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{value!r} is not a proof")
    return Proof(ProofKind(value["kind"]), is_made, detail, dict(versions))
