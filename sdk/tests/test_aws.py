"""The certificate of a load balancer, and tokens of Cognito."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lisapy import LisaError
from lisapy.authentication import get_cognito_token
from lisapy.utils import get_cert_path


class Iam:
    def __init__(self, **certificate: str) -> None:
        self.certificate = certificate
        self.asked = ""

    def get_server_certificate(self, **arguments: str) -> dict[str, Any]:
        self.asked = arguments["ServerCertificateName"]
        return {"ServerCertificate": self.certificate}


@pytest.mark.parametrize("arn", ["", "arn:aws:acm:us-east-1:123456789012:certificate/1", "arn:aws-iso:acm:r:1:c/1"])
def test_public_certificate(monkeypatch: pytest.MonkeyPatch, arn: str) -> None:
    monkeypatch.setenv("RESTAPI_SSL_CERT_ARN", arn)
    assert get_cert_path(None) is True


def test_certificate_in_iam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTAPI_SSL_CERT_ARN", "arn:aws:iam::123456789012:server-certificate/some/path/lisa-dev")
    iam = Iam(CertificateBody="BODY\n", CertificateChain="CHAIN")
    path = get_cert_path(iam)
    assert iam.asked == "lisa-dev"
    assert Path(str(path)).read_text() == "BODY\nCHAIN\n"


def test_arn_of_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTAPI_SSL_CERT_ARN", "arn:aws:s3:::bucket")
    with pytest.raises(LisaError, match="must be the ARN of a server certificate"):
        get_cert_path(Iam())


def test_file_goes_with_the_program() -> None:
    code = (
        "from lisapy.utils import get_cert_path\n"
        "class Iam:\n"
        "    def get_server_certificate(self, **_):\n"
        "        return {'ServerCertificate': {'CertificateBody': 'BODY'}}\n"
        "print(get_cert_path(Iam()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "RESTAPI_SSL_CERT_ARN": "arn:aws:iam::1:server-certificate/x",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().endswith(".pem")
    assert not Path(done.stdout.strip()).exists()


def test_cognito(monkeypatch: pytest.MonkeyPatch) -> None:
    boto3 = pytest.importorskip("boto3")
    from botocore.stub import Stubber

    client = boto3.client(
        "cognito-idp", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr(boto3, "client", lambda *arguments, **named: made.append((arguments, named)) or client)
    asked = {
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": "client",
        "AuthParameters": {"USERNAME": "user", "PASSWORD": "secret"},
    }
    answer = {"AuthenticationResult": {"IdToken": "token"}}
    with Stubber(client) as stubber:
        stubber.add_response("initiate_auth", answer, asked)
        got = get_cognito_token("client", "user", "secret", region="eu-west-1")
    assert got["AuthenticationResult"]["IdToken"] == "token"
    assert json.loads(json.dumps(made[0][1])) == {"region_name": "eu-west-1"}
