"""What compiling and its synthesis process send each other: plain data, without the CDK.

A stack is synthesized from its StackInput and from nothing else, so that equal inputs give equal outputs, and an output
can be kept under the digest of its input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lisa_schema.artifact_diagnostics import POLICY
from lisa_schema.errors import ConfigurationError, LisaError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.plan import Deployment
    from lisa_compiler.plan.alarms import WatchedService
    from lisa_compiler.plan.artifacts import ArtifactDigests
    from lisa_compiler.plan.egress import Egress
    from lisa_compiler.product.artifact import ProductArtifact
    from lisa_schema.document import Path

CONTEXT: Mapping[str, Any] = {
    "aws:cdk:bundling-stacks": [],
    "aws:cdk:disable-asset-staging": True,
    # What only the tree and the metadata of constructs would say; neither is part of the output.
    "aws:cdk:disable-creation-stack-traces": True,
    "aws:cdk:disable-logicalId-metadata": True,
    "aws:cdk:enable-asset-metadata": False,
    "aws:cdk:enable-path-metadata": False,
    "aws:cdk:version-reporting": False,
}
"""Context of the CDK app."""

TEMPORARY_PREFIX = "lisa-synthesis-"
"""What the name of a worker's temporary folder begins with."""

API_DIGEST_MARK = "ApiDeployment0DIGEST0"
"""Takes the place of the API's digest in the deployment's logical id until all the API's stacks are synthesized."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedModelAccess:
    """What the roles that all models share must reach.

    Attributes:
        repositories: ARNs of ECR repositories that the configuration names.
        secrets: ARNs of secrets and parameters that become variables of models.
        stacks: names of the models' stacks, or patterns of them.
        assets: whether an image of a model is an asset of the CDK.
    """

    repositories: tuple[str, ...]
    secrets: tuple[str, ...]
    stacks: tuple[str, ...]
    assets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StackInput:
    """Everything that one stack is made from.

    Attributes:
        component: component of the stack.
        deployment: the plan, reduced to what the stack may read; what it may not read is empty or None.
        digests: digests of its artifacts.
        products: its product artifacts by name.
        env_js: settings of the web application, for the stack that serves it; else empty.
        registered_models: what the gateway knows of each hosted model, for its stack; else empty.
        model_keys: keys of the hosted models in the configuration, likewise.
        watched: what the dashboard shows of each service, for its stack; else empty.
        shared_models: what the models' shared roles must reach, for their stack; None without models.
        model_ports: ports of the models' load balancers, for the stacks of the network and the gateway; else empty.
        functions_egress: connections that the functions may open, for the network's stack.
        created_endpoints: services of the endpoints that are created in an imported VPC, likewise.
        has_databases: whether LISA creates a database in the network, likewise.
    """

    component: str
    deployment: Deployment
    digests: ArtifactDigests
    products: Mapping[str, ProductArtifact]
    env_js: str = ""
    registered_models: tuple[Mapping[str, str | bool | None], ...] = ()
    model_keys: tuple[Path, ...] = ()
    watched: tuple[WatchedService, ...] = ()
    model_ports: tuple[int, ...] = ()
    functions_egress: tuple[Egress, ...] = ()
    created_endpoints: tuple[str, ...] = ()
    has_databases: bool = False
    shared_models: SharedModelAccess | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOutput:
    """What one stack is synthesized to.

    Attributes:
        component: component of the stack.
        artifact: the stack's name in the assembly's manifest.
        files: content by name: the template, and the asset manifest where the synthesizer writes one.
        artifacts: its entries of the assembly's manifest by name, without its dependencies on other stacks.
    """

    component: str
    artifact: str
    files: Mapping[str, bytes]
    artifacts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """Stacks to synthesize in one CDK app.

    Attributes:
        stacks: their inputs, in the order of the assembly.
        check: whether cdk-nag checks them.
    """

    stacks: tuple[StackInput, ...]
    check: bool = False


@dataclass(frozen=True, slots=True)
class Synthesized:
    """The outputs of a job's stacks, in its order.

    Attributes:
        stacks: the outputs.
        frame: the assembly's manifest without the artifacts of stacks.
    """

    stacks: tuple[StackOutput, ...]
    frame: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NagViolation:
    """A cdk-nag finding.

    Attributes:
        rule: its name, with what it found in brackets: `AwsSolutions-IAM5[Resource::*]`.
        construct: path of the construct, the stack first: `serve/RestApiTaskRole`.
        description: the rule's description.
        is_error: whether cdk-nag calls it an error rather than a warning.
    """

    rule: str
    construct: str
    description: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """cdk-nag has findings in a job's stacks."""

    violations: tuple[NagViolation, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """A job cannot be synthesized because of the configuration; `message` is that of the LisaError."""

    message: str


Outcome = Synthesized | Rejected | Failed


class SynthesisError(LisaError):
    """The stacks cannot be synthesized, or the process that synthesizes them failed."""


class PolicyError(ConfigurationError):
    """cdk-nag has findings.

    Attributes:
        violations: all of them.
    """

    def __init__(self, violations: Sequence[NagViolation]) -> None:
        self.violations = tuple(violations)
        super().__init__(
            POLICY.at(None, f"{violation.rule} at {violation.construct}: {violation.description}")
            for violation in self.violations
        )
