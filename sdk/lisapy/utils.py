"""Certificates of the gateway's load balancer; the module has the name that it had in lisapy 2.0."""

from __future__ import annotations

import atexit
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from lisapy.errors import LisaError

VARIABLE = "RESTAPI_SSL_CERT_ARN"
"""Environment variable with the ARN of the load balancer's certificate."""

_RESOURCE = ":server-certificate/"


def get_cert_path(iam_client: Any) -> str | bool:
    """What to give as `verify`: a file with the certificate that RESTAPI_SSL_CERT_ARN names in IAM.

    Args:
        iam_client: `boto3.client("iam")`; it needs iam:GetServerCertificate.

    Returns:
        The path of a temporary file, which goes when the program ends; True where the variable is not set, or names a
        certificate of ACM, which is publicly trusted.

    Raises:
        LisaError: the variable is neither.
    """
    arn = os.environ.get(VARIABLE, "").strip()
    if not arn or arn.split(":")[2:3] == ["acm"]:
        return True
    _, found, path = arn.partition(_RESOURCE)
    if not found or not path:
        raise LisaError(f"{VARIABLE} is “{arn}”, but must be the ARN of a server certificate in IAM or ACM.")
    certificate = iam_client.get_server_certificate(ServerCertificateName=path.rpartition("/")[2])["ServerCertificate"]
    parts = [certificate["CertificateBody"], certificate.get("CertificateChain", "")]
    with tempfile.NamedTemporaryFile("w", prefix="lisa-", suffix=".pem", delete=False) as file:
        file.write("\n".join(part.strip() for part in parts if part) + "\n")
    atexit.register(_remove, file.name)
    return file.name


def _remove(path: str) -> None:
    with suppress(OSError):
        Path(path).unlink()
