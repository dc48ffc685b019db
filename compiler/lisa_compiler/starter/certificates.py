"""A self-signed certificate for the load balancers of a development environment."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509 import GeneralName
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lisa_compiler.plan.names import private_zone
from lisa_compiler.project.deploy_target import DeployTarget
from lisa_schema.atomic_file import replace_file
from lisa_schema.errors import LisaError
from lisa_schema.regions import nearest_regions
from lisa_schema.regions import region as find_region

CERTIFICATE_FILE = "server.pem"
KEY_FILE = "server.key"

# What earlier versions wrote, when no compile read the certificate.
_IGNORED_BEFORE = f"{CERTIFICATE_FILE}\n{KEY_FILE}\n".encode("ascii")
_LONGEST_COMMON_NAME = 64
_CERTIFICATE_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)


class CertificateError(LisaError):
    """The certificate could not be made or written."""


class KeyKind(StrEnum):
    """Kinds of keys that IAM server certificates and load balancers take."""

    RSA = "rsa"
    EC = "ec"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, in PEM."""

    certificate: bytes
    key: bytes


def load_balancer_domains(region: str) -> tuple[str, ...]:
    """Names that AWS gives to load balancers in a region: application ones first, then network ones.

    Raises:
        CertificateError: there is no such region.
    """
    found = find_region(region)
    if found is None:
        near = ", ".join(nearest_regions(region))
        raise CertificateError(f"Unknown Region “{region}”. Use, for example, {near}.")
    suffix = found.partition.dns_suffix
    return f"*.{region}.elb.{suffix}", f"*.elb.{region}.{suffix}"


def domain_names(region: str | None, target: DeployTarget) -> tuple[str, ...]:
    """Names by which clients and functions reach an environment's load balancers.

    Args:
        region: the Region of the load balancers.
        target: where the environment deploys: the domain name of its gateway, and its private hosted zone.

    Raises:
        CertificateError: the Region is not given, or does not exist.
    """
    if region is None:
        raise CertificateError(
            "The Region is unknown. Pass --region or --domain, or set `region` in the configuration."
        )
    own = (target.domain_name, f"*.{private_zone(target.deployment_name)}" if target.deployment_name else None)
    return (*load_balancer_domains(region), *(name for name in own if name))


def certificate_arn(name: str, region: str | None) -> str:
    """ARN of an IAM server certificate, with a placeholder for the account.

    Raises:
        CertificateError: IAM does not allow the name.
    """
    if not _CERTIFICATE_NAME.fullmatch(name):
        raise CertificateError(f"IAM does not allow the certificate name `{name}`. Use letters, digits and +=,.@_-")
    found = find_region(region) if region else None
    return f"arn:{found.partition.id if found else 'aws'}:iam::<account-number>:server-certificate/{name}"


def make_certificate(domains: Sequence[str], *, kind: KeyKind = KeyKind.RSA, days: int = 365) -> KeyPair:
    """Make a key and a certificate for it that is signed with it.

    It may sign itself and nothing below, so that clients can trust it as a CA file, with strict checks too.

    Args:
        domains: DNS names, wildcards allowed, or IP addresses; the first is the common name.
        kind: RSA with 2048 bits, or the curve P-256.
        days: how long it is valid from now.

    Raises:
        CertificateError: a name is not one that a certificate can have.
    """
    if not domains:
        raise CertificateError("A certificate requires at least one domain.")
    names = x509.SubjectAlternativeName([_general_name(domain) for domain in dict.fromkeys(domains)])
    common_name = next((domain for domain in domains if len(domain) <= _LONGEST_COMMON_NAME), "LISA development")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    key = _private_key(kind)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_encipherment=kind is KeyKind.RSA,
        key_cert_sign=True,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ),
    )


def save(pair: KeyPair, directory: Path, *, force: bool = False) -> tuple[Path, Path]:
    """Write server.pem and server.key, the latter readable by its owner alone, and have git ignore the key.

    The certificate is committed, because compiling reads it (`certificateAuthorityBundle`).

    Returns:
        The paths of the certificate and of the key.

    Raises:
        CertificateError: one of them exists and `force` is not set, or the system refuses.
    """
    certificate, key = directory / CERTIFICATE_FILE, directory / KEY_FILE
    existing = [path for path in (certificate, key) if path.exists()]
    if existing and not force:
        raise CertificateError(f"{existing[0]} exists: pass --force to replace it, or use another --output.")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        ignore = directory / ".gitignore"
        if not ignore.exists() or ignore.read_bytes() == _IGNORED_BEFORE:
            replace_file(ignore, f"{KEY_FILE}\n".encode())
        replace_file(key, pair.key, mode=0o600)
        replace_file(certificate, pair.certificate, mode=0o644)
    except OSError as error:
        place = error.filename or directory
        raise CertificateError(f"The certificate cannot be written: {error.strerror} ({place}).") from error
    return certificate, key


def _private_key(kind: KeyKind) -> RSAPrivateKey | EllipticCurvePrivateKey:
    if kind is KeyKind.EC:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _general_name(domain: str) -> GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(domain))
    except ValueError:
        pass
    labels = domain.removeprefix("*.").split(".")
    plain = all(
        label
        and len(label) <= 63
        and label.isascii()
        and label.replace("-", "").isalnum()
        and label.strip("-") == label
        for label in labels
    )
    if not plain or len(domain) > 253:
        raise CertificateError(f"“{domain}” is not a domain name: use one such as `*.example.com`.")
    return x509.DNSName(domain)
