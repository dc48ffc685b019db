"""Whether a configuration with a change would compile: the compiler's models and rules, vendored beside this package.

They need Python 3.11. On an older Lambda runtime a model is checked against the configuration's JSON Schema alone, and
the proposal says so; `lisa proposals apply` validates in full in any case.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Tuple

from lisa_lambdas.errors import ApiError

_SHOWN = 5
_RULES_NEED = (3, 11)


class InvalidConfigurationError(ApiError):
    """The change would make a configuration that does not compile."""

    status = 400
    code = "InvalidConfiguration"
    meaning = "The proposed change would make a configuration that does not compile."
    action = "Correct the fields that the message names."


@dataclass(frozen=True)
class Validation:
    """How a change was validated.

    Attributes:
        complete: whether the rules were asked, and not the schema alone.
        warnings: what is allowed, and probably not meant.
    """

    complete: bool
    warnings: Tuple[str, ...] = ()


def validate_models(
    configuration: Dict[str, Any], models: List[Dict[str, Any]], environment: str, version: Tuple[int, ...] = ()
) -> Validation:
    """Validate a configuration with its models.

    Args:
        configuration: the environment's effective configuration without its models.
        models: the entries of `ecsModels`; the last is the one that changes, unless it is taken away.
        environment: name of the environment.
        version: version of Python; that of the process when left out.

    Raises:
        InvalidConfigurationError: it does not compile; the text says why, and what to do.
    """
    if (version or sys.version_info[:2]) >= _RULES_NEED:
        return _by_rules({**configuration, "ecsModels": models}, environment)
    return _by_schema(models)


def _by_rules(configuration: Dict[str, Any], environment: str) -> Validation:
    from lisa_schema.diagnostics import Origin
    from lisa_schema.document import Document, MappingNode, node_of
    from lisa_schema.errors import ConfigurationError
    from lisa_schema.validate import validate

    root = node_of(configuration, Origin("proposal"))
    if not isinstance(root, MappingNode):
        raise TypeError(type(root).__name__)
    try:
        found = validate(Document(root, (), environment)).diagnostics
    except ConfigurationError as error:
        sentences = [
            " ".join(part for part in (one.message, one.fix) if part) for one in error.diagnostics if one.is_error
        ]
        raise InvalidConfigurationError(_joined(sentences)) from None
    about = [one.message for one in found if one.key_path.startswith("ecsModels")]
    return Validation(complete=True, warnings=tuple(about))


def _by_schema(models: List[Dict[str, Any]]) -> Validation:
    from jsonschema import Draft202012Validator

    schema = {**_schema(), "$ref": "#/$defs/EcsModel"}
    for key in ("type", "properties", "required", "additionalProperties"):
        schema.pop(key, None)
    validator = Draft202012Validator(schema)
    sentences = [
        f"`{'.'.join(str(step) for step in error.absolute_path) or 'model'}`: {error.message}."
        for model in models
        for error in validator.iter_errors(model)
    ]
    if sentences:
        raise InvalidConfigurationError(_joined(sentences))
    return Validation(complete=False)


@lru_cache(maxsize=None)
def _schema() -> Dict[str, Any]:
    """The effective schema, found without importing the package that it is in."""
    found = importlib.util.find_spec("lisa_schema")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("lisa_schema is missing next to lisa_lambdas")
    path = Path(next(iter(found.submodule_search_locations))) / "schemas" / "effective.schema.json"
    schema: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def _joined(sentences: List[str]) -> str:
    more = len(sentences) - _SHOWN
    return " ".join(sentences[:_SHOWN]) + (f" And {more} more." if more > 0 else "")
