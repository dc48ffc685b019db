"""Recognizes configurations of LISA 3 to 6 of awslabs, whose models are in a database and whose fields differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_KEYS: Final = frozenset(
    """
    auditLoggingConfig batchIngestionConfig bootstrapQualifier bootstrapRolePrefix convertInlinePoliciesToManaged
    deployDocs deployHealthDashboard deployMcp deployMcpWorkbench deployMetrics deployServe documentsPath
    ecsModelDeployerPath iamRdsAuth imageBuilderVolumeSize lambdaPath maxAzs mcpServerDeployerPath
    mcpWorkbenchBuildConfig mcpWorkbenchConfig mcpWorkbenchCorsOrigins mcpWorkbenchEcsConfig mcpWorkbenchRestApiConfig
    nodejsImage partition privateEndpoints roles securityGroupConfig subnets tagContainers useCustomBranding
    vectorStoreDeployerPath
    """.split()  # noqa: SIM905  # a list of 30 lines otherwise
)
"""Top-level keys that only these versions have."""
_REST_KEYS: Final = frozenset(
    {"buildConfig", "domainName", "imageConfig", "rdsConfig", "sslCertIamArn", "rateLimitRpm"}
)
"""Keys of `restApiConfig` that only these versions have; their `restApiConfig` has no `containerConfig`."""


def key_of_later_version(block: Mapping[str, object]) -> str | None:
    """Return the first top-level key of a configuration that has the form of LISA 3 to 6; None when none has.

    Args:
        block: one environment as plain data.
    """
    rest = block.get("restApiConfig")
    has_container = isinstance(rest, Mapping) and not {"containerConfig", "instanceType"}.isdisjoint(rest)
    for key, value in block.items():
        if key in _KEYS and not has_container:
            return key
        if (
            key == "restApiConfig"
            and isinstance(rest, Mapping)
            and not has_container
            and not _REST_KEYS.isdisjoint(rest)
        ):
            return key
        if key == "litellmConfig" and isinstance(value, Mapping) and "db_key" in value:
            return key
        if key == "ecsModels" and isinstance(value, list) and any(_is_image_only(model) for model in value):
            return key
    return None


def _is_image_only(model: object) -> bool:
    """Whether an entry of `ecsModels` names an image to build, and no model to deploy."""
    return isinstance(model, Mapping) and "baseImage" in model and not {"instanceType", "modelType"} & set(model)
