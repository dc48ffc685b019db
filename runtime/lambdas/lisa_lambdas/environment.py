"""A function's environment variables as a validated model."""

from __future__ import annotations

import logging
import os
from typing import Mapping, Optional, Type, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

_Found = TypeVar("_Found", bound="Environment")


class EnvironmentVariableError(Exception):
    """A variable is missing or wrong: a defect of the deployment, never of the caller."""


class Environment(BaseModel):
    """Variables that every function has; each has a subclass with its own ones, a field for each by its name.

    Attributes:
        log_level: how much is logged, LOG_LEVEL.
        web_origin: origin of the web application, WEB_ORIGIN; the one that browsers may call from.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=str.upper)

    log_level: str = "INFO"
    web_origin: str = ""


def read_environment(model: Type[_Found], variables: Optional[Mapping[str, str]] = None) -> _Found:
    """Read the variables that a model names, and log as LOG_LEVEL says from now on.

    Args:
        model: what is expected.
        variables: the variables; those of the process when left out.

    Raises:
        EnvironmentVariableError: one is missing or wrong; the text names it, and never its value.
    """
    try:
        found = model.model_validate(dict(os.environ if variables is None else variables))
        logging.getLogger("lisa_lambdas").setLevel(found.log_level.upper())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise EnvironmentVariableError(f"The environment variable {name} is invalid: {first['msg']}.") from None
    except ValueError:
        raise EnvironmentVariableError("The environment variable LOG_LEVEL is not a Python log level.") from None
    return found
