"""ami.<env>.lock.json: the AMIs that an environment's SSM parameters named; committed with the configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from lisa_compiler.plan.amis import AmiLock, LockedAmi, UnpinnedAmi
from lisa_compiler.plan.deployment import Deployment
from lisa_compiler.project.paths import ami_lock
from lisa_schema import artifact_diagnostics
from lisa_schema.atomic_file import replace_file
from lisa_schema.diagnostics import Diagnostic, Origin
from lisa_schema.document import Document
from lisa_schema.errors import ConfigurationError, LisaError
from lisa_schema.models.base import AmiId, RegionName


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel, validate_by_name=True)


class _Ami(_Record):
    image_id: AmiId
    name: str
    owner: str
    creation_date: str
    deprecation_time: str | None
    parameter_version: Annotated[int, Field(ge=1)]


class _Lock(_Record):
    schema_version: Literal[1]
    region: RegionName
    amis: dict[str, _Ami]


def load(project: Path, environment: str) -> AmiLock:
    """Read an environment's lock file; one that does not exist is empty.

    Raises:
        ConfigurationError: it cannot be read, is not JSON, or does not have the form of this version.
    """
    name = ami_lock(environment)
    try:
        read = _Lock.model_validate_json((project / name).read_bytes())
    except FileNotFoundError:
        return AmiLock()
    except OSError as error:
        raise _unusable(name, environment, f"{name} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        reason = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise _unusable(name, environment, f"{name} is not a valid lock file ({reason}).") from error
    amis = {
        parameter: LockedAmi(
            id=ami.image_id,
            name=ami.name,
            owner=ami.owner,
            creation_date=ami.creation_date,
            deprecation_time=ami.deprecation_time,
            version=ami.parameter_version,
        )
        for parameter, ami in read.amis.items()
    }
    return AmiLock(region=read.region, amis=amis)


def render(lock: AmiLock) -> bytes:
    """The bytes of a lock file: parameters sorted, two spaces of indent, a newline at the end."""
    amis = {
        parameter: _Ami(
            image_id=ami.id,
            name=ami.name,
            owner=ami.owner,
            creation_date=ami.creation_date,
            deprecation_time=ami.deprecation_time,
            parameter_version=ami.version,
        )
        for parameter, ami in sorted(lock.amis.items())
    }
    content = _Lock(schema_version=1, region=lock.region, amis=amis).model_dump(by_alias=True)
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def save(project: Path, environment: str, lock: AmiLock) -> None:
    """Write an environment's lock file atomically; the same lock gives the same bytes.

    Raises:
        LisaError: the system refuses; the file is unchanged.
    """
    path = project / ami_lock(environment)
    try:
        replace_file(path, render(lock))
    except OSError as error:
        raise LisaError(f"{path} cannot be written and is unchanged: {error.strerror}.") from error


def unpinned(deployment: Deployment) -> dict[str, list[str]]:
    """The parameters that the lock file lacks, each with the services whose instances need it."""
    found: dict[str, list[str]] = {}
    for service in deployment.services:
        if isinstance(service.ami, UnpinnedAmi):
            found.setdefault(service.ami.parameter, []).append(service.id)
    return found


def diagnose(deployment: Deployment, lock: AmiLock, document: Document) -> list[Diagnostic]:
    """Report AMIs that are not pinned, at the configuration's region, which decides what an AMI is."""
    found = unpinned(deployment)
    if not found:
        return []
    environment = deployment.environment
    name = ami_lock(environment)
    services = ", ".join(service for those in found.values() for service in those)
    if not lock.region:
        reason = f"{name} does not exist"
    elif lock.region != deployment.config.region:
        reason = f"{name} is for the Region {lock.region}, but {environment} deploys to {deployment.config.region}"
    else:
        reason = f"{name} does not have {', '.join(found)}"
    fix = artifact_diagnostics.AMI_UNPINNED.fix.replace("<env>", environment)
    node = document.find(("region",))
    message = f"The AMI of {services} is not pinned: {reason}."
    origin = None if node is None else node.origin
    return [artifact_diagnostics.AMI_UNPINNED.at(origin, message, key_path="region", fix=fix)]


def _unusable(name: str, environment: str, message: str) -> ConfigurationError:
    fix = artifact_diagnostics.AMI_LOCK_UNUSABLE.fix.replace("<env>", environment)
    return ConfigurationError([artifact_diagnostics.AMI_LOCK_UNUSABLE.at(Origin(name), message, fix=fix)])
