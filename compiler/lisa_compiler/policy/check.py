"""Run the tools over one environment, and tell what they found at the lines of the configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from lisa_compiler.compile.provenance import index_of
from lisa_compiler.output.gateway_authentication import TRUSTED
from lisa_compiler.output.manifest import configuration_digest
from lisa_compiler.output.tree import MANIFEST
from lisa_compiler.plan import plan
from lisa_compiler.policy.finding import Finding, Tool
from lisa_compiler.policy.rules import RULES, Facts
from lisa_compiler.policy.templates import Template, read_templates
from lisa_compiler.provenance.index import Index, Place
from lisa_schema import catalogue
from lisa_schema.diagnostics import Diagnostic, Origin
from lisa_schema.document import Document, Path, key_path

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment
    from lisa_compiler.project.load import Loaded
    from lisa_schema.models import Config
    from lisa_schema.overlay import Override


@dataclass(frozen=True, slots=True)
class Checked:
    """An environment, checked.

    Attributes:
        environment: its name.
        findings: all of them, by stack.
        stale: a diagnostic when the templates are not those of the configuration.
    """

    environment: str
    findings: tuple[Finding, ...]
    stale: tuple[Diagnostic, ...]
    _loaded: Loaded
    _index: Callable[[], Index]
    _logical_ids: Mapping[tuple[str, str], str]

    def diagnostic(self, finding: Finding) -> Diagnostic:
        """Tell a finding at the line of the key that governs its resource."""
        logical_id = self._logical_ids.get((finding.component, _construct(finding.resource)), finding.resource)
        origin, key = nearest(self._loaded.document, self._index().governing(Place(finding.component, logical_id)))
        return Diagnostic(
            code=finding.rule,
            rule=_NAMES.get(finding.rule, finding.tool.value),
            severity=finding.severity,
            message=f"{finding.environment}: {finding.place}: {finding.message}",
            fix=finding.fix,
            key_path=key,
            origin=origin,
        )


_HASH = re.compile(r"[0-9A-F]{8}\Z")
_HIDDEN = frozenset({"Resource", "Default"})
"""Ids of constructs that the CDK leaves out of logical ids."""

_NAMES = {rule.id: rule.name for rule in RULES}


def check_environment(
    project: FilePath,
    output: FilePath,
    loaded: Loaded,
    config: Config,
    *,
    overrides: Sequence[Override],
    tools: Collection[Tool],
) -> Checked:
    """Check one environment.

    Args:
        project: folder of config.yaml.
        output: directory of all environments' output.
        loaded: the environment's configuration, and where it was written.
        config: the same, validated.
        overrides: options that win over the files.
        tools: which to run.

    Raises:
        LisaError: the environment is not compiled, or a tool is missing.
    """
    environment = loaded.environment
    deployment = plan(environment, config)
    templates = read_templates(output, environment)
    findings: list[Finding] = []
    if Tool.LISA in tools:
        findings += _own_findings(templates, deployment)
    if Tool.CFN_LINT in tools:
        from lisa_compiler.policy.cfn_lint import lint

        findings += lint(templates, environment, config.region)
    if Tool.CDK_NAG in tools:
        from lisa_compiler.policy.nag import nag

        findings += nag(project, environment, overrides, templates)
    return Checked(
        environment,
        tuple(findings),
        tuple(_stale(output, environment, config)),
        loaded,
        cache(partial(index_of, project, output, environment, config)),
        {(one.component, _construct(logical_id)): logical_id for one in templates for logical_id in one.resources},
    )


def _construct(resource: str) -> str:
    """What the path of a construct and the logical id that the CDK makes of it have in common."""
    return _HASH.sub("", "".join(part for part in resource.split("/") if part not in _HIDDEN))


def nearest(document: Document, path: Path) -> tuple[Origin, str]:
    """Return where a key was written and its path as people write it; its nearest block's when it is left out."""
    while path and document.find(path) is None:
        path = path[:-1]
    return (document.key_origin(path) if path else document.root.origin), key_path(path)


def _own_findings(templates: Sequence[Template], deployment: Deployment) -> Iterator[Finding]:
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
                yield Finding(
                    tool=Tool.LISA,
                    rule=rule.id,
                    environment=deployment.environment,
                    component=template.component,
                    resource=violation.resource,
                    kind=template.kind(violation.resource),
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
        yield catalogue.POLICY_STALE.at(Origin(manifest.as_posix()), message)
