"""Emits the certificate authorities of databases, which only the functions that connect to these trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.plan.provenance import bare
from lisa_compiler.plan.trust import DATABASE_FILE, LAYER_FOLDER
from lisa_compiler.project.authorities import PUBLIC_AUTHORITIES
from lisa_compiler.project.database_authorities import rds_authorities, read_database_authorities, require_one_valid
from lisa_schema.database_authorities import rds_region

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from lisa_compiler.plan import Deployment

FOLDER = "database-trust"
"""What the artifact is made from, below generated/<env>: the content of the Lambda layer."""

_PATH = f"{FOLDER}/{LAYER_FOLDER}/{DATABASE_FILE}"


def emit_database_trust(deployment: Deployment, project: Path) -> dict[str, bytes]:
    """The authorities by their path below generated/<env>; empty where there is no database, or nothing is known.

    Those of the configuration, of RDS in the Regions of its databases, and, for existing databases whose authority is
    not configured, the public ones.

    Raises:
        LocalFileError: the configured file cannot be used.
    """
    databases = [plan.config.rds_config for plan in deployment.repositories if plan.config.rds_config is not None]
    configured = bare(deployment.config.database_authority_bundle)
    parts = [read_database_authorities(project, configured)] if databases and configured else []
    regions = {rds_region(database, bare(deployment.names.region)) for database in databases}
    parts.append(rds_authorities(region for region in regions if region is not None))
    if not configured and any(database.db_host is not None for database in databases):
        parts.append(PUBLIC_AUTHORITIES.read_bytes())
    content = b"\n".join(part for part in parts if part)
    return {_PATH: content} if content else {}


def check_database_trust(deployment: Deployment, project: Path, now: datetime) -> None:
    """Check that the configured file can be used, and is valid at a time.

    Raises:
        LocalFileError: it cannot, or is not.
    """
    configured = deployment.config.database_authority_bundle
    if configured:
        require_one_valid(project, configured, now)


def has_database_trust(files: Mapping[str, bytes]) -> bool:
    """Whether the authorities are among emitted files."""
    return _PATH in files
