"""Rules about `accessConfig`: which groups may use what, and how much of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.names import nearest
from lisa_schema.models import AccessConfig, AccessEntry, Config
from lisa_schema.models.access import ALL
from lisa_schema.rules.registry import RuleViolation, rule

_ROOT: Final[Path] = ("accessConfig",)
_SHOWN: Final = 8


@rule("LISA560", "access-models-known", "Use a modelId, the name of an adapter, a model_name, or `*` for all models.")
def access_models_known(config: Config) -> Iterator[RuleViolation]:
    """A model in `accessConfig` must be the name of a hosted model, an adapter or an external model."""
    known = _model_names(config)
    also: tuple[Path, ...] = (("ecsModels",), ("litellmConfig", "model_list"))
    for path, entry in _entries(config.access_config):
        yield from _unknown((*path, "models"), entry.models or (), known, "model", also)


@rule("LISA561", "access-repositories-known", "Use a repositoryId, or `*` for all RAG repositories.")
def access_repositories_known(config: Config) -> Iterator[RuleViolation]:
    """A repository in `accessConfig` must be the repositoryId of a RAG repository."""
    known = {repository.repository_id for repository in config.rag_repositories}
    for path, entry in _entries(config.access_config):
        at = (*path, "repositories")
        yield from _unknown(at, entry.repositories or (), known, "RAG repository", (("ragRepositories",),))


@rule("LISA562", "access-without-models", "List models in `models`, or remove the entry.", Severity.WARNING)
def access_without_models(config: Config) -> Iterator[RuleViolation]:
    """An entry of `accessConfig` should permit at least one model."""
    access = config.access_config
    if access is None:
        return
    for path, entry in _entries(access):
        if not access.models_of(entry):
            who = f"The group `{path[-1]}`" if len(path) > 2 else "Callers in no listed group"
            message = f"{who} may use no model."
            yield RuleViolation((*path, "models"), message, None, ((*_ROOT, "default"), path))
    if not access.groups and access.everyone is None and not access.models_of(None):
        message = "With `default: closed` and no groups, no caller may use a model."
        yield RuleViolation((*_ROOT, "default"), message, "Add `groups` or `everyone`.", (_ROOT,))


@rule("LISA563", "access-budgets-ordered", "Set monthlyTokens to at least dailyTokens.", Severity.WARNING)
def access_budgets_ordered(config: Config) -> Iterator[RuleViolation]:
    """The monthly token budget should be at least the daily one, which it otherwise makes ineffective."""
    for path, entry in _entries(config.access_config):
        for key, limits in (("perCaller", entry.per_caller), ("perGroup", entry.per_group)):
            day, month = limits.daily_tokens, limits.monthly_tokens
            if day is not None and month is not None and month < day:
                message = f"monthlyTokens ({month}) is less than dailyTokens ({day})."
                at = (*path, key)
                yield RuleViolation((*at, "monthlyTokens"), message, None, ((*at, "dailyTokens"),))


@rule(
    "LISA564",
    "access-groups-readable",
    "Set authConfig with jwtGroupsProperty, as `cognito:groups` or `realm_access.roles`.",
    Severity.WARNING,
)
def access_groups_readable(config: Config) -> Iterator[RuleViolation]:
    """`accessConfig.groups` requires authConfig.jwtGroupsProperty, the claim with the groups of users."""
    access, auth = config.access_config, config.auth_config
    if access is None or not access.groups or (auth is not None and auth.jwt_groups_property):
        return
    if auth is None:
        message = "Groups have no effect without authConfig: callers are not authenticated and belong to no group."
        yield RuleViolation((*_ROOT, "groups"), message, None, (("authConfig",),))
    else:
        message = "jwtGroupsProperty is not set; users belong to no group."
        yield RuleViolation((*_ROOT, "groups"), message, None, (("authConfig", "jwtGroupsProperty"),))


@rule("LISA566", "audit-content-has-key", "Add accessConfig.auditContentStore with the keyArn of a symmetric KMS key.")
def audit_content_has_key(config: Config) -> Iterator[RuleViolation]:
    """`auditContent` requires auditContentStore, whose key encrypts the content."""
    access = config.access_config
    if access is None or access.audit_content_store is not None:
        return
    for path, entry in _entries(access):
        if entry.audit_content:
            message = "auditContent is true, but accessConfig has no auditContentStore: content is recorded encrypted."
            yield RuleViolation((*path, "auditContent"), message, None, ((*_ROOT, "auditContentStore"),))


@rule("LISA567", "audit-content-required-alone", "Set auditContent to true, or remove auditContentRequired.")
def audit_content_required_alone(config: Config) -> Iterator[RuleViolation]:
    """`auditContentRequired` requires auditContent."""
    for path, entry in _entries(config.access_config):
        if entry.audit_content_required and not entry.audit_content:
            message = "auditContentRequired is true, but auditContent is not: no content is recorded."
            yield RuleViolation((*path, "auditContentRequired"), message, None, ((*path, "auditContent"),))


@rule(
    "LISA568",
    "audit-content-unused",
    "Set auditContent in a group or in `everyone`, or remove auditContentStore.",
    Severity.WARNING,
)
def audit_content_unused(config: Config) -> Iterator[RuleViolation]:
    """`auditContentStore` should have a group with auditContent; without one, the bucket receives nothing."""
    access = config.access_config
    if access is not None and access.audit_content_store is not None and not access.audits_content:
        message = "auditContentStore is set, but the content of no group is recorded."
        yield RuleViolation((*_ROOT, "auditContentStore"), message)


def _entries(access: AccessConfig | None) -> Iterator[tuple[Path, AccessEntry]]:
    if access is None:
        return
    for name, entry in access.groups.items():
        yield (*_ROOT, "groups", name), entry
    if access.everyone is not None:
        yield (*_ROOT, "everyone"), access.everyone


def _model_names(config: Config) -> set[str]:
    names = {model.identifier for model in config.ecs_models}
    names |= {adapter.name for model in config.ecs_models for adapter in model.adapters}
    names |= {model.model_name for model in config.litellm_config.model_list}
    aliases = (config.litellm_config.router_settings.model_extra or {}).get("model_group_alias")
    return names | {str(alias) for alias in aliases} if isinstance(aliases, dict) else names


def _unknown(
    path: Path, listed: Collection[str], known: Collection[str], noun: str, also: tuple[Path, ...]
) -> Iterator[RuleViolation]:
    # LiteLLM matches `*` in a model_name with any text, as `openai/*`.
    patterns = [re.compile(re.escape(name).replace(r"\*", ".*")) for name in known if ALL in name]
    for index, name in enumerate(listed):
        if name == ALL or name in known or any(pattern.fullmatch(name) for pattern in patterns):
            continue
        near = nearest(name, known)
        meant = f" Did you mean `{near}`?" if near else ""
        shown = ", ".join(f"`{one}`" for one in sorted(known)[:_SHOWN])
        more = ", …" if len(known) > _SHOWN else ""
        fix = f"Write `{near}`." if near else f"Use one of: {shown}{more}." if known else None
        yield RuleViolation((*path, index), f"There is no {noun} `{name}`.{meant}", fix, also)
