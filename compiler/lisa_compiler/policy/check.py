"""The use case of `lisa policy`: check environments, apply the waivers, and report at the configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from lisa_compiler.compile.planning import PlannedEnvironment, plan_environment
from lisa_compiler.compile.provenance import index_of
from lisa_compiler.output.gateway_authentication import TRUSTED
from lisa_compiler.output.manifest import configuration_digest
from lisa_compiler.output.tree import MANIFEST
from lisa_compiler.policy.cfn_lint import lint
from lisa_compiler.policy.finding import PolicyFinding, Tool
from lisa_compiler.policy.litellm import LitellmMissingError, LitellmStart, start_litellm
from lisa_compiler.policy.rules import RULES, Facts
from lisa_compiler.policy.templates import Template, read_templates
from lisa_compiler.policy.waivers import Waiver, apply_waivers, read_waivers
from lisa_compiler.provenance.index import Index, Place
from lisa_schema import artifact_diagnostics
from lisa_schema.diagnostics import Diagnostic, Origin, Severity
from lisa_schema.document import Document, Path, key_path

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment
    from lisa_compiler.project.project import Project, Selection
    from lisa_schema.models import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOptions:
    """Options of a policy check.

    Attributes:
        tools: which checks to run.
        today: the day that waivers are compared with.
        strict: whether a warning is an error.
    """

    tools: frozenset[Tool]
    today: date
    strict: bool = False


@dataclass(frozen=True, slots=True)
class CheckResult:
    """An environment, checked.

    Attributes:
        planned: the environment.
        findings: all of them, by stack.
        stale: a diagnostic when the templates are not those of the configuration.
        litellm: what LiteLLM reports about its configuration; None when it was not started.
    """

    planned: PlannedEnvironment
    findings: tuple[PolicyFinding, ...]
    stale: tuple[Diagnostic, ...]
    litellm: LitellmStart | None
    _index: Callable[[], Index]
    _logical_ids: Mapping[tuple[str, str], str]

    @property
    def environment(self) -> str:
        """Name of the environment."""
        return self.planned.environment.name

    def diagnostic(self, finding: PolicyFinding) -> Diagnostic:
        """Report a finding at the line of the key that governs its resource."""
        logical_id = self._logical_ids.get((finding.component, _construct(finding.resource)), finding.resource)
        path = self._index().governing(Place(finding.component, logical_id))
        origin, key = nearest(self.planned.environment.document, path)
        return Diagnostic(
            code=finding.rule,
            rule=_NAMES.get(finding.rule, finding.tool.value),
            severity=finding.severity,
            message=f"{finding.environment}: {finding.resource_path}: {finding.message}",
            fix=finding.fix,
            key_path=key,
            origin=origin,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReport:
    """The result of a policy check.

    Attributes:
        diagnostics: findings that no waiver matches, what is wrong with waivers, and templates that are out of date.
        meanings: what the codes of findings mean in general.
        waived: findings that a waiver matches, with that waiver.
        remaining: diagnostics of the findings that remain, by environment.
        unchecked: what was not checked because a tool is missing, a sentence each.
        started: by environment, the version of LiteLLM that started with its configuration.
    """

    diagnostics: tuple[Diagnostic, ...]
    meanings: Mapping[str, str]
    waived: tuple[tuple[PolicyFinding, Waiver], ...]
    remaining: Mapping[str, tuple[Diagnostic, ...]]
    unchecked: tuple[str, ...] = ()
    started: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_errors(self) -> bool:
        """Whether the check failed."""
        return any(diagnostic.is_error for diagnostic in self.diagnostics)


def check_project(project: Project, selection: Selection, output: FilePath, options: PolicyOptions) -> PolicyReport:
    """Check the templates of environments.

    Args:
        project: the project.
        selection: its environments.
        output: directory of all environments' output.
        options: which checks to run, and how strictly.

    Raises:
        ConfigurationError: the configuration or the waivers have errors; nothing was checked.
        LisaError: an environment is not compiled, or a tool is missing.
    """
    waivers = read_waivers(project.root)
    # All environments are validated before the first is checked, since checking takes long.
    valid = project.valid_environments(project.selected(selection))
    planned = [plan_environment(environment) for environment in valid]
    checked = {one.environment.name: check_environment(one, output, options.tools) for one in planned}
    result = apply_waivers(
        [finding for one in checked.values() for finding in one.findings],
        waivers,
        options.today,
        checked=checked,
        complete=selection.all and options.tools == frozenset(Tool),
    )
    found = {
        name: (
            *(one.diagnostic(finding) for finding in result.findings if finding.environment == name),
            *(one.litellm.diagnostics if one.litellm else ()),
        )
        for name, one in checked.items()
    }
    skipped = [name for name, one in checked.items() if Tool.LITELLM in options.tools and one.litellm is None]
    diagnostics = [
        *(diagnostic for one in checked.values() for diagnostic in one.stale),
        *(diagnostic for those in found.values() for diagnostic in those),
        *result.diagnostics,
    ]
    if options.strict:
        diagnostics = [replace(diagnostic, severity=Severity.ERROR) for diagnostic in diagnostics]
    return PolicyReport(
        diagnostics=tuple(diagnostics),
        meanings={finding.rule: finding.title for finding in result.findings},
        waived=result.waived,
        remaining=found,
        unchecked=tuple(f"{name}: {LitellmMissingError()}" for name in skipped),
        started={name: one.litellm.version for name, one in checked.items() if one.litellm and one.litellm.started},
    )


_HASH = re.compile(r"[0-9A-F]{8}\Z")
_HIDDEN = frozenset({"Resource", "Default"})
"""Ids of constructs that the CDK omits from logical ids."""

_NAMES = {rule.id: rule.name for rule in RULES}


def check_environment(planned: PlannedEnvironment, output: FilePath, tools: Collection[Tool]) -> CheckResult:
    """Check the templates of one environment.

    Raises:
        LisaError: the environment is not compiled, or a tool is missing.
    """
    environment, deployment = planned.environment, planned.deployment
    templates = read_templates(output, environment.name)
    findings: list[PolicyFinding] = []
    if Tool.LISA in tools:
        findings += _own_findings(templates, deployment)
    if Tool.CFN_LINT in tools:
        findings += lint(templates, environment.name, environment.config.region)
    if Tool.CDK_NAG in tools:
        from lisa_compiler.policy.nag import nag  # noqa: PLC0415  # jsii: 0.5 s that other checks do not need

        findings += nag(environment, templates)
    return CheckResult(
        planned,
        tuple(findings),
        tuple(_stale(output, environment.name, environment.config)),
        _litellm(planned, output, tools) if Tool.LITELLM in tools else None,
        cache(partial(index_of, environment.root, output, environment.name, environment.config)),
        {(one.component, _construct(logical_id)): logical_id for one in templates for logical_id in one.resources},
    )


def _litellm(planned: PlannedEnvironment, output: FilePath, tools: Collection[Tool]) -> LitellmStart | None:
    """What LiteLLM reports; None without LiteLLM, unless the check of LiteLLM was asked for."""
    try:
        return start_litellm(planned.deployment, planned.environment.document, output)
    except LitellmMissingError:
        if set(tools) == set(Tool):
            return None
        raise


def _construct(resource: str) -> str:
    """What the path of a construct and the logical id that the CDK makes of it have in common."""
    return _HASH.sub("", "".join(part for part in resource.split("/") if part not in _HIDDEN))


def nearest(document: Document, path: Path) -> tuple[Origin, str]:
    """Return where a key is written and its path as users write it; its nearest block's when it is omitted."""
    while path and document.find(path) is None:
        path = path[:-1]
    return (document.key_origin(path) if path else document.root.origin), key_path(path)


def _own_findings(templates: Sequence[Template], deployment: Deployment) -> Iterator[PolicyFinding]:
    config = deployment.config
    facts = Facts(
        account=deployment.names.account,
        partition=deployment.region.partition.id,
        retains=deployment.retains,
        bounded=config.permissions_boundary_aspect is not None,
        internet_facing=deployment.rest_api.internet_facing,
        authenticates=deployment.use_auth,
        trusted={name: value for name, value in deployment.rest_api.environment if name in TRUSTED},
    )
    for template in templates:
        for rule in RULES:
            for violation in rule.check(template, facts):
                yield PolicyFinding(
                    tool=Tool.LISA,
                    rule=rule.id,
                    environment=deployment.environment,
                    component=template.component,
                    resource=violation.resource,
                    resource_type=template.kind(violation.resource),
                    message=violation.message,
                    fix=rule.fix,
                    title=rule.title,
                )


def _stale(output: FilePath, environment: str, config: Config) -> Iterator[Diagnostic]:
    manifest = output / environment / MANIFEST
    try:
        recorded = json.loads(manifest.read_bytes())["inputs"]["configuration"]
    except (OSError, ValueError, KeyError, TypeError):
        recorded = None
    if recorded != configuration_digest(config):
        message = f"The configuration of {environment} is not the one that its templates were compiled from."
        yield artifact_diagnostics.POLICY_STALE.at(Origin(manifest.as_posix()), message)
