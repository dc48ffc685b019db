"""What serves: the REST API and the models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lisa_schema.models.base import (
    AbsolutePath,
    AmiId,
    ConfigModel,
    Flag,
    InstanceTypeName,
    ModelName,
    ParameterName,
    pattern_string,
)
from lisa_schema.models.container import ContainerConfig
from lisa_schema.models.enums import InferenceContainer, ModelType
from lisa_schema.models.scaling import AutoScalingConfig, LoadBalancerConfig


class RestApiConfig(ConfigModel):
    """The REST API: one address for every model."""

    api_version: Annotated[str, pattern_string(r"^v[0-9]+$", "a v and a number, such as v2")] = Field(
        default="v2", description="Version of the gateway API that the chat application calls."
    )
    instance_type: InstanceTypeName = Field(description="EC2 instance type.", examples=["m5.large"])
    ami_id: AmiId | None = Field(
        default=None,
        description="AMI of the instances, instead of that of amiConfig.",
        examples=["ami-0123456789abcdef0"],
    )
    ami_parameter: ParameterName | None = Field(
        default=None,
        description="SSM parameter whose value is the AMI of the instances, instead of that of amiConfig.",
        examples=["/our-images/ecs/image_id"],
    )
    internet_facing: Flag = Field(default=True, description="Whether the load balancer has a public address.")
    container_config: ContainerConfig = Field(description="The container of the gateway.")
    auto_scaling_config: AutoScalingConfig = Field(description="Number of instances, and scaling.")
    load_balancer_config: LoadBalancerConfig = Field(description="The load balancer.")


class Adapter(ConfigModel):
    """A LoRA adapter that is served with its base model."""

    name: ModelName = Field(
        description="Name that clients use, as for a model.", examples=["mistral-7b-support", "acme/support-assistant"]
    )
    weights: ModelName | None = Field(
        default=None,
        description=(
            "Name of the adapter on Hugging Face and in models/, and prefix of its files in the models bucket; "
            "default: the name."
        ),
        examples=["acme/mistral-7b-support-lora"],
    )

    @property
    def source(self) -> str:
        """The name of its weights: in models/, in the lock file and in the bucket."""
        return self.weights or self.name


class EcsModel(ConfigModel):
    """A model that LISA hosts."""

    model_name: ModelName = Field(
        description="Name of the model on Hugging Face, and prefix of its weights in the models bucket.",
        examples=["mistralai/Mistral-7B-Instruct-v0.2"],
    )
    model_id: ModelName | None = Field(
        default=None, description="Short name that clients use; default: the modelName.", examples=["mistral7b"]
    )
    deploy: Flag = Field(default=True, description="Whether the model is deployed.")
    streaming: Flag | None = Field(
        default=None, description="Whether a text generation model streams; not set for embedding models."
    )
    model_type: ModelType = Field(description="Type of the model.")
    instance_type: InstanceTypeName = Field(description="EC2 instance type.", examples=["g5.xlarge"])
    ami_id: AmiId | None = Field(
        default=None,
        description="AMI of the instances, instead of that of amiConfig.",
        examples=["ami-0123456789abcdef0"],
    )
    ami_parameter: ParameterName | None = Field(
        default=None,
        description="SSM parameter whose value is the AMI of the instances, instead of that of amiConfig.",
        examples=["/our-images/ecs/image_id"],
    )
    inference_container: InferenceContainer = Field(description="The inference server.")
    server_args: tuple[str, ...] = Field(
        default=(),
        description=(
            "Arguments of the inference server, each as one element: an option and its value are two. They are passed "
            "as they are, without a shell, after those that LISA sets."
        ),
        examples=[["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]],
    )
    container_config: ContainerConfig = Field(description="The container of the model.")
    adapters: tuple[Adapter, ...] = Field(
        default=(),
        description="LoRA adapters that vLLM serves with the model, each under its name.",
        examples=[[{"name": "mistral-7b-support", "weights": "acme/mistral-7b-support-lora"}]],
    )
    auto_scaling_config: AutoScalingConfig = Field(description="Number of instances, and scaling.")
    load_balancer_config: LoadBalancerConfig = Field(description="The internal load balancer.")
    local_model_code: AbsolutePath = Field(
        default="/opt/model-code", description="Directory in the container with custom code of an embedding model."
    )
    model_hosting: Annotated[str, pattern_string(r"^[^.\s]+$", "a word without dots and spaces")] = Field(
        default="ecs",
        description="First part of the provider name in the v1 API, `<modelHosting>.<modelType>.<container>`.",
    )

    @property
    def identifier(self) -> str:
        """The name that clients use: the modelId, else the modelName."""
        return self.model_id or self.model_name
