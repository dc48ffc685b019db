"""Proposals: changes of the configuration that somebody asked for, and that a person turns into a pull request.

What a proposal carries is a layer of configuration as `environments/<env>.yaml` has it: put over the environment's
configuration, it makes the change.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Dict, List, Tuple

import yaml

from lisa_lambdas.caller import Caller
from lisa_lambdas.errors import BadRequestError, ConflictError
from lisa_lambdas.models.registry import HostedModel
from lisa_lambdas.models.validation import Validation, validate_models

_MODELS = "ecsModels"


class Kind(str, Enum):
    """What a proposal does to a model."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True)
class Proposal:
    """A change that somebody asked for.

    Attributes:
        id: begins with its time, so that the order of ids is that of time.
        environment: name of the environment.
        kind: what it does.
        model_id: the model that it concerns.
        author: username of who asked.
        author_subject: the unchanging name of the same.
        created_at: when, in ISO 8601 and UTC.
        status: `pending`, `applied` or `withdrawn`.
        change: the entry of `ecsModels` that a layer has: the model, or its name with the keys that change.
        validation: how it was validated.
    """

    id: str
    environment: str
    kind: Kind
    model_id: str
    author: str
    author_subject: str
    created_at: str
    status: str
    change: Dict[str, Any]
    validation: Validation

    def as_json(self) -> Dict[str, Any]:
        """The proposal as the API shows it."""
        return {
            "id": self.id,
            "environment": self.environment,
            "kind": self.kind.value,
            "modelId": self.model_id,
            "author": self.author,
            "createdAt": self.created_at,
            "status": self.status,
            "file": f"environments/{self.environment}.yaml",
            "patch": self.patch(),
            "change": self.change,
            "validation": {"complete": self.validation.complete, "warnings": list(self.validation.warnings)},
        }

    def patch(self) -> str:
        """The change as YAML: what is put over the environment's configuration."""
        text: str = yaml.safe_dump({_MODELS: [self.change]}, sort_keys=False, allow_unicode=True, width=120)
        return text


@dataclass(frozen=True)
class Setting:
    """What a change is made in.

    Attributes:
        environment: name of the environment.
        configuration: its effective configuration without the models.
        models: the models that it hosts.
    """

    environment: str
    configuration: Dict[str, Any]
    models: List[HostedModel]


def propose_create(setting: Setting, model: Dict[str, Any], caller: Caller, now: datetime) -> Proposal:
    """Propose a new hosted model.

    Raises:
        ConflictError: a model of that id is hosted.
        InvalidConfigurationError: the configuration would not compile with it.
    """
    model_id = identifier(model)
    if model_id in {hosted.id for hosted in setting.models}:
        raise ConflictError(f"The model {model_id} is already hosted.")
    validation = _validate(setting, [*(hosted.configuration for hosted in setting.models), model])
    return _proposal(setting, caller, now, kind=Kind.CREATE, model_id=model_id, change=model, validation=validation)


def propose_update(
    setting: Setting, model: HostedModel, change: Dict[str, Any], caller: Caller, now: datetime
) -> Proposal:
    """Propose a change of a model: keys are merged deeply, and null takes a default back (RFC 7396).

    Raises:
        BadRequestError: the change is empty, or would give the model another name.
        InvalidConfigurationError: the configuration would not compile with it.
    """
    changed = merged(model.configuration, change)
    if changed == model.configuration:
        raise BadRequestError("The request does not change the configuration.")
    if identifier(changed) != model.id or changed["modelName"] != model.configuration["modelName"]:
        raise BadRequestError("modelName and modelId cannot be changed: create a new model and delete this one.")
    validation = _validate(setting, [*_others(setting, model), changed])
    entry = {**_name(model.configuration), **{key: value for key, value in change.items() if key not in _NAMES}}
    return _proposal(setting, caller, now, kind=Kind.UPDATE, model_id=model.id, change=entry, validation=validation)


def propose_delete(setting: Setting, model: HostedModel, caller: Caller, now: datetime) -> Proposal:
    """Propose the removal of a model.

    Raises:
        InvalidConfigurationError: the configuration would not compile without it.
    """
    validation = _validate(setting, _others(setting, model))
    entry = {**_name(model.configuration), "deploy": False}
    return _proposal(setting, caller, now, kind=Kind.DELETE, model_id=model.id, change=entry, validation=validation)


def identifier(model: Dict[str, Any]) -> str:
    """What clients call a model: its modelId, else its modelName.

    Raises:
        BadRequestError: it has neither.
    """
    found = model.get("modelId") or model.get("modelName")
    if not isinstance(found, str) or not isinstance(model.get("modelName"), str):
        raise BadRequestError("modelName is required.")
    return found


def merged(target: Any, patch: Any) -> Any:
    """A JSON merge patch applied (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


_NAMES: Tuple[str, ...] = ("modelName", "modelId")


def _name(configuration: Dict[str, Any]) -> Dict[str, Any]:
    return {key: configuration[key] for key in _NAMES if key in configuration}


def _others(setting: Setting, model: HostedModel) -> List[Dict[str, Any]]:
    return [hosted.configuration for hosted in setting.models if hosted.id != model.id]


def _validate(setting: Setting, models: List[Dict[str, Any]]) -> Validation:
    return validate_models(setting.configuration, models, setting.environment)


def _proposal(
    setting: Setting,
    caller: Caller,
    now: datetime,
    *,
    kind: Kind,
    model_id: str,
    change: Dict[str, Any],
    validation: Validation,
) -> Proposal:
    moment = now.astimezone(timezone.utc)
    return Proposal(
        id=f"{moment:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        environment=setting.environment,
        kind=kind,
        model_id=model_id,
        author=caller.username,
        author_subject=caller.subject,
        created_at=f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        status="pending",
        change=change,
        validation=validation,
    )
