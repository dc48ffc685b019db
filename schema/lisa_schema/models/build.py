"""What is built and from where: Lambda functions, layers and packages."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lisa_schema.models.base import ConfigModel, HttpUrl
from lisa_schema.models.enums import LogLevel, PythonRuntime


class LambdaConfig(ConfigModel):
    """The Lambda functions."""

    python_runtime: PythonRuntime = Field(
        default=PythonRuntime.PYTHON_3_12, description="Python runtime of the Lambda functions."
    )
    log_level: LogLevel | None = Field(
        default=None, description="Log level of the Lambda functions; default: the top-level logLevel."
    )
    vpc_autoscaling_config: dict[str, Any] | None = Field(
        default=None,
        description="Accepted for compatibility with LISA 2.x; has no effect.",
    )


class PypiConfig(ConfigModel):
    """The Python package index that images and layers are built from."""

    index_url: HttpUrl = Field(
        default="",
        description="URL of the index; empty for the default of pip.",
        examples=["https://pypi.example.com/simple"],
    )
    trusted_host: str = Field(default="", description="Host that pip trusts without a valid certificate.")


class LambdaLayerAssets(ConfigModel):
    """Prebuilt zip files of Lambda layers."""

    authorizer_layer_path: str | None = Field(default=None, description="Zip file of the authorizer layer.")
    common_layer_path: str | None = Field(default=None, description="Zip file of the common layer.")
    fastapi_layer_path: str | None = Field(default=None, description="Zip file of the FastAPI layer.")
    rag_layer_path: str | None = Field(default=None, description="Zip file of the RAG layer.")
    sdk_layer_path: str | None = Field(default=None, description="Zip file of the SDK layer.")
