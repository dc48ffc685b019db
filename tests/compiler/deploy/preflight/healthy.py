"""An account in which the small project of tests/compiler/conftest.py deploys, as AWS answers for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.compiler.deploy.strict_aws import Refusal

ACCOUNT = "123456789012"
REGION = "us-east-1"
STANDARD, GPU = "ami-0123456789abcdef0", "ami-0123456789abcdef1"
NOW = datetime.now(UTC)
SECRET = "never-in-a-file-of-facts"
"""Stands in answers where an account can have something secret."""

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd"
OTHER_KEY = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/9876"
AUTOSCALING = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def pem(*names: str) -> str:
    """A certificate for DNS names."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), NOW, NOW)
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    made = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def server_certificate(*names: str, days: int = 300) -> dict[str, Any]:
    metadata = {
        "Path": "/",
        "ServerCertificateName": "test",
        "ServerCertificateId": "A" * 20,
        "Arn": f"arn:aws:iam::{ACCOUNT}:server-certificate/test",
        "Expiration": NOW + timedelta(days=days),
    }
    body = pem(*names)
    return {"ServerCertificate": {"ServerCertificateMetadata": metadata, "CertificateBody": body}}


def image(image_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "ImageId": image_id,
        "Name": f"al2023-ami-ecs-{image_id[-1]}",
        "OwnerId": "591542846629",
        "CreationDate": (NOW - timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "State": "available",
        "Architecture": "x86_64",
        "RootDeviceName": "/dev/xvda",
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30}}],
    } | changes


def one_by_one(key: str, items: list[Any], token: str = "NextToken", given: str = "NextToken") -> Any:
    """Answer a page for each item, so that a reader that stops at the first misses the others."""

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        at = int(asked.get(given) or 0)
        more = {token: str(at + 1)} if at + 1 < len(items) else {}
        return {key: items[at : at + 1], **more}

    return answer


def quotas(values: dict[str, float]) -> Any:
    return one_by_one("Quotas", [{"QuotaCode": code, "Value": value} for code, value in values.items()])


def instance(instance_type: str, cores: int, group: str = "", **changes: Any) -> dict[str, Any]:
    tags = [{"Key": "aws:autoscaling:groupName", "Value": group}] if group else []
    cpu = {"CoreCount": cores, "ThreadsPerCore": 2}
    tags.append({"Key": "password", "Value": SECRET})
    return {"Instances": [{"InstanceType": instance_type, "CpuOptions": cpu, "Tags": tags, **changes}]}


def offerings(**zones: str) -> Any:
    """Zones by letter for each type, written as `g5_xlarge="ab"`."""
    items = [
        {"InstanceType": name.replace("_", "."), "LocationType": "availability-zone", "Location": f"{REGION}{zone}"}
        for name, letters in zones.items()
        for zone in letters
    ]
    return one_by_one("InstanceTypeOfferings", items)


def no_such(code: str, message: str = "It does not exist.") -> Refusal:
    return Refusal(code, message)


def role(asked: dict[str, Any]) -> dict[str, Any]:
    name = asked["RoleName"]
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    return {"Role": {"Path": "/", "RoleName": name, "RoleId": "A" * 20, "Arn": arn, "CreateDate": NOW}}


def parameter(asked: dict[str, Any]) -> dict[str, Any]:
    return {"Parameter": {"Name": asked["Name"], "Type": "String", "Value": "21", "Version": 1}}


def default_subnets(asked: dict[str, Any]) -> dict[str, Any]:
    assert asked["Filters"] == [{"Name": "default-for-az", "Values": ["true"]}]
    return one_by_one("Subnets", [{"AvailabilityZone": f"{REGION}{zone}"} for zone in "ba"])(asked)


def bucket(**existing: dict[str, Any] | Refusal) -> Any:
    def answer(asked: dict[str, Any]) -> Any:
        there: dict[str, Any] = {"test-models": {"BucketRegion": REGION}} | existing
        return there.get(asked["Bucket"], Refusal("404", "Not Found"))

    return answer


def load_balancers(count: int, kind: str = "application") -> Any:
    start = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app"
    items = [{"LoadBalancerArn": f"{start}/other-{n}/50dc6c495c0c9188", "Type": kind} for n in range(count)]
    return one_by_one("LoadBalancers", items, "NextMarker", "Marker")


def key(asked: dict[str, Any], **changes: Any) -> dict[str, Any]:
    arn = asked["KeyId"]
    found = {"KeyId": arn.rpartition("/")[2], "Arn": arn, "KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT"}
    return {"KeyMetadata": found | changes}


def key_policy(*principals: str) -> dict[str, Any]:
    statements = [{"Effect": "Allow", "Principal": {"AWS": one}, "Action": "kms:*"} for one in principals]
    return {"Policy": json.dumps({"Statement": statements})}


def healthy() -> dict[str, Any]:
    """Every answer, by operation."""
    return {
        "sts:GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/x", "UserId": "x"},
        "service-quotas:ListAWSDefaultServiceQuotas": quotas(
            {"L-1216C47A": 5, "L-DB2E81BA": 0, "L-F678F1CE": 5, "L-0263D0A3": 5, "L-53DA6B97": 50}
        ),
        "service-quotas:ListServiceQuotas": quotas({"L-1216C47A": 64, "L-DB2E81BA": 64}),
        "ec2:DescribeInstances": one_by_one("Reservations", [instance("m5.xlarge", 2), instance("g5.xlarge", 2)]),
        "ec2:DescribeImages": one_by_one("Images", [image(STANDARD), image(GPU)]),
        "ec2:DescribeSubnets": default_subnets,
        "ec2:DescribeInstanceTypeOfferings": offerings(m5_large="abc", g5_xlarge="ab"),
        "ec2:DescribeVpcEndpointServices": one_by_one(
            "ServiceNames", [f"com.amazonaws.{REGION}.dynamodb", f"com.amazonaws.{REGION}.s3", f"x.vpce-svc-{SECRET}"]
        ),
        "ec2:DescribeVpcs": one_by_one("Vpcs", [{"VpcId": "vpc-1"}, {"VpcId": "vpc-2"}]),
        "ec2:DescribeAddresses": {"Addresses": [{"PublicIp": "192.0.2.1"}]},
        "ec2:GetEbsDefaultKmsKeyId": {"KmsKeyId": "alias/aws/ebs"},
        "iam:GetRole": role,
        "iam:GetServerCertificate": server_certificate("lisa.example.com"),
        "iam:ListInstanceProfiles": {"InstanceProfiles": [], "IsTruncated": False},
        "iam:ListPolicies": {"Policies": [], "IsTruncated": False},
        "iam:ListRoles": {"Roles": [], "IsTruncated": False},
        "lambda:ListFunctions": {"Functions": []},
        "ecs:ListClusters": {"clusterArns": []},
        "elbv2:DescribeLoadBalancers": load_balancers(1),
        "autoscaling:DescribeAutoScalingGroups": {"AutoScalingGroups": []},
        "apigateway:GetDomainNames": {"items": []},
        "ssm:GetParameter": parameter,
        "ssm:DescribeParameters": one_by_one("Parameters", []),
        "cloudformation:DescribeStacks": one_by_one("Stacks", []),
        "dynamodb:ListTables": {"TableNames": []},
        "dynamodb:DescribeTable": {"Table": {"TableName": "lisa-deployments", "TableStatus": "ACTIVE"}},
        "kms:DescribeKey": key,
        "logs:DescribeLogGroups": {"logGroups": []},
        "rds:DescribeDBInstances": {"DBInstances": []},
        "secretsmanager:ListSecrets": {"SecretList": []},
        "s3:HeadBucket": bucket(),
    }
