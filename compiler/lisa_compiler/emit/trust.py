"""Emits the trust bundle: the public authorities, and those that the configuration adds."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lisa_compiler.plan.trust import BUNDLE_FILE, LAYER_FOLDER, ProjectTrust
from lisa_compiler.project.authorities import (
    bundle_of,
    covers,
    name_of,
    read_authorities,
    require_valid,
    server_names,
    strict_fault,
)
from lisa_compiler.project.local_files import LocalFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from lisa_compiler.plan import Deployment

FOLDER = "trust"
"""What the artifact is made from, below generated/<env>: the content of the Lambda layer."""

# Python 3.13 is the first that sets VERIFY_X509_STRICT.
_STRICT_MINOR = 13
_PATH = f"{FOLDER}/{LAYER_FOLDER}/{BUNDLE_FILE}"


def emit_trust(deployment: Deployment, project: Path) -> dict[str, bytes]:
    """The bundle by its path below generated/<env>; empty where the configuration adds no authority.

    Raises:
        LocalFileError: the configured file cannot be used.
    """
    if not isinstance(deployment.trust, ProjectTrust):
        return {}
    configured = read_authorities(project, deployment.trust.source)
    return {_PATH: bundle_of(configured)}


def check_validity(deployment: Deployment, project: Path, now: datetime) -> None:
    """Check that each added authority can be used, and is valid at a time.

    Raises:
        LocalFileError: one cannot, or is not.
    """
    if isinstance(deployment.trust, ProjectTrust):
        path = deployment.trust.source
        require_valid(path, read_authorities(project, path), now)


def check_strictness(deployment: Deployment, project: Path) -> None:
    """Check that the functions' Python accepts each added authority.

    Raises:
        LocalFileError: it is Python 3.13 or newer, which requires extensions that one does not have.
    """
    if not isinstance(deployment.trust, ProjectTrust):
        return
    minor = int(deployment.python_runtime.rpartition(".")[2])
    for certificate in read_authorities(project, deployment.trust.source) if minor >= _STRICT_MINOR else ():
        fault = strict_fault(certificate)
        if fault is not None:
            raise LocalFileError(
                deployment.trust.source,
                f"contains {name_of(certificate)}, which {fault}: {deployment.python_runtime} rejects it.",
                "Set lambdaConfig.pythonRuntime to PYTHON_3_12, or reissue the certificate with the same key.",
            )


def check_names(deployment: Deployment, project: Path) -> None:
    """Check that the certificates of load balancers have the names by which callers reach these, where that is known.

    It is known when the file holds certificates of servers, made with `lisa gen-certs` for one, and either no authority
    that could have signed another, or a server certificate with the names that AWS gives to load balancers.

    Raises:
        LocalFileError: a load balancer's certificate in IAM cannot have the name.
    """
    if not isinstance(deployment.trust, ProjectTrust):
        return
    path = deployment.trust.source
    found = [server_names(certificate) for certificate in read_authorities(project, path)]
    servers = [names for names in found if names]
    of_balancers = any(".elb." in name for names in servers for name in names)
    services = [(deployment.rest_api, deployment.rest_api_host)]
    services += [(model.service, urlsplit(model.url).hostname or "") for model in deployment.models]
    for service, host in services:
        is_known = bool(servers) and (
            of_balancers or (len(servers) == len(found) and service.load_balancer.domain_name is None)
        )
        is_in_iam = ":server-certificate/" in (service.certificate_arn or "")
        if is_in_iam and is_known and not any(covers(names, host) for names in servers):
            names = ", ".join(name for names in servers for name in names)
            raise LocalFileError(
                path,
                f"contains server certificates for {names}, but none for {host}, the name of {service.cluster}.",
                f"Issue a certificate that also has this name (`lisa gen-certs`, or `--domain {host}`), upload it to "
                "IAM, and replace the one in the file.",
            )


def bundle_digest(files: Mapping[str, bytes]) -> str | None:
    """SHA-256 of the bundle among emitted files, in hexadecimal; None when there is none."""
    return hashlib.sha256(files[_PATH]).hexdigest() if _PATH in files else None


def describe_authorities(deployment: Deployment, project: Path) -> list[str]:
    """The added authorities for the summary: subject and last day."""
    if not isinstance(deployment.trust, ProjectTrust):
        return []
    return [
        f"{name_of(certificate)}, expires {certificate.not_valid_after_utc:%Y-%m-%d}"
        for certificate in read_authorities(project, deployment.trust.source)
    ]
