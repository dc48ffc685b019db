"""Run the tools over one environment, and tell what they found at the lines of the configuration."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.output.gateway_authentication import TRUSTED
from lisa_compiler.output.manifest import configuration_digest
from lisa_compiler.output.tree import MANIFEST
from lisa_compiler.plan import plan
from lisa_compiler.policy.finding import Finding, Tool
from lisa_compiler.policy.places import governing_key, place
from lisa_compiler.policy.rules import RULES, Facts
from lisa_compiler.policy.templates import Template, read_templates
from lisa_schema import catalogue
from lisa_schema.diagnostics import Diagnostic, Origin

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
    _deployment: Deployment

    def diagnostic(self, finding: Finding) -> Diagnostic:
        """Tell a finding at the line of the key that governs its resource."""
        path = governing_key(self._deployment, finding.component, finding.resource, finding.kind)
        origin, key = place(self._loaded.document, path)
        return Diagnostic(
            code=finding.rule,
            rule=_NAMES.get(finding.rule, finding.tool.value),
            severity=finding.severity,
            message=f"{finding.environment}: {finding.place}: {finding.message}",
            fix=finding.fix,
            key_path=key,
            origin=origin,
        )


_NAMES = {rule.id: rule.name for rule in RULES}


def check_environment(
    project: Path,
    output: Path,
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
    return Checked(environment, tuple(findings), tuple(_stale(output, environment, config)), loaded, deployment)


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


def _stale(output: Path, environment: str, config: Config) -> Iterator[Diagnostic]:
    manifest = output / environment / MANIFEST
    try:
        recorded = json.loads(manifest.read_bytes())["inputs"]["configuration"]
    except (OSError, ValueError, KeyError, TypeError):
        recorded = None
    if recorded != configuration_digest(config):
        message = f"The templates of {environment} were compiled from a different configuration."
        yield catalogue.POLICY_STALE.at(Origin(manifest.as_posix()), message)
