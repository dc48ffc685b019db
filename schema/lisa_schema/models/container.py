"""Containers: the image, its environment and its health check."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from lisa_schema.models.base import (
    AbsolutePath,
    ConfigModel,
    Count,
    EcrRepositoryArn,
    EnvironmentVariables,
    Flag,
    ImageReference,
    Integer,
    pattern_string,
)


class AssetImage(ConfigModel):
    """An image that is built from a directory."""

    type: Literal["asset"] = Field(default="asset", description="An image built from a directory.")
    base_image: ImageReference = Field(
        description="Base image.",
        examples=["python:3.11", "ghcr.io/huggingface/text-generation-inference:2.0.1"],
    )
    path: str = Field(
        default="",
        description=(
            "Directory of the build context. `lib/serve/…` selects a built-in context; any other one is yours and "
            "is copied into the output. Default: the built-in context of the inference container."
        ),
        examples=["lib/serve/ecs-model/vllm"],
    )


class EcrImage(ConfigModel):
    """An image in Amazon ECR."""

    type: Literal["ecr"] = Field(description="An image in Amazon ECR.")
    repository_arn: EcrRepositoryArn = Field(
        description="ARN of the repository.", examples=["arn:aws:ecr:us-east-1:123456789012:repository/tgi"]
    )
    tag: Annotated[
        str,
        pattern_string(
            r"^([A-Za-z0-9_][A-Za-z0-9._-]{0,127}(@sha256:[0-9a-f]{64})?|@?sha256:[0-9a-f]{64})$",
            "an image tag (letters, digits, dots, hyphens and underscores), or sha256: and the 64 digits and letters a "
            "to f of a digest",
        ),
    ] = Field(
        default="latest",
        description=(
            "Tag of the image, or its digest (`sha256:…`), which pins it. A tag can be followed by `@` and the digest, "
            "which then decides."
        ),
        examples=["3.3.4"],
    )
    digest: (
        Annotated[str, pattern_string(r"^sha256:[0-9a-f]{64}$", "sha256: and 64 digits and letters a to f")] | None
    ) = Field(
        default=None,
        description="Digest of the image, which pins it; `tag` is then a comment.",
        examples=["sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
    )

    @property
    def reference(self) -> str:
        """What follows the name of the repository in the image's address: `:<tag>` or `@sha256:<digest>`."""
        if self.digest is not None:
            return f"@{self.digest}"
        _, separator, digest = self.tag.rpartition("sha256:")
        return f"@sha256:{digest}" if separator else f":{self.tag}"

    @property
    def is_pinned(self) -> bool:
        """Whether a digest decides which image is pulled."""
        return self.reference.startswith("@")

    @property
    def version_tag(self) -> str:
        """The tag without a digest; empty where there is a digest alone."""
        if self.is_pinned and "tag" not in self.model_fields_set:
            return ""
        return self.tag.partition("sha256:")[0].rstrip("@")


class RegistryImage(ConfigModel):
    """An image in a container registry."""

    type: Literal["registry"] = Field(description="An image in a container registry.")
    registry: ImageReference = Field(
        description="Image reference, as for `docker pull`.", examples=["registry.example.com/lisa-vllm:v0.32.0"]
    )


class TarballImage(ConfigModel):
    """An image saved in a file."""

    type: Literal["tarball"] = Field(description="An image archive written by `docker save`.")
    path: str = Field(min_length=1, description="Path of the tarball, relative to the project.", examples=["tgi.tar"])


def image_kind(value: Any) -> str:
    """Name the kind of an image: what `type` says, else what its keys tell; an asset when nothing does."""
    if not isinstance(value, dict):
        return str(getattr(value, "type", "asset"))
    if isinstance(kind := value.get("type"), str):
        return kind
    if "repositoryArn" in value:
        return "ecr"
    if "registry" in value:
        return "registry"
    return "asset"


Image = Annotated[
    Annotated[AssetImage, Tag("asset")]
    | Annotated[EcrImage, Tag("ecr")]
    | Annotated[RegistryImage, Tag("registry")]
    | Annotated[TarballImage, Tag("tarball")],
    Discriminator(image_kind),
]


class HealthCheckConfig(ConfigModel):
    """Health check of a container by ECS."""

    command: tuple[str, ...] = Field(
        default=("CMD-SHELL", "exit 0"),
        min_length=1,
        description="Command of the check: `CMD` and its words, or `CMD-SHELL` and a line of shell.",
    )
    interval: Annotated[Integer, Field(ge=5, le=300)] = Field(default=10, description="Seconds between checks.")
    start_period: Annotated[Integer, Field(ge=0, le=300)] = Field(
        default=30, description="Seconds after the start during which failed checks are ignored."
    )
    timeout: Annotated[Integer, Field(ge=2, le=120)] = Field(
        default=5, description="Seconds after which a check has failed."
    )
    retries: Annotated[Integer, Field(ge=1, le=10)] = Field(
        default=2, description="Number of consecutive failed checks until the container is unhealthy."
    )


class ContainerConfig(ConfigModel):
    """A container that ECS runs."""

    image: Image = Field(description="Source of the image.")
    environment: EnvironmentVariables = Field(
        default_factory=dict,
        description=(
            "Environment variables; numbers and booleans are passed as written. If a value is the ARN of "
            "a Secrets Manager secret or of an SSM parameter, it becomes a secret of the ECS task. Variables that LISA "
            "owns are rejected."
        ),
        examples=[{"MAX_INPUT_LENGTH": "1024"}],
    )
    shared_memory_size: Count = Field(default=0, description="Size of /dev/shm in MiB; 0 for Docker's default.")
    user: Annotated[
        str, pattern_string(r"^[0-9]{1,9}(:[0-9]{1,9})?$", "a numeric user ID, or user and group: 1000:1000")
    ] = Field(
        default="65534:65534",
        description="User and group that the container runs as; `0:0` is root.",
        examples=["1000:1000"],
    )
    read_only_root_filesystem: Flag = Field(
        default=True,
        description=(
            "Whether the container can write only to its mounts: /tmp, writablePaths and, for a model, the weights."
        ),
    )
    writable_paths: tuple[AbsolutePath, ...] = Field(
        default=(),
        description="Directories in memory that are empty when the container starts and that it can write to.",
        examples=[["/root/.cache"]],
    )
    health_check_config: HealthCheckConfig = Field(
        default_factory=HealthCheckConfig, description="Health check of the container."
    )
