"""Certificates of authorities: what a configured file holds, and whether clients can trust it."""

from __future__ import annotations

import datetime
import hashlib
import re
import ssl
from typing import TYPE_CHECKING

from lisa_compiler.project import local_files
from lisa_compiler.project.local_files import LocalFileError
from lisa_compiler.resources import templates_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cryptography.x509 import Certificate

PUBLIC_AUTHORITIES = templates_dir() / "trust" / "public-authorities.pem"
"""The public authorities, which stay trusted; written by tools/refresh_public_authorities.py."""

PUBLIC_HEADING = b"# Public certificate authorities"
"""The line with which the public authorities begin, in their file and in a bundle."""

_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_PEM_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_TRUSTED_CERTIFICATE = b"-----BEGIN TRUSTED CERTIFICATE-----"
# A SEQUENCE in DER, as certificates, PKCS #8 keys and PKCS #12 files begin.
_DER = b"\x30"


def parse(content: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM file, each once, in the order of the file; their extensions can be read.

    Raises:
        ValueError: there is none, or one cannot be read.
    """
    from cryptography import x509  # noqa: PLC0415  # cryptography: 50 ms, without a bundle

    found = tuple(dict.fromkeys(x509.load_pem_x509_certificates(content)))
    for certificate in found:
        try:
            certificate.extensions  # noqa: B018  (it parses them)
        except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise ValueError(str(error)) from error
    return found


def read_authorities(project: Path, path: str) -> tuple[Certificate, ...]:
    """Read the authorities that a configuration names, and check that clients can use each as one.

    Only certificates are returned: other parts of the file never reach the output.

    Args:
        project: directory that holds config.yaml.
        path: path of a PEM file below the project.

    Raises:
        LocalFileError: the file is missing or holds a private key, no certificate, or one that ends no chain.
    """
    content = local_files.read(project, path)
    if _PRIVATE_KEY.search(content) or _is_der_key(content):
        raise LocalFileError(
            path,
            "contains a private key, which LISA does not copy.",
            "Remove the key from the project and from its Git history, replace the key, and use a PEM file that holds "
            "certificates only.",
        )
    if _CERTIFICATE not in content:
        raise _not_pem(path, content)
    try:
        found = parse(content)
    except ValueError as error:
        raise LocalFileError(
            path,
            f"contains a certificate that cannot be read ({error}).",
            "Export the certificate again in PEM; `openssl x509 -in FILE -noout -text` shows whether it is valid.",
        ) from error
    _require_complete_chains(path, found)
    return found


def require_valid(path: str, found: Iterable[Certificate], now: datetime.datetime) -> None:
    """Check that each certificate is valid at a time.

    Raises:
        LocalFileError: one has expired, or is not valid yet.
    """
    for certificate in found:
        if certificate.not_valid_after_utc < now:
            raise LocalFileError(
                path,
                f"contains a certificate that expired on {certificate.not_valid_after_utc:%Y-%m-%d}: "
                f"{name_of(certificate)}.",
                "Replace it with the current certificate of this CA, or remove it.",
            )
        if certificate.not_valid_before_utc > now:
            raise LocalFileError(
                path,
                f"contains a certificate that is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}: "
                f"{name_of(certificate)}.",
                "Check the clock of this machine, or add the certificate once it is valid.",
            )


def strict_fault(certificate: Certificate) -> str | None:
    """Why Python 3.13 rejects an authority, as the rest of a sentence; None if it accepts it.

    Its `ssl.create_default_context` sets VERIFY_X509_STRICT (OpenSSL: crypto/x509/x509_vfy.c, check_extensions), which
    earlier versions do not. What `openssl req -x509` makes by default has no Key Usage.
    """
    from cryptography import x509  # noqa: PLC0415  # likewise

    if certificate.version is not x509.Version.v3:
        return "is a certificate of version 1"
    if not _may_sign(certificate):
        return None
    found = {type(extension.value): extension.critical for extension in certificate.extensions}
    required: dict[type[x509.ExtensionType], str] = {
        x509.KeyUsage: "Key Usage",
        x509.SubjectKeyIdentifier: "Subject Key Identifier",
    }
    if certificate.issuer != certificate.subject:
        required[x509.AuthorityKeyIdentifier] = "Authority Key Identifier"
    if not found.get(x509.BasicConstraints):
        return "has no critical extension Basic Constraints"
    return next((f"has no extension {name}" for kind, name in required.items() if kind not in found), None)


def as_pem(certificates: Iterable[Certificate]) -> bytes:
    """Certificates in PEM, each after a comment in ASCII with its subject and last day."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415  # likewise

    return b"".join(
        b"\n# "
        + f"{name_of(certificate)}, until {certificate.not_valid_after_utc:%Y-%m-%d}\n".encode(
            "ascii", "backslashreplace"
        )
        + certificate.public_bytes(Encoding.PEM)
        for certificate in certificates
    )


def bundle_of(configured: Iterable[Certificate]) -> bytes:
    """The bundle of a deployment: the authorities that its configuration adds, then the public ones."""
    return as_pem(configured).lstrip() + b"\n" + PUBLIC_AUTHORITIES.read_bytes()


def read_bundle(bundle: bytes) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The added and the public authorities of a bundle: certificates in DER by their SHA-256 fingerprint, in order.

    Raises:
        ValueError: it is not a bundle of `bundle_of`.
    """
    # The last heading: the name of an added authority, in the comment before it, may be worded like one.
    added, heading, public = bundle.rpartition(b"\n" + PUBLIC_HEADING)
    if not heading:
        raise ValueError("no public authorities")
    return _by_fingerprint(added), _by_fingerprint(public)


def name_of(certificate: Certificate) -> str:
    """The common name of the subject, else all of it, as a line that no PEM parser takes for a part of one."""
    from cryptography.x509.oid import NameOID  # noqa: PLC0415  # likewise

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(names[0].value) if names else certificate.subject.rfc4514_string()
    return " ".join(text.replace("-----", "").split()) or "(no subject)"


def server_names(certificate: Certificate) -> tuple[str, ...]:
    """DNS names that a server shows the certificate for; empty for one that only signs others."""
    from cryptography import x509  # noqa: PLC0415  # likewise

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in names.get_values_for_type(x509.DNSName))


def covers(names: Iterable[str], host: str) -> bool:
    """Whether one of a certificate's names is that of a host; a wildcard stands for one label (RFC 6125, 6.4.3)."""
    _, _, parent = host.lower().partition(".")
    return any(name in (host.lower(), f"*.{parent}") for name in names)


def _by_fingerprint(content: bytes) -> dict[str, bytes]:
    found = (ssl.PEM_cert_to_DER_cert(block.decode("ascii")) for block in _PEM_BLOCK.findall(content))
    return {hashlib.sha256(der).hexdigest(): der for der in found}


def _is_der_key(content: bytes) -> bool:
    from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12  # noqa: PLC0415  # likewise

    if not content.startswith(_DER):
        return False
    for load in (load_der_private_key, pkcs12.load_pkcs12):
        try:
            load(content, None)
        except TypeError:
            return True  # It is encrypted.
        except ValueError as error:
            if "password" in str(error).lower():
                return True
        else:
            return True
    return False


def _not_pem(path: str, content: bytes) -> LocalFileError:
    fix = "Use a PEM file with the certificates of your CAs (-----BEGIN CERTIFICATE-----)."
    if content.startswith(_DER):
        fix = f"Convert it to PEM: `openssl x509 -inform der -in {path} -out authorities.pem`."
    elif _TRUSTED_CERTIFICATE in content:
        fix = f"Write it as a plain certificate: `openssl x509 -in {path} -out authorities.pem`."
    return LocalFileError(path, "contains no PEM certificate.", fix)


def _require_complete_chains(path: str, found: Sequence[Certificate]) -> None:
    """OpenSSL and Node.js trust a certificate only when a self-signed one ends its chain."""
    authorities = {certificate.subject for certificate in found if _may_sign(certificate)}
    for certificate in found:
        if certificate.issuer == certificate.subject:
            continue
        issuer = certificate.issuer.rfc4514_string()
        if not _may_sign(certificate):
            raise LocalFileError(
                path,
                f"contains {name_of(certificate)}, which is neither self-signed nor a CA certificate.",
                f"Replace it with the certificate of its root CA ({issuer}).",
            )
        if certificate.issuer not in authorities:
            raise LocalFileError(
                path,
                f"contains {name_of(certificate)} without its root CA.",
                f"Add the certificate of {issuer}.",
            )


def _may_sign(certificate: Certificate) -> bool:
    from cryptography import x509  # noqa: PLC0415  # likewise

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        # Version 1, as the oldest roots are.
        return certificate.issuer == certificate.subject
