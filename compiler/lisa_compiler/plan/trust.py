"""Which certificate authorities the deployment trusts beside the public ones, and where its processes find them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lisa_compiler.plan.provenance import bare

if TYPE_CHECKING:
    from lisa_schema.models import Config

BUNDLE_FILE = "ca-bundle.pem"
LAYER = "trust"
"""Name of the Lambda layer that holds the bundle."""
LAYER_FOLDER = "lisa"
"""Folder of the bundle in the layer, which Lambda unpacks into /opt."""
DATABASE_FILE = "database-authorities.pem"
DATABASE_AUTHORITIES = f"/opt/{LAYER_FOLDER}/{DATABASE_FILE}"
"""Where functions find the authorities of databases, which are in a layer of their own."""
INSTANCE_DIRECTORY = "/var/lib/lisa/trust"
"""Where an instance keeps the bundle."""

_CONTAINER_DIRECTORY = "/etc/lisa/trust"
_SYSTEM_DIRECTORY = "/etc/pki"
# In order: the AWS SDKs, Node.js, requests, and what uses OpenSSL's defaults (Python, aiohttp, httpx, curl, Go).
_FILE_VARIABLES = ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class ProjectTrust:
    """Authorities in a file of the project: one bundle, with the public ones, for all functions and containers.

    Attributes:
        source: path of the PEM file below the project.
    """

    source: str

    @property
    def container_variables(self) -> dict[str, str]:
        """Environment of a container."""
        return _naming(f"{_CONTAINER_DIRECTORY}/{BUNDLE_FILE}")

    @property
    def function_variables(self) -> dict[str, str]:
        """Environment of a function that has the layer."""
        return _naming(f"/opt/{LAYER_FOLDER}/{BUNDLE_FILE}")

    @property
    def volume(self) -> tuple[str, str, str]:
        """Name, directory on the instance and directory in a container."""
        return "trust", INSTANCE_DIRECTORY, _CONTAINER_DIRECTORY


@dataclass(frozen=True, slots=True)
class InstanceTrust:
    """A bundle that the image of the instances has, as LISA 2.x expects it. Functions cannot read it.

    Attributes:
        file: its absolute path.
    """

    file: str

    @property
    def container_variables(self) -> dict[str, str]:
        """Environment of a container."""
        return {**_naming(self.file), "SSL_CERT_DIR": f"{_SYSTEM_DIRECTORY}/tls/certs"}

    @property
    def volume(self) -> tuple[str, str, str]:
        """Name, directory on the instance and directory in a container; links below /etc/pki lead to others there."""
        system = PurePosixPath(_SYSTEM_DIRECTORY)
        file = PurePosixPath(self.file)
        directory = str(system if system in file.parents else file.parent)
        return "pki", directory, directory


Trust = ProjectTrust | InstanceTrust


def plan_trust(config: Config) -> Trust | None:
    """How the deployment trusts the authorities of `certificateAuthorityBundle`; None where it names none."""
    path = config.certificate_authority_bundle
    if not path:
        return None
    return InstanceTrust(path) if PurePosixPath(path).is_absolute() else ProjectTrust(bare(path))


def _naming(file: str) -> dict[str, str]:
    return dict.fromkeys(_FILE_VARIABLES, file)
