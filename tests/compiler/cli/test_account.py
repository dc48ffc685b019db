"""`lisa gen-certs` and `lisa vpc describe`."""

from __future__ import annotations

import shlex
from pathlib import Path

import boto3
import pytest
import yaml
from cryptography import x509
from moto import mock_aws

from .conftest import CONFIG, Lisa


def names(path: Path) -> list[str]:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return [
        str(name.value) for name in certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    ]


def test_certificate_for_the_configured_region(lisa: Lisa, project: Path) -> None:
    result = lisa("gen-certs")
    assert result.code == 0
    assert names(project / "certs/server.pem") == [
        *("*.us-east-1.elb.amazonaws.com", "*.elb.us-east-1.amazonaws.com", "*.test.lisa.internal"),
    ]
    assert shlex.split(result.out) == [
        *("aws", "iam", "upload-server-certificate", "--server-certificate-name", "lisa-dev"),
        *("--certificate-body", "file://certs/server.pem", "--private-key", "file://certs/server.key"),
    ]
    assert "sslCertIamArn to arn:aws:iam::<account-number>:server-certificate/lisa-dev" in result.err
    assert "certificateAuthorityBundle to certs/server.pem" in result.err


def test_certificate_has_the_configured_domain_name(lisa: Lisa, project: Path) -> None:
    config = project / "config.yaml"
    text = config.read_text()
    name = "server-certificate/test\n"
    assert name in text
    config.write_text(text.replace(name, f"{name}      domainName: api.example.com\n"))
    assert lisa("gen-certs").code == 0
    assert "api.example.com" in names(project / "certs/server.pem")


def test_certificate_needs_no_configuration(lisa: Lisa, project: Path) -> None:
    (project / "config.yaml").unlink()
    result = lisa("gen-certs", "--region", "us-gov-west-1", "--output", "x", "--key", "ec", "--name", "mine")
    assert result.code == 0
    assert "arn:aws-us-gov:iam::" in result.err
    assert lisa("gen-certs", "--domain", "lisa.example.com").code == 0
    assert names(project / "certs/server.pem") == ["lisa.example.com"]
    unknown = lisa("gen-certs", "--output", "y")
    assert unknown.code == 1
    assert "Pass --region or --domain" in unknown.err


def test_certificate_is_not_overwritten(lisa: Lisa, project: Path) -> None:
    lisa("gen-certs")
    again = lisa("gen-certs")
    assert again.code == 1
    assert "--force" in again.err
    assert lisa("gen-certs", "--force").code == 0


def test_certificate_name_is_one_that_iam_takes(lisa: Lisa, project: Path) -> None:
    result = lisa("gen-certs", "--name", "a b; rm -rf /")
    assert result.code == 1
    assert not (project / "certs").exists()


@pytest.fixture
def vpc_id(monkeypatch: pytest.MonkeyPatch) -> object:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        ec2 = boto3.client("ec2", region_name="us-east-1")
        made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        for number, zone in enumerate(("us-east-1a", "us-east-1b", "us-east-1b")):
            ec2.create_subnet(VpcId=made, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)
        yield made


def test_vpc_of_the_configuration_although_it_is_not_valid_yet(lisa: Lisa, project: Path, vpc_id: str) -> None:
    (project / "config.yaml").write_text(CONFIG.replace("dev:\n", f"dev:\n  vpcId: {vpc_id}\n", 1))
    assert lisa("validate").code == 1
    result = lisa("vpc", "describe", "--env", "dev")
    assert result.code == 0
    block = yaml.safe_load(result.out)["vpc"]
    assert block["vpcId"] == vpc_id
    assert len(block["isolatedSubnetIds"]) == 2
    assert "excluded: subnet-" in result.err


def test_vpc_given_by_hand(lisa: Lisa, project: Path, vpc_id: str) -> None:
    assert yaml.safe_load(lisa("vpc", "describe", "--vpc-id", vpc_id).out)["vpc"]["cidrBlock"] == "10.0.0.0/16"


def test_vpc_that_nobody_named(lisa: Lisa, project: Path) -> None:
    result = lisa("vpc", "describe")
    assert result.code == 1
    assert "--vpc-id" in result.err
