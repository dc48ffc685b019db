"""Self-signed certificates for development."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lisa_compiler.starter.certificates import CertificateError, KeyKind, load_balancer_domains, make_certificate, save


def subject_names(pem: bytes) -> list[str]:
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


@pytest.mark.parametrize(
    ("region", "domains"),
    [
        ("us-east-1", ("*.us-east-1.elb.amazonaws.com", "*.elb.us-east-1.amazonaws.com")),
        ("cn-north-1", ("*.cn-north-1.elb.amazonaws.com.cn", "*.elb.cn-north-1.amazonaws.com.cn")),
        ("us-iso-east-1", ("*.us-iso-east-1.elb.c2s.ic.gov", "*.elb.us-iso-east-1.c2s.ic.gov")),
    ],
)
def test_load_balancers_are_named_after_region_and_partition(region: str, domains: tuple[str, ...]) -> None:
    assert load_balancer_domains(region) == domains


def test_an_unknown_region_names_those_near_it() -> None:
    with pytest.raises(CertificateError, match="us-east-1"):
        load_balancer_domains("us-eats-1")


def test_rsa_and_elliptic_keys() -> None:
    rsa_key = x509.load_pem_x509_certificate(make_certificate(["a.example"]).certificate).public_key()
    assert isinstance(rsa_key, rsa.RSAPublicKey)
    assert rsa_key.key_size == 2048
    pair = make_certificate(["a.example"], kind=KeyKind.EC)
    ec_key = x509.load_pem_x509_certificate(pair.certificate).public_key()
    assert isinstance(ec_key, ec.EllipticCurvePublicKey)
    assert ec_key.curve.name == "secp256r1"
    assert pair.key.startswith(b"-----BEGIN EC PRIVATE KEY-----")


def test_each_domain_is_named_once() -> None:
    pair = make_certificate(["*.a.example", "10.0.0.1", "*.a.example"])
    assert subject_names(pair.certificate) == ["*.a.example", "10.0.0.1"]


@pytest.mark.parametrize(
    "domain", ["", "a b", "https://a.example", "*.*.a", "-a.example", "é.example", "a..b", "x" * 64]
)
def test_what_is_no_domain_is_refused(domain: str) -> None:
    with pytest.raises(CertificateError, match="not a domain name"):
        make_certificate([domain])


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_client_with_strict_checks_trusts_it(tmp_path: Path, kind: KeyKind) -> None:
    certificate, key = save(make_certificate(["*.us-east-1.elb.amazonaws.com"], kind=kind), tmp_path)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate, key)
    client_context = ssl.create_default_context(cafile=str(certificate))
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(incoming, outgoing, server_side=True)
    client = client_context.wrap_bio(outgoing, incoming, server_hostname="lisa-1.us-east-1.elb.amazonaws.com")
    connected = False
    for _ in range(10):
        finished = 0
        for side in (client, server):
            try:
                side.do_handshake()
                finished += 1
            except ssl.SSLWantReadError:
                continue
        if finished == 2:
            connected = True
            break
    assert connected


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        certificate, key = save(make_certificate(["a.example"]), tmp_path / "certs")
    finally:
        os.umask(before)
    assert key.stat().st_mode & 0o777 == 0o600
    assert certificate.stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "certs/.gitignore").read_text() == "server.key\n"


def test_certificate_of_an_earlier_version_can_be_committed(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("server.pem\nserver.key\n")
    save(make_certificate(["a.example"]), tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "server.key\n"


def test_own_ignore_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*\n")
    save(make_certificate(["a.example"]), tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_an_existing_key_is_replaced_only_by_force(tmp_path: Path) -> None:
    first = make_certificate(["a.example"])
    _, key = save(first, tmp_path)
    second = make_certificate(["a.example"])
    with pytest.raises(CertificateError, match="--force"):
        save(second, tmp_path)
    assert key.read_bytes() == first.key
    save(second, tmp_path, force=True)
    assert key.read_bytes() == second.key


def test_a_refusal_of_the_system_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CertificateError, match="cannot be written"):
        save(make_certificate(["a.example"]), tmp_path / "file")
