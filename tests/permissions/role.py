"""A role with its policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from permissions.evaluation import Document, as_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role.

    Attributes:
        component: of its stack.
        logical_id: in the template.
        arn: its ARN.
        documents: what its policies allow and deny, those of its stack's managed policies included.
        managed: ARNs of AWS's managed policies.
        boundary: ARN of its permissions boundary.
        trust: who assumes it.
    """

    component: str
    logical_id: str
    arn: str
    documents: Sequence[Document]
    managed: Sequence[str]
    boundary: str | None
    trust: Document

    @property
    def place(self) -> str:
        """Component and logical id."""
        return f"{self.component}/{self.logical_id}"

    def with_documents(self, documents: Sequence[Document]) -> Role:
        """The same role with other policies."""
        return replace(self, documents=documents)


def statements(document: Document) -> list[Mapping[str, Any]]:
    """The statements of a policy."""
    return as_list(document["Statement"])
