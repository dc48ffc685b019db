"""By whom certificates of PostgreSQL databases are signed: RDS has its own certificate authorities in each Region.

The table is data/rds_authorities.json, made by tools/refresh_database_authorities.py: the commercial Regions whose
authorities LISA has. AWS publishes those of all Regions (RDS User Guide, "Using SSL/TLS to encrypt a connection to a DB
instance"), and no package has them for the other partitions.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lisa_schema.models import RdsConfig

_RDS_HOST: Final = re.compile(r"\.([a-z]{2,4}(?:-[a-z]+)+-[0-9]+)\.rds\.")
"""In the address of a database of RDS: `name.id.region.rds.suffix`."""


def rds_region(database: RdsConfig, home: str) -> str | None:
    """The Region whose RDS has a database; None where RDS does not have it.

    Args:
        database: the database of a repository.
        home: Region of the deployment, where LISA creates databases.
    """
    if database.db_host is None:
        return home
    found = _RDS_HOST.search(database.db_host.lower())
    return found[1] if found else None


@cache
def known_regions() -> frozenset[str]:
    """Regions whose authorities of RDS LISA has."""
    text = (resources.files("lisa_schema") / "data" / "rds_authorities.json").read_text(encoding="ascii")
    return frozenset(json.loads(text)["regions"].split())


def bundle_name(region: str) -> str:
    """Name of the file with which AWS publishes the authorities of RDS in a Region."""
    return f"{region}-bundle.pem"
