"""The access document, which `lisa compile` writes: what the callers of each group may use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from lisa_gateway.access.permitted_models import pattern_of

ALL = "*"
EVERYONE = ""
"""The name of the entry for callers in no listed group; no group has it."""


class AccessError(ValueError):
    """An access document that cannot be used."""


class LimitKind(StrEnum):
    """What a limit counts; the value is its name in the document."""

    MONTHLY_TOKENS = "monthlyTokens"
    DAILY_TOKENS = "dailyTokens"
    TOKENS = "tokensPerMinute"
    REQUESTS = "requestsPerMinute"
    CONCURRENT = "concurrentRequests"

    @property
    def is_budget(self) -> bool:
        """Whether it limits what is spent, rather than how fast."""
        return self in (LimitKind.DAILY_TOKENS, LimitKind.MONTHLY_TOKENS)

    @property
    def counts_tokens(self) -> bool:
        """Whether it counts tokens."""
        return self not in (LimitKind.REQUESTS, LimitKind.CONCURRENT)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    models: tuple[str, ...]
    per_caller: Mapping[LimitKind, PositiveInt] = Field(default_factory=dict, alias="perCaller")
    per_group: Mapping[LimitKind, PositiveInt] = Field(default_factory=dict, alias="perGroup")


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    groups: Mapping[str, _Entry]
    everyone: _Entry


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit that holds for a caller.

    Attributes:
        kind: what it counts.
        limit: how much of it.
        group: the group whose callers count together, `EVERYONE` for those in none; None for the caller alone.
    """

    kind: LimitKind
    limit: int
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a caller may use.

    Attributes:
        groups: its groups that the document lists.
        models: names of models; None for all of them.
        rules: its limits, in the order of `LimitKind`.
    """

    groups: tuple[str, ...]
    models: frozenset[str] | None
    rules: tuple[Rule, ...]
    pattern: re.Pattern[str]

    def permits(self, model: str) -> bool:
        """Whether the caller may use a model; a name with `*` stands for all names of its form, as in LiteLLM."""
        return self.models is None or model in self.models or self.pattern.fullmatch(model) is not None


class AccessDocument:
    """What the callers of each group may use. It never changes: another access is another document."""

    def __init__(self, document: _Document) -> None:
        self._entries = dict(document.groups)
        self._everyone = document.everyone
        self._grants: dict[tuple[str, ...], Grant] = {}

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> AccessDocument:
        """Read the document.

        Raises:
            AccessError: it does not have the form that `lisa compile` writes.
        """
        try:
            return cls(_Document.model_validate(content))
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(step) for step in problem["loc"])
            raise AccessError(f"The access document is not valid: {place}: {problem['msg']}.") from None

    def grant(self, groups: Iterable[str]) -> Grant:
        """What a caller in these groups may use: what any of them may, and the largest of their limits.

        A limit that one of the groups does not have does not hold. One that the callers of a group share counts in the
        group whose limit holds; of equal ones, in the first by name.
        """
        listed = tuple(sorted({group for group in groups if group in self._entries}))
        found = self._grants.get(listed)
        if found is None:
            found = self._grants[listed] = self._combined(listed)
        return found

    def _combined(self, listed: tuple[str, ...]) -> Grant:
        entries = {name: self._entries[name] for name in listed} or {EVERYONE: self._everyone}
        models = {model for entry in entries.values() for model in entry.models}
        rules = []
        for kind in LimitKind:
            own = [entry.per_caller.get(kind) for entry in entries.values()]
            limits = [limit for limit in own if limit is not None]
            if len(limits) == len(own):
                rules.append(Rule(kind, max(limits)))
            shared = {name: entry.per_group[kind] for name, entry in entries.items() if kind in entry.per_group}
            if len(shared) == len(entries):
                name = max(shared, key=lambda group: shared[group])
                rules.append(Rule(kind, shared[name], name))
        return Grant(
            groups=listed,
            models=None if ALL in models else frozenset(models),
            rules=tuple(rules),
            pattern=pattern_of(models),
        )
