"""The access document, which `lisa compile` writes: what the callers of each group may use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from lisa_gateway.access.permitted_models import pattern_of

ALL = "*"
EVERYONE = ""
"""The name of the entry for callers in no listed group; no group has it."""
EVERYONES_CONTENT = "(everyone)"
"""The group of recorded content of callers in no listed group, since an encryption context has no empty values."""


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


class ContentAudit(StrEnum):
    """Whether the content of a caller's requests is recorded; the value is its name in the document."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"

    @property
    def is_on(self) -> bool:
        """Whether content is recorded."""
        return self is not ContentAudit.NONE


class ContentStore(BaseModel):
    """Where recorded content is kept.

    Attributes:
        account: the account of the bucket, twelve digits.
        bucket: name of the bucket.
        deployment: the deployment, in the encryption context of data keys.
        key_arn: the KMS key.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)

    account: str = Field(pattern=r"^\d{12}$")
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,62}$")
    deployment: str = Field(min_length=1)
    key_arn: str = Field(min_length=1)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    models: tuple[str, ...]
    audit_content: ContentAudit = Field(default=ContentAudit.NONE, alias="auditContent")
    per_caller: Mapping[LimitKind, PositiveInt] = Field(default_factory=dict, alias="perCaller")
    per_group: Mapping[LimitKind, PositiveInt] = Field(default_factory=dict, alias="perGroup")


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    groups: Mapping[str, _Entry]
    everyone: _Entry
    content_store: ContentStore | None = Field(default=None, alias="auditContentStore")

    @model_validator(mode="after")
    def _has_a_store(self) -> Self:
        entries = (*self.groups.values(), self.everyone)
        if self.content_store is None and any(entry.audit_content.is_on for entry in entries):
            raise ValueError("auditContent requires auditContentStore")
        return self


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


@dataclass(frozen=True, slots=True)
class ContentRule:
    """That the content of a caller's requests is recorded.

    Attributes:
        group: the group for which it is: the first of the caller's by name, or `EVERYONES_CONTENT`.
        is_required: whether a request is rejected rather than served without a record.
        store: where it is kept.
    """

    group: str
    is_required: bool
    store: ContentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a caller may use.

    Attributes:
        groups: its groups that the document lists.
        models: names of models; None for all of them.
        rules: its limits, in the order of `LimitKind`.
        content: whether the content of its requests is recorded; None for no record.
    """

    groups: tuple[str, ...]
    models: frozenset[str] | None
    rules: tuple[Rule, ...]
    pattern: re.Pattern[str]
    content: ContentRule | None = None

    def permits(self, model: str) -> bool:
        """Whether the caller may use a model; a name with `*` stands for all names of its form, as in LiteLLM."""
        return self.models is None or model in self.models or self.pattern.fullmatch(model) is not None


class AccessDocument:
    """What the callers of each group may use. It never changes: another access is another document."""

    def __init__(self, document: _Document) -> None:
        self._entries = dict(document.groups)
        self._everyone = document.everyone
        self._content_store = document.content_store
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
            content=self._content_rule(entries),
        )

    def _content_rule(self, entries: Mapping[str, _Entry]) -> ContentRule | None:
        """One of the caller's groups is enough, so that another group does not end the record."""
        audited = {name: entry.audit_content for name, entry in entries.items() if entry.audit_content.is_on}
        if not audited or self._content_store is None:
            return None
        return ContentRule(
            min(audited) or EVERYONES_CONTENT, ContentAudit.REQUIRED in audited.values(), self._content_store
        )
