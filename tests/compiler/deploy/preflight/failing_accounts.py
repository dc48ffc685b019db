"""For each check, accounts in which it fails: the answers that differ, and what it reports."""

from __future__ import annotations

from typing import Any

from lisa_compiler.deploy.preflight import Status

from . import healthy as account
from .answers import ROOT, customer_key, images, quotas, stack_resources, stacks
from .healthy import ACCOUNT, AUTOSCALING, GPU, KEY, NOW, REGION, STANDARD

CERTIFICATE = "restApiConfig: test"
GPU_SUBJECT = f"model-small: {GPU}"
GPU_QUOTA = "Running On-Demand G and VT instances"

FAILING: dict[str, tuple[str, str, dict[str, Any], Status, str]] = {
    "too small a quota for the fewest instances": (
        "quota",
        GPU_QUOTA,
        quotas(L_DB2E81BA=4),
        Status.FAILS,
        "minCapacity requires 4 vCPUs, but 0 vCPUs are available (4 are in use by other instances).",
    ),
    "too small a quota for an update": (
        "quota",
        GPU_QUOTA,
        quotas(L_DB2E81BA=8),
        Status.WARNING,
        "A rolling update requires 8 vCPUs, but 4 vCPUs are available (4 are in use by other instances).",
    ),
    "no quota but AWS's default": (
        "quota",
        GPU_QUOTA,
        {"service-quotas:ListServiceQuotas": account.quotas({"L-1216C47A": 64})},
        Status.FAILS,
        "minCapacity requires 4 vCPUs, but -4 vCPUs are available (4 are in use by other instances).",
    ),
    "a type that no zone offers": (
        "zone",
        "g5.xlarge",
        {"ec2:DescribeInstanceTypeOfferings": account.offerings(m5_large="ab")},
        Status.FAILS,
        "us-east-1 does not offer it to the account.",
    ),
    "a type that other zones offer": (
        "zone",
        "g5.xlarge",
        {"ec2:DescribeInstanceTypeOfferings": account.offerings(m5_large="ab", g5_xlarge="cd")},
        Status.FAILS,
        "us-east-1a, us-east-1b do not offer it; us-east-1c, us-east-1d do.",
    ),
    "a type that one of the zones offers": (
        "zone",
        "g5.xlarge",
        {"ec2:DescribeInstanceTypeOfferings": account.offerings(m5_large="ab", g5_xlarge="b")},
        Status.WARNING,
        "us-east-1a does not offer it; us-east-1b does.",
    ),
    "an AMI that is not there": (
        "ami",
        GPU_SUBJECT,
        {"ec2:DescribeImages": account.one_by_one("Images", [account.image(STANDARD)])},
        Status.FAILS,
        f"{GPU} does not exist in us-east-1, or is not shared with the account.",
    ),
    "an AMI that was deregistered": ("ami", GPU_SUBJECT, images(State="deregistered"), Status.FAILS, "deregistered."),
    "an AMI of another architecture": ("ami", GPU_SUBJECT, images(Architecture="arm64"), Status.FAILS, "arm64"),
    "an AMI with another root device": (
        "ami",
        GPU_SUBJECT,
        images(RootDeviceName="/dev/sda1"),
        Status.FAILS,
        "Its root device is /dev/sda1, but the launch template sets the size of /dev/xvda.",
    ),
    "an AMI with too large a root volume": (
        "ami",
        GPU_SUBJECT,
        images(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 600}}]),
        Status.FAILS,
        "Its root volume has 600 GiB",
    ),
    "a deprecated AMI": (
        "ami",
        GPU_SUBJECT,
        images(DeprecationTime="2026-01-01T00:00:00.000Z"),
        Status.WARNING,
        "has been deprecated since 2026-01-01.",
    ),
    "an old AMI": ("ami", GPU_SUBJECT, images(CreationDate="2020-01-01T00:00:00.000Z"), Status.WARNING, "days old."),
    "a customer key without a grant": (
        "volume-key",
        KEY,
        customer_key(ROOT),
        Status.FAILS,
        "Auto Scaling has no permission to use the default key of EBS: instances terminate after launch.",
    ),
    "a disabled key": ("volume-key", KEY, customer_key(AUTOSCALING, state="Disabled"), Status.FAILS, "is Disabled"),
    "a service-linked role that is not there": (
        "service-role",
        "AWSServiceRoleForECS",
        {"iam:GetRole": account.no_such("NoSuchEntity")},
        Status.WARNING,
        "The role does not exist. AWS creates it at first use",
    ),
    "a region that is not bootstrapped": (
        "bootstrap",
        "/cdk-bootstrap/hnb659fds/version",
        {"ssm:GetParameter": account.no_such("ParameterNotFound")},
        Status.FAILS,
        "The Region is not bootstrapped.",
    ),
    "an old bootstrap stack": (
        "bootstrap",
        "/cdk-bootstrap/hnb659fds/version",
        {"ssm:GetParameter": {"Parameter": {"Name": "x", "Type": "String", "Value": "5"}}},
        Status.FAILS,
        "The bootstrap stack has version 5, but version 6 is required.",
    ),
    "a stack that is stuck": (
        "stack",
        "test-lisa-iam-dev",
        {**stacks("test-lisa-iam-dev", status="UPDATE_ROLLBACK_FAILED"), **stack_resources()},
        Status.FAILS,
        "Its status is UPDATE_ROLLBACK_FAILED.",
    ),
    "a table that an earlier deployment kept": (
        "name",
        "test-LISAApiTokenTable",
        {"dynamodb:ListTables": {"TableNames": ["other", "test-LISAApiTokenTable"]}},
        Status.FAILS,
        "This DynamoDB table already exists and cannot be created.",
    ),
    "a log group that an earlier deployment kept": (
        "name",
        "/aws/lambda/test-lisa-dev-authorizer",
        {"logs:DescribeLogGroups": {"logGroups": [{"logGroupName": "/aws/lambda/test-lisa-dev-authorizer"}]}},
        Status.FAILS,
        "This log group already exists and cannot be created.",
    ),
    "a bucket of another account": (
        "name",
        "test-lisa-dev-website-123456789012-us-east-1",
        {
            "s3:HeadBucket": account.bucket(
                **{"test-lisa-dev-website-123456789012-us-east-1": account.no_such("403", "Forbidden")}
            )
        },
        Status.FAILS,
        "This S3 bucket already exists",
    ),
    "no bucket of weights": (
        "models-bucket",
        "test-models",
        {"s3:HeadBucket": account.no_such("404", "Not Found")},
        Status.FAILS,
        "It does not exist.",
    ),
    "a bucket of weights elsewhere": (
        "models-bucket",
        "test-models",
        {"s3:HeadBucket": account.bucket(**{"test-models": {"BucketRegion": "eu-west-1"}})},
        Status.WARNING,
        "It is in eu-west-1",
    ),
    "too many VPCs": (
        "network-quota",
        "VPCs of the Region",
        {"ec2:DescribeVpcs": account.one_by_one("Vpcs", [{"VpcId": f"vpc-{n}"} for n in range(5)])},
        Status.FAILS,
        "5 of 5 are in use; the deployment creates 1 more.",
    ),
    "too many addresses": (
        "network-quota",
        "Elastic IP addresses",
        {"ec2:DescribeAddresses": {"Addresses": [{"PublicIp": f"192.0.2.{n}"} for n in range(5)]}},
        Status.FAILS,
        "5 of 5 are in use; the deployment creates 1 more.",
    ),
    "too many load balancers": (
        "network-quota",
        "Application Load Balancers",
        {"elbv2:DescribeLoadBalancers": account.load_balancers(49)},
        Status.FAILS,
        "49 of 50 are in use, and 2 more are created.",
    ),
    "a Lambda function of another stack": (
        "name",
        "test-lisa-dev-authorizer",
        {"lambda:ListFunctions": {"Functions": [{"FunctionName": "test-lisa-dev-authorizer"}]}},
        Status.FAILS,
        "This Lambda function already exists and cannot be created.",
    ),
    "an instance profile of another stack": (
        "name",
        "test-lisa-dev-us-east-1-instance-models",
        {
            "iam:ListInstanceProfiles": {
                "InstanceProfiles": [
                    {
                        "Path": "/",
                        "InstanceProfileName": "test-lisa-dev-us-east-1-instance-models",
                        "InstanceProfileId": "A" * 20,
                        "Arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/test-lisa-dev-us-east-1-instance-models",
                        "CreateDate": NOW,
                        "Roles": [],
                    }
                ],
                "IsTruncated": False,
            }
        },
        Status.FAILS,
        "This instance profile already exists and cannot be created.",
    ),
    "an ECS cluster of another stack": (
        "name",
        "test-lisa-dev-rest-api",
        {"ecs:ListClusters": {"clusterArns": [f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/test-lisa-dev-rest-api"]}},
        Status.FAILS,
        "This ECS cluster already exists and cannot be created.",
    ),
    "an endpoint service that the region does not have": (
        "endpoint",
        f"com.amazonaws.{REGION}.s3",
        {
            "ec2:DescribeVpcEndpointServices": account.one_by_one(
                "ServiceNames", [f"com.amazonaws.{REGION}.dynamodb", f"gov.example.{REGION}.s3"]
            )
        },
        Status.FAILS,
        "us-east-1 has no endpoint service of this name: the VPC cannot be created.",
    ),
    "a certificate that is not there": (
        "certificate",
        CERTIFICATE,
        {"iam:GetServerCertificate": account.no_such("NoSuchEntity")},
        Status.FAILS,
        "server-certificate/test does not exist.",
    ),
    "an expired certificate": (
        "certificate",
        CERTIFICATE,
        {"iam:GetServerCertificate": account.server_certificate("lisa.example.com", days=-2)},
        Status.FAILS,
        "It expired on",
    ),
    "a certificate that expires soon": (
        "certificate",
        CERTIFICATE,
        {"iam:GetServerCertificate": account.server_certificate("*.example.com", days=20)},
        Status.WARNING,
        "It expires on",
    ),
    "a certificate for another name": (
        "certificate",
        CERTIFICATE,
        {"iam:GetServerCertificate": account.server_certificate("*.lisa.example.com", "example.com")},
        Status.FAILS,
        "It is for *.lisa.example.com, example.com, but clients use lisa.example.com.",
    ),
}
