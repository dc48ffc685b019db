"""What the endpoints take and answer, as the OpenAPI document shows it."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lisa_lambdas.models.state import ModelState


class ErrorBody(BaseModel):
    """Every error."""

    message: str = Field(description="Error message for users.")
    code: str = Field(description="For programs.", examples=["NotFound"])


class ModelBody(BaseModel):
    """A hosted model with its live state."""

    modelId: str = Field(description="Model ID for clients: modelId; default: modelName.")  # noqa: N815
    state: ModelState
    instances: int = Field(description="Current number of instances.")
    url: str = Field(description="Address of the load balancer in the VPC.")
    configuration: Dict[str, Any] = Field(description="Entry of ecsModels, without default values.")


class ModelList(BaseModel):
    """Every hosted model, by id."""

    models: List[ModelBody]
    unreadable: List[str] = Field(
        default=[], description="Models that are left out, because their parameters are being updated or were edited."
    )


class Accepted(BaseModel):
    """What was asked for has begun; the model's state tells how far it is."""

    modelId: str  # noqa: N815
    state: ModelState


class ModelConfiguration(BaseModel):
    """An entry of ecsModels, or a part of one (docs/reference.md)."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def must_be_plain_json(self) -> ModelConfiguration:
        """Refuse what Python's JSON reader takes beyond JSON: NaN, infinity and halves of characters."""
        try:
            json.dumps(self.model_extra, allow_nan=False, ensure_ascii=False).encode()
        except ValueError:
            raise ValueError("numbers must be finite and strings must be Unicode") from None
        return self


class ValidationBody(BaseModel):
    """How a change was validated."""

    complete: bool = Field(description="Whether all rules of the compiler were checked, not only the schema.")
    warnings: List[str]


class ProposalBody(BaseModel):
    """A change of the configuration files that waits for a person (`lisa proposals`)."""

    id: str
    environment: str
    kind: str = Field(description="create, update or delete")
    modelId: str  # noqa: N815
    author: str
    createdAt: str  # noqa: N815
    status: str = Field(description="pending, applied or withdrawn")
    file: str = Field(description="File for the change, unless the model is defined in another one.")
    patch: str = Field(description="The change as YAML, an overlay of the environment's configuration.")
    change: Dict[str, Any] = Field(description="The entry of ecsModels in the patch, as JSON.")
    validation: ValidationBody


class ProposalList(BaseModel):
    """Proposals, the newest first."""

    proposals: List[ProposalBody]
    nextCursor: Optional[str] = None  # noqa: N815
