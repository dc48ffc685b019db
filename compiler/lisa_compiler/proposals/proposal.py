"""A proposal as it was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lisa_schema.errors import LisaError


class ProposalError(LisaError):
    """The proposal cannot be read, or does not fit the files."""


class ProposalAction(StrEnum):
    """What a proposal does to a model."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that a user proposed.

    Attributes:
        id: its id, which begins with its time.
        kind: what it does.
        model_id: the model that it concerns: modelId, else modelName.
        author: the user.
        created_at: when, in ISO 8601 and UTC.
        status: `pending`, `applied` or `withdrawn`.
        change: the entry of `ecsModels`: the model, or its name with the keys that change; null takes a default back.
    """

    id: str
    kind: ProposalAction
    model_id: str
    author: str
    created_at: str
    status: str
    change: Mapping[str, Any]
