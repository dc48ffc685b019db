"""Machine images: which AMI the EC2 instances boot, unless a service names its own."""

from __future__ import annotations

from pydantic import Field

from lisa_schema.models.base import AmiId, ConfigModel, Flag, ParameterName


class AmiConfig(ConfigModel):
    """AMIs of the environment's instances; a service's own amiId or amiParameter has precedence."""

    ami_id: AmiId | None = Field(
        default=None, description="AMI of instances without GPUs.", examples=["ami-0123456789abcdef0"]
    )
    ami_parameter: ParameterName | None = Field(
        default=None,
        description=(
            "SSM parameter whose value is the AMI of instances without GPUs; `lisa ami refresh` pins this value. "
            "Default: the parameter of the ECS-optimized Amazon Linux 2023 AMI."
        ),
        examples=["/our-images/ecs/image_id"],
    )
    gpu_ami_id: AmiId | None = Field(
        default=None, description="AMI of instances with GPUs.", examples=["ami-0123456789abcdef1"]
    )
    gpu_ami_parameter: ParameterName | None = Field(
        default=None,
        description=(
            "SSM parameter whose value is the AMI of instances with GPUs; `lisa ami refresh` pins this value. "
            "Default: the parameter of the ECS-optimized Amazon Linux 2023 AMI for GPUs."
        ),
        examples=["/our-images/ecs-gpu/image_id"],
    )
    resolve_at_deployment: Flag = Field(
        default=False,
        description=(
            "Whether CloudFormation reads the parameters at each deployment instead of the lock file. An unrelated "
            "change can then replace instances with an AMI that was not reviewed."
        ),
    )
