"""What a configuration specifies about where it deploys, whether the rest of it is valid or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_schema.document import ScalarNode

if TYPE_CHECKING:
    from lisa_compiler.project.project import Project
    from lisa_schema.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployTarget:
    """Where an environment deploys; None for what its files do not specify.

    Attributes:
        region: the Region.
        profile: profile of AWS credentials.
        vpc_id: id of an imported VPC.
        deployment_name: deploymentName.
        domain_name: domain name of the gateway.
    """

    region: str | None = None
    profile: str | None = None
    vpc_id: str | None = None
    deployment_name: str | None = None
    domain_name: str | None = None


def read_deploy_target(project: Project, name: str | None) -> DeployTarget:
    """Read where an environment deploys.

    Args:
        project: the project.
        name: name of the environment; None for `env` in config.yaml.

    Raises:
        ConfigurationError: the files cannot be read.
    """
    document = project.load(name).document
    return DeployTarget(
        region=_text(document, "region"),
        profile=_text(document, "profile"),
        vpc_id=_text(document, "vpcId") or _text(document, "vpc", "vpcId"),
        deployment_name=_text(document, "deploymentName"),
        domain_name=_text(document, "restApiConfig", "loadBalancerConfig", "domainName"),
    )


def _text(document: Document, *path: str) -> str | None:
    node = document.find(path)
    return node.text if isinstance(node, ScalarNode) and not node.is_null else None
