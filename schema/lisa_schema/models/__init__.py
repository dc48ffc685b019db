"""The configuration as frozen data: one module for each noun, each field described."""

from lisa_schema.models.access import (
    AccessConfig,
    AccessEntry,
    AuditContentStore,
    AuthConfig,
    PermissionsBoundary,
    UsageLimits,
)
from lisa_schema.models.build import LambdaConfig, LambdaLayerAssets, PypiConfig
from lisa_schema.models.container import (
    AssetImage,
    ContainerConfig,
    EcrImage,
    HealthCheckConfig,
    Image,
    RegistryImage,
    TarballImage,
)
from lisa_schema.models.deployment import Config, SystemBanner, Tag, WeightsConfig
from lisa_schema.models.enums import (
    AccessDefault,
    InferenceContainer,
    LogLevel,
    ModelType,
    PythonRuntime,
    RemovalPolicy,
    RepositoryType,
    StackSynthesizer,
)
from lisa_schema.models.litellm import (
    GeneralSettings,
    LisaParams,
    LitellmConfig,
    LitellmModel,
    LitellmParams,
    LitellmSettings,
    ModelInfo,
    RouterSettings,
)
from lisa_schema.models.machine_image import AmiConfig
from lisa_schema.models.network import ApiGatewayConfig, VpcConfig
from lisa_schema.models.rag import (
    OpenSearchConfig,
    OpenSearchDomain,
    OpenSearchEndpoint,
    RagFileProcessingConfig,
    RagRepository,
    RdsConfig,
)
from lisa_schema.models.scaling import AutoScalingConfig, LoadBalancerConfig, LoadBalancerHealthCheck, MetricConfig
from lisa_schema.models.serving import Adapter, EcsModel, RestApiConfig

__all__ = [
    "AccessConfig",
    "AccessDefault",
    "AccessEntry",
    "Adapter",
    "AmiConfig",
    "ApiGatewayConfig",
    "AssetImage",
    "AuditContentStore",
    "AuthConfig",
    "AutoScalingConfig",
    "Config",
    "ContainerConfig",
    "EcrImage",
    "EcsModel",
    "GeneralSettings",
    "HealthCheckConfig",
    "Image",
    "InferenceContainer",
    "LambdaConfig",
    "LambdaLayerAssets",
    "LisaParams",
    "LitellmConfig",
    "LitellmModel",
    "LitellmParams",
    "LitellmSettings",
    "LoadBalancerConfig",
    "LoadBalancerHealthCheck",
    "LogLevel",
    "MetricConfig",
    "ModelInfo",
    "ModelType",
    "OpenSearchConfig",
    "OpenSearchDomain",
    "OpenSearchEndpoint",
    "PermissionsBoundary",
    "PypiConfig",
    "PythonRuntime",
    "RagFileProcessingConfig",
    "RagRepository",
    "RdsConfig",
    "RegistryImage",
    "RemovalPolicy",
    "RepositoryType",
    "RestApiConfig",
    "RouterSettings",
    "StackSynthesizer",
    "SystemBanner",
    "Tag",
    "TarballImage",
    "UsageLimits",
    "VpcConfig",
    "WeightsConfig",
]
