"""LiteLLM: everything that its proxy's configuration file takes, typed where LISA needs to know."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lisa_schema.models.base import ConfigModel, EnvironmentVariables, Flag, Integer, Number, Passthrough
from lisa_schema.models.enums import ModelType


class LitellmParams(Passthrough):
    """What LiteLLM calls for a model."""

    model: str = Field(
        min_length=1,
        description="Provider and model, as in LiteLLM.",
        examples=["bedrock/amazon.titan-text-express-v1", "sagemaker/test-endpoint", "openai/provider/name"],
    )
    api_base: str | None = Field(
        default=None,
        description="Base URL of an OpenAI-compatible endpoint.",
        examples=["https://models.example.com/v1"],
    )
    api_key: str | None = Field(
        default=None,
        description="`ignored`, or `os.environ/NAME`; never the key itself.",
        examples=["os.environ/EXAMPLE_API_KEY"],
    )


class LisaParams(ConfigModel):
    """What the chat application has to know about a model."""

    model_type: ModelType = Field(alias="model_type", description="Type of the model.")
    streaming: Flag | None = Field(
        default=None, description="Whether a text generation model streams; not set for embedding models."
    )


class ModelInfo(Passthrough):
    """Metadata of a model that LiteLLM returns."""

    id: str | None = Field(default=None, description="Identifier of the deployment.")
    mode: str | None = Field(default=None, description="Type of requests.", examples=["chat", "embedding"])
    input_cost_per_token: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="Price of a prompt token in US dollars."
    )
    output_cost_per_token: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="Price of a generated token in US dollars."
    )
    max_tokens: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None, description="Maximum number of tokens per request."
    )
    base_model: str | None = Field(default=None, description="Model whose prices and limits are used.")


class LitellmModel(Passthrough):
    """A model that is not hosted by LISA."""

    model_name: str = Field(min_length=1, description="Model name for clients.", examples=["bedrock-titan-express"])
    litellm_params: LitellmParams = Field(description="What LiteLLM calls.")
    lisa_params: LisaParams = Field(description="Settings for the chat application.")
    model_info: ModelInfo | None = Field(default=None, description="Properties of the model.")


class LitellmSettings(Passthrough):
    """Settings of the LiteLLM library."""

    telemetry: Flag = Field(default=False, description="Whether LiteLLM sends telemetry.")
    drop_params: Flag = Field(default=True, description="Whether parameters that a model does not support are removed.")


class GeneralSettings(Passthrough):
    """Settings of the LiteLLM proxy server."""

    master_key: str | None = Field(default=None, description="`os.environ/NAME`; never the key itself.")


class RouterSettings(Passthrough):
    """Settings of the LiteLLM router."""

    num_retries: Annotated[Integer, Field(ge=0)] | None = Field(default=None, description="Number of retries.")
    timeout: Annotated[Number, Field(gt=0)] | None = Field(default=None, description="Timeout of a request in seconds.")


class LitellmConfig(Passthrough):
    """The configuration file of the LiteLLM proxy, without the models that LISA hosts."""

    environment_variables: EnvironmentVariables = Field(
        default_factory=dict, description="Environment variables of LiteLLM."
    )
    model_list: tuple[LitellmModel, ...] = Field(default=(), description="Models that are not hosted by LISA.")
    litellm_settings: LitellmSettings = Field(
        default_factory=LitellmSettings, description="Settings of the LiteLLM library."
    )
    general_settings: GeneralSettings = Field(
        default_factory=GeneralSettings, description="Settings of the LiteLLM proxy server."
    )
    router_settings: RouterSettings = Field(
        default_factory=RouterSettings, description="Settings of the LiteLLM router."
    )
