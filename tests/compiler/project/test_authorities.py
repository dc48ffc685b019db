"""Configured certificate authorities: each file that clients could not trust is an error with its fix."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12
from tests.aws_fidelity.private_authority import NOW, Issued, authority, authority_without, server, serving
from tests.compiler.conftest import Project, configuration, templates

from lisa_compiler.compile.inputs import input_paths
from lisa_compiler.project.authorities import covers, parse, read_authorities, require_valid, strict_fault
from lisa_compiler.project.local_files import LocalFileError
from lisa_compiler.starter.certificates import make_certificate
from lisa_schema.errors import ConfigurationError

ROOT = authority()
FILE = "certificates/root.pem"


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    """Write the configured file."""

    def write(content: bytes) -> Path:
        (tmp_path / "certificates").mkdir(exist_ok=True)
        (tmp_path / FILE).write_bytes(content)
        return tmp_path

    return write


@pytest.fixture
def compiling(put: Callable[[bytes], Path]) -> Callable[..., dict[str, bytes]]:
    """Compile the minimal configuration with a file of authorities; the files."""

    def compile_with(content: bytes, **changes: Any) -> dict[str, bytes]:
        project = Project(put(content)).write(certificateAuthorityBundle=FILE, **changes)
        return dict(project.compile().files)

    return compile_with


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(LocalFileError) as refused:
        call()
    return str(refused.value), refused.value.fix


def test_chain_of_a_root_and_an_intermediate_is_accepted(put: Callable[[bytes], Path]) -> None:
    below = authority("Test intermediate", issuer=ROOT)
    found = read_authorities(put(ROOT.pem + b"comment\n" + below.pem + ROOT.pem), FILE)
    assert found == (ROOT.certificate, below.certificate)


def test_self_signed_server_is_accepted(put: Callable[[bytes], Path]) -> None:
    assert len(read_authorities(put(server(None, "a.example.com").pem), FILE)) == 1


@pytest.mark.parametrize(
    ("content", "message", "fix"),
    [
        (b"", "contains no PEM certificate", "PEM file"),
        (b"hello", "contains no PEM certificate", "PEM file"),
        (ROOT.certificate.public_bytes(Encoding.DER), "contains no PEM certificate", "openssl x509 -inform der"),
        (ROOT.pem[:200] + b"\n-----END CERTIFICATE-----\n", "cannot be read", "Export"),
        (server(ROOT, "a.example.com").pem, "neither self-signed nor a CA certificate", "CN=Test root"),
        (authority("Below", issuer=ROOT).pem, "without its root CA", "CN=Test root"),
    ],
    ids=["empty", "text", "der", "damaged", "leaf", "no-root"],
)
def test_file_that_clients_cannot_trust(content: bytes, message: str, fix: str, put: Callable[[bytes], Path]) -> None:
    said, advice = refusal(lambda: read_authorities(put(content), FILE))
    assert message in said
    assert fix in advice


def keys() -> dict[str, bytes]:
    key, password = ROOT.key, BestAvailableEncryption(b"secret")
    return {
        "pkcs8": ROOT.key_pem,
        "ec": key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, _plain()),
        "encrypted": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, password),
        "openssh": key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, _plain()),
        "der": authority_rsa_der(),
        "short der": key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, _plain()),
        "pkcs12": pkcs12.serialize_key_and_certificates(b"x", key, ROOT.certificate, [ROOT.certificate], password),
        "beside its certificate": ROOT.pem + ROOT.key_pem,
    }


def authority_rsa_der() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, 2048).private_bytes(Encoding.DER, PrivateFormat.PKCS8, _plain())


def _plain() -> Any:
    from cryptography.hazmat.primitives.serialization import NoEncryption

    return NoEncryption()


@pytest.mark.parametrize("kind", keys())
def test_private_key_is_named_as_one(kind: str, put: Callable[[bytes], Path]) -> None:
    said, fix = refusal(lambda: read_authorities(put(keys()[kind]), FILE))
    assert "contains a private key" in said
    assert "Git history" in fix


def test_missing_file_is_an_error_even_with_a_checksum(tmp_path: Path) -> None:
    (tmp_path / "certificates").mkdir()
    (tmp_path / f"{FILE}.sha256").write_text("0" * 64)
    said, _ = refusal(lambda: read_authorities(tmp_path, FILE))
    assert "is not in the project" in said


@pytest.mark.parametrize(
    ("now", "message"),
    [
        (NOW + datetime.timedelta(days=31), "expired on"),
        (NOW - datetime.timedelta(days=2), "not valid before"),
    ],
)
def test_certificate_must_be_valid_now(now: datetime.datetime, message: str) -> None:
    said, _ = refusal(lambda: require_valid(FILE, [ROOT.certificate], now))
    assert message in said
    assert "Test root" in said
    require_valid(FILE, [ROOT.certificate], NOW)


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("api.example.com", "API.example.com", True),
        ("*.example.com", "api.example.com", True),
        ("*.example.com", "a.api.example.com", False),
        ("*.example.com", "example.com", False),
        ("other.example.com", "api.example.com", False),
    ],
)
def test_names_cover_hosts_as_tls_clients_compare_them(name: str, host: str, expected: bool) -> None:
    assert covers([name], host) is expected


def test_compile_error_is_placed_at_the_key(compiling: Callable[..., dict[str, bytes]]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        compiling(ROOT.key_pem)
    (diagnostic,) = [one for one in refused.value.diagnostics if one.is_error]
    assert diagnostic.code == "LISA401"
    assert diagnostic.key_path == "certificateAuthorityBundle"
    assert "private key" in diagnostic.message


def test_compile_rejects_an_expired_authority(compiling: Callable[..., dict[str, bytes]]) -> None:
    expired = authority("Old root", start=NOW - datetime.timedelta(days=10), days=5)
    with pytest.raises(ConfigurationError) as refused:
        compiling(expired.pem)
    assert "expired" in next(one.message for one in refused.value.diagnostics if one.is_error)


def test_only_certificates_reach_the_output(compiling: Callable[..., dict[str, bytes]]) -> None:
    files = compiling(b"password: hunter2\n" + ROOT.pem)
    assert not any(b"hunter2" in content for content in files.values())
    bundle = files["trust/lisa/ca-bundle.pem"]
    assert ROOT.certificate in parse(bundle[: len(ROOT.pem) + 200])
    assert "Test root, expires" in files["SUMMARY.md"].decode()


def test_without_a_file_nothing_is_added(compiled: Callable[..., Any]) -> None:
    files = compiled().files
    assert not [path for path in files if path.startswith("trust/")]
    assert not [path for path, content in files.items() if b"CA_BUNDLE" in content and path.endswith(".template.json")]


def rest_api(**balancer: Any) -> dict[str, Any]:
    rest: dict[str, Any] = configuration()["restApiConfig"]
    rest["loadBalancerConfig"] |= balancer
    return rest


OF_BALANCERS = server(None, "*.us-east-1.elb.amazonaws.com")


@pytest.mark.parametrize(
    ("content", "domain", "accepted"),
    [
        (OF_BALANCERS.pem, None, False),
        (OF_BALANCERS.pem, "api.example.com", False),
        (OF_BALANCERS.pem + ROOT.pem, None, False),
        (server(None, "idp.example.com").pem, None, False),
        (server(None, "*.us-east-1.elb.amazonaws.com", "*.test.lisa.internal").pem, None, True),
        (server(None, "*.us-east-1.elb.amazonaws.com", "api.example.com").pem, "api.example.com", True),
        (server(None, "idp.example.com").pem, "api.example.com", True),
        (server(None, "idp.example.com").pem + ROOT.pem, None, True),
        (ROOT.pem, None, True),
    ],
)
def test_certificate_must_have_the_name_where_it_is_known(
    content: bytes, domain: str | None, accepted: bool, compiling: Callable[..., dict[str, bytes]]
) -> None:
    changes = {"restApiConfig": rest_api(domainName=domain)}
    if accepted:
        assert compiling(content, **changes)
        return
    with pytest.raises(ConfigurationError) as refused:
        compiling(content, **changes)
    (diagnostic,) = [one for one in refused.value.diagnostics if one.is_error]
    assert f"none for {domain or 'rest-api.test.lisa.internal'}" in diagnostic.message


def test_same_inputs_give_the_same_bundle(compiling: Callable[..., dict[str, bytes]]) -> None:
    assert compiling(ROOT.pem) == compiling(ROOT.pem)


def test_another_authority_changes_every_place_of_it(compiling: Callable[..., dict[str, bytes]]) -> None:
    other: Issued = authority("Other root")
    first, second = templates(compiling(ROOT.pem)), templates(compiling(other.pem))
    assert {name for name in first if first[name] != second[name]} == {"core", "iam", "model-small", "serve"}


STRICT = {
    "complete": (ROOT, None),
    "Key Usage": (authority_without("Key Usage"), "has no extension Key Usage"),
    "Subject Key Identifier": (authority_without("Subject Key Identifier"), "has no extension Subject Key Identifier"),
    "critical": (authority_without("nothing", critical=False), "has no critical extension Basic Constraints"),
}


def is_accepted(root: Issued, folder: Path, *, strict: bool) -> bool:
    """Whether OpenSSL itself trusts a server of the authority, with the flags of a Python version's default context."""
    with serving(server(root, "localhost"), folder) as port:
        context = ssl.create_default_context(cadata=root.pem.decode())
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if strict:
            context.verify_flags |= ssl.VERIFY_X509_STRICT
        try:
            with socket.create_connection(("localhost", port)) as raw:
                context.wrap_socket(raw, server_hostname="localhost").close()
        except ssl.SSLCertVerificationError:
            return False
        return True


@pytest.mark.parametrize("kind", STRICT)
def test_strict_fault_is_what_openssl_rejects(kind: str, tmp_path: Path) -> None:
    root, fault = STRICT[kind]
    assert strict_fault(root.certificate) == fault
    assert is_accepted(root, tmp_path, strict=False)
    assert is_accepted(root, tmp_path, strict=True) is (fault is None)


def test_certificates_of_gen_certs_are_strict() -> None:
    assert strict_fault(parse(make_certificate(["a.example.com"]).certificate)[0]) is None


def test_authority_must_suit_the_functions_python(compiling: Callable[..., dict[str, bytes]]) -> None:
    root, _ = STRICT["Key Usage"]
    assert compiling(root.pem, lambdaConfig={"pythonRuntime": "PYTHON_3_12"})
    with pytest.raises(ConfigurationError) as refused:
        compiling(root.pem, lambdaConfig={"pythonRuntime": "PYTHON_3_13"})
    (diagnostic,) = [one for one in refused.value.diagnostics if one.is_error]
    assert "has no extension Key Usage: python3.13 rejects it" in diagnostic.message


def test_changed_file_is_compiled_again(planned: Callable[..., Any]) -> None:
    assert FILE in input_paths(planned(certificateAuthorityBundle=FILE).config)
    assert "/etc/pki/ca.pem" not in input_paths(planned(certificateAuthorityBundle="/etc/pki/ca.pem").config)


def test_bundle_fits_a_text_parser(compiling: Callable[..., dict[str, bytes]]) -> None:
    """A subject cannot add lines to the file that the next certificate would be read from."""
    odd = authority("Root\n-----BEGIN CERTIFICATE-----")
    added, _, public = compiling(odd.pem)["trust/lisa/ca-bundle.pem"].partition(b"# Public certificate authorities")
    assert parse(added) == (odd.certificate,)
    assert public.count(b"BEGIN CERTIFICATE") > 100
