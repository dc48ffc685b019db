"""The whole configuration of one environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from lisa_schema.models.access import AccessConfig, AuthConfig, PermissionsBoundary
from lisa_schema.models.base import (
    AbsolutePath,
    AccountNumber,
    BucketName,
    Color,
    ConfigModel,
    EgressAddress,
    Flag,
    HttpUrl,
    Integer,
    KmsKeyArn,
    Name,
    Port,
    RegionName,
    TopicArn,
    VpcId,
    WebAclArn,
    ZoneName,
    pattern_string,
)
from lisa_schema.models.build import LambdaConfig, LambdaLayerAssets, PypiConfig
from lisa_schema.models.enums import LogLevel, RemovalPolicy, StackSynthesizer
from lisa_schema.models.litellm import LitellmConfig
from lisa_schema.models.machine_image import AmiConfig
from lisa_schema.models.network import ApiGatewayConfig, VpcConfig
from lisa_schema.models.rag import RagFileProcessingConfig, RagRepository
from lisa_schema.models.serving import EcsModel, RestApiConfig
from lisa_schema.version import VERSION

_DEFAULT_ZONES = 2


class Tag(ConfigModel):
    """A tag of every resource."""

    key: str = Field(alias="Key", min_length=1, max_length=128, description="Key of the tag.", examples=["project"])
    value: str = Field(alias="Value", max_length=256, description="Value of the tag.", examples=["lisa"])


class SystemBanner(ConfigModel):
    """A line above and below every page of the chat application."""

    text: str = Field(min_length=1, description="Text of the banner.")
    background_color: Color = Field(description="Background color, as in CSS.", examples=["#007a33"])
    font_color: Color = Field(description="Text color, as in CSS.", examples=["white"])


class WeightsConfig(ConfigModel):
    """The weights of the hosted models."""

    strict: Flag = Field(
        default=False,
        description=(
            "Whether weights must be staged: without their digests in `weights.lock.json`, compiling fails and "
            "containers do not start. By default, they serve what the bucket has, with a warning."
        ),
    )


class Config(ConfigModel):
    """The configuration of one environment, every default filled in."""

    app_name: Annotated[Name, Field(max_length=32)] = Field(default="lisa", description="Name of the application.")
    profile: str | None = Field(default=None, description="AWS profile for deployments.")
    deployment_name: Name = Field(
        description="Name of the deployment, the prefix of stack names.", examples=["my-lisa"]
    )
    account_number: AccountNumber = Field(
        description="AWS account, twelve digits, used as written.", examples=["012345678901"]
    )
    region: RegionName = Field(description="AWS region.", examples=["us-east-1"])
    deployment_stage: Annotated[
        str,
        pattern_string(r"^[A-Za-z0-9][A-Za-z0-9-]*$", "letters, digits and hyphens, as in CloudFormation stack names"),
        Field(max_length=32),
    ] = Field(description="Deployment stage, the suffix of stack names.", examples=["dev"])
    removal_policy: RemovalPolicy = Field(
        description="Whether buckets, tables and databases are retained or deleted with their stack."
    )
    vpc_id: VpcId | None = Field(default=None, description="Existing VPC; requires the vpc block.")
    vpc: VpcConfig | None = Field(default=None, description="Description of the existing VPC.")
    availability_zones: Annotated[tuple[ZoneName, ...], Field(max_length=5)] = Field(
        default=(),
        description=(
            "Availability Zones of the VPC that LISA creates, two to five; default: the first two of the account. "
            "Choose zones that offer the instance types, before the first deployment."
        ),
        examples=[["us-east-1b", "us-east-1d"]],
    )
    nat_gateways: Annotated[Integer, Field(ge=1, le=5)] | None = Field(
        default=None,
        description=(
            "NAT gateways of the VPC that LISA creates; default: one per Availability Zone with "
            "`removalPolicy: retain`, otherwise one."
        ),
        examples=[2],
    )
    open_egress: Flag = Field(
        default=False,
        description=(
            "Whether instances and functions may connect to every port of every address. Default: only to the ports of "
            "what the configuration names."
        ),
    )
    egress_addresses: tuple[EgressAddress, ...] = Field(
        default=(),
        description=(
            "Address ranges, and prefix lists by ID, that instances and functions may connect to, in addition to the "
            "VPC. Default: every address."
        ),
        examples=[["203.0.113.0/24", "pl-0123456789abcdef0"]],
    )
    egress_ports: tuple[Port, ...] = Field(
        default=(),
        description=(
            "Ports that instances and functions may connect to, in addition to 443 and the ports in URLs of the "
            "configuration."
        ),
        examples=[[8443]],
    )
    waf_web_acl_arn: WebAclArn | None = Field(
        default=None,
        description=(
            "Web ACL of AWS WAF that filters requests to the gateway's load balancer and to the API of the chat "
            "application. Default: none."
        ),
        examples=["arn:aws:wafv2:us-east-1:012345678901:regional/webacl/lisa/01234567-89ab-cdef-0123-456789abcdef"],
    )
    model_keys: Flag = Field(
        default=False,
        description=(
            "Whether each hosted model requires a key that only the gateway has. Set it after a deployment of this "
            "version, whose gateway reads the keys."
        ),
    )
    run_cdk_nag: Flag = Field(default=False, description="Whether findings of cdk-nag fail the compile.")
    s3_bucket_models: BucketName = Field(
        description="Bucket with the model weights, which LISA does not create.", examples=["lisa-models"]
    )
    weights: WeightsConfig = Field(
        default_factory=WeightsConfig, description="How the weights of hosted models are verified."
    )
    mount_s3_deb_url: HttpUrl | None = Field(
        default=None,
        alias="mountS3DebUrl",
        description="URL of the Debian package of mount-s3; default: weights are copied with s5cmd.",
        examples=["https://packages.example.com/mount-s3.deb"],
    )
    account_numbers_ecr: tuple[AccountNumber, ...] = Field(
        default=(), description="Accounts of ECR repositories to pull images from."
    )
    secret_key_arns: tuple[KmsKeyArn, ...] = Field(
        default=(),
        description=(
            "KMS keys that encrypt the secrets and parameters of containers and databases, where these have a customer "
            "managed key or are in another account or Region. A role may decrypt with a key if it reads a secret of "
            "the account and Region of the key. Default: none; the AWS managed keys need no permission."
        ),
        examples=[["arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"]],
    )
    deploy_rag: Flag = Field(default=False, description="Whether RAG repositories are deployed.")
    deploy_chat: Flag = Field(default=True, description="Whether chat sessions are deployed.")
    deploy_ui: Flag = Field(default=True, description="Whether the chat application is deployed; requires deployChat.")
    log_level: LogLevel = Field(default=LogLevel.INFO, description="Log level.")
    lambda_config: LambdaConfig = Field(default_factory=LambdaConfig, description="The Lambda functions.")
    lambda_source_path: str | None = Field(
        default=None, description="Directory with the code of the Lambda functions, instead of that of LISA."
    )
    auth_config: AuthConfig | None = Field(default=None, description="Identity provider (OpenID Connect).")
    access_config: AccessConfig | None = Field(
        default=None,
        description=(
            "Who may use which models and RAG repositories, with limits. Default: all callers may use everything, "
            "without limits."
        ),
    )
    pypi_config: PypiConfig = Field(default_factory=PypiConfig, description="Python package index for builds.")
    conda_url: HttpUrl = Field(default="", description="Download URL of conda.")
    certificate_authority_bundle: str = Field(
        default="",
        description=(
            "PEM file in the project with the certificates of private CAs, which functions and containers "
            "trust in addition to the public ones. An absolute path is a file on the instances, which only containers "
            "can read."
        ),
        examples=["certificates/authorities.pem"],
    )
    database_authority_bundle: str = Field(
        default="",
        description=(
            "PEM file in the project with the certificates of the CAs of PostgreSQL databases, which the RAG function "
            "trusts for their connections only. LISA includes those of RDS in commercial Regions."
        ),
        examples=["certificates/us-gov-west-1-bundle.pem"],
    )
    nvme_host_mount_path: AbsolutePath = Field(
        default="/nvme", description="Mount point of NVMe disks on the instances."
    )
    nvme_container_mount_path: AbsolutePath = Field(
        default="/nvme", description="Mount point of NVMe disks in the containers."
    )
    tags: tuple[Tag, ...] = Field(
        default=(),
        description=(
            "Tags of all resources; default: deploymentPrefix, deploymentName, deploymentStage, region and version. "
            "Isolated partitions: none."
        ),
    )
    deployment_prefix: Annotated[
        str,
        pattern_string(r"^(/[A-Za-z0-9_.-]+)+$", "a path such as /dev/my-lisa/lisa, without a trailing slash"),
        Field(max_length=200),
    ] = Field(
        default="",
        description="Prefix of SSM parameters; default: `/<deploymentStage>/<deploymentName>/<appName>`.",
        examples=["/dev/my-lisa/lisa"],
    )
    web_app_assets_path: str | None = Field(
        default=None, description="Directory of the built chat application, instead of building it."
    )
    lambda_layer_assets: LambdaLayerAssets = Field(
        default_factory=LambdaLayerAssets, description="Prebuilt zip files of Lambda layers."
    )
    permissions_boundary_aspect: PermissionsBoundary | None = Field(
        default=None, description="Permissions boundary and name prefixes of IAM roles."
    )
    stack_synthesizer: StackSynthesizer | None = Field(
        default=None, description="The CDK stack synthesizer; default: DefaultStackSynthesizer."
    )
    system_banner: SystemBanner | None = Field(default=None, description="A banner above and below every page.")
    api_gateway_config: ApiGatewayConfig = Field(
        default_factory=ApiGatewayConfig, description="The API Gateway in front of the chat application."
    )
    ami_config: AmiConfig = Field(
        default_factory=AmiConfig, description="AMIs of EC2 instances; see `lisa ami refresh`."
    )
    rest_api_config: RestApiConfig = Field(description="The REST API.")
    ecs_models: tuple[EcsModel, ...] = Field(default=(), description="Models that LISA hosts.")
    rag_repositories: tuple[RagRepository, ...] = Field(default=(), description="Repositories of documents.")
    rag_file_processing_config: RagFileProcessingConfig | None = Field(
        default=None, description="How documents are split into chunks."
    )
    alarm_topic_arn: TopicArn | None = Field(
        default=None,
        description="SNS topic for alarms; default: alarms are visible only in CloudWatch.",
        examples=["arn:aws:sns:us-east-1:012345678901:operations"],
    )
    litellm_config: LitellmConfig = Field(
        default_factory=LitellmConfig, description="Configuration of the LiteLLM proxy."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_prefix(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or data.get("deploymentPrefix"):
            return data
        parts = [data.get(key) for key in ("deploymentStage", "deploymentName")]
        if not all(isinstance(part, str) and part for part in parts):
            return data
        return {**data, "deploymentPrefix": "/".join(["", *map(str, parts), str(data.get("appName") or "lisa")])}

    @model_validator(mode="after")
    def _fill_in_the_tags(self) -> Self:
        if "tags" in self.model_fields_set:
            return self
        facts = {
            "deploymentPrefix": self.deployment_prefix,
            "deploymentName": self.deployment_name,
            "deploymentStage": self.deployment_stage,
            "region": self.region,
            "version": VERSION,
        }
        object.__setattr__(self, "tags", tuple(Tag(Key=key, Value=value) for key, value in facts.items()))
        return self

    @property
    def zone_count(self) -> int:
        """Availability Zones of the VPC, imported or created."""
        if self.vpc is not None:
            return len(self.vpc.availability_zones)
        return len(self.availability_zones) or _DEFAULT_ZONES

    @property
    def deployed_models(self) -> tuple[EcsModel, ...]:
        """The hosted models that are deployed, in the order of the configuration."""
        return tuple(model for model in self.ecs_models if model.deploy)

    @property
    def deployed_weights(self) -> tuple[str, ...]:
        """Names of the weights of the deployed models, then of their adapters, each once."""
        models = self.deployed_models
        adapters = (adapter.source for model in models for adapter in model.adapters)
        return tuple(dict.fromkeys((*(model.model_name for model in models), *adapters)))

    @property
    def bases_of_adapters(self) -> dict[str, tuple[str, ...]]:
        """The base models of each adapter by the names of their weights, of deployed models."""
        found: dict[str, dict[str, None]] = {}
        for model in self.deployed_models:
            for adapter in model.adapters:
                found.setdefault(adapter.source, {})[model.model_name] = None
        return {adapter: tuple(bases) for adapter, bases in found.items()}
