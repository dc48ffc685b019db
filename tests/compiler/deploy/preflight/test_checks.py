"""What would fail in an account: every check when all is well, when it fails, and when a permission is missing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.compiler.deploy.strict_aws import DENIED

from lisa_compiler.deploy.preflight import Status
from lisa_compiler.deploy.preflight.checks_capacity import quota_of
from lisa_compiler.deploy.preflight.requirements import named_resources

from . import healthy as account
from .conftest import Examine
from .healthy import ACCOUNT, AUTOSCALING, GPU, KEY, NOW, REGION, STANDARD

pytestmark = pytest.mark.filterwarnings("ignore:.*does not match an error shape")

CERTIFICATE = "restApiConfig: test"
GPU_SUBJECT = f"model-small: {GPU}"
GPU_QUOTA = "Running On-Demand G and VT instances"
SEARCH_ROLE = "AWSServiceRoleForAmazonOpenSearchService"


def stacks(*names: str, status: str = "UPDATE_COMPLETE") -> dict[str, Any]:
    found = [{"StackName": name, "StackStatus": status, "CreationTime": NOW} for name in names]
    return {"cloudformation:DescribeStacks": account.one_by_one("Stacks", found)}


def stack_resources(*physical_ids: str) -> dict[str, Any]:
    found = [
        {
            "LogicalResourceId": f"R{index}",
            "PhysicalResourceId": one,
            "ResourceType": "AWS::X::Y",
            "LastUpdatedTimestamp": NOW,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for index, one in enumerate(physical_ids)
    ]
    return {"cloudformation:ListStackResources": account.one_by_one("StackResourceSummaries", found)}


def customer_key(*principals: str, state: str = "Enabled", grants: tuple[str, ...] = ()) -> dict[str, Any]:
    metadata = {"KeyId": "1234abcd", "Arn": KEY, "KeyManager": "CUSTOMER", "KeyState": state}
    granted = [{"KeyId": KEY, "GrantId": "g", "GranteePrincipal": one} for one in grants]
    return {
        "ec2:GetEbsDefaultKmsKeyId": {"KmsKeyId": KEY},
        "kms:DescribeKey": {"KeyMetadata": metadata},
        "kms:GetKeyPolicy": account.key_policy(*principals),
        "kms:ListGrants": {"Grants": granted, "Truncated": False},
    }


def images(**changes: Any) -> dict[str, Any]:
    found = [account.image(STANDARD), account.image(GPU, **changes)]
    return {"ec2:DescribeImages": account.one_by_one("Images", found)}


def quotas(**values: float) -> dict[str, Any]:
    found = {"L-1216C47A": 64.0, "L-DB2E81BA": 64.0} | {code.replace("_", "-"): value for code, value in values.items()}
    return {"service-quotas:ListServiceQuotas": account.quotas(found)}


ROOT = f"arn:aws:iam::{ACCOUNT}:root"

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


def test_a_healthy_account_has_nothing_to_fix(examine: Examine) -> None:
    found = examine({"route53:ListHostedZones": {**zones("example.com"), "IsTruncated": False, "MaxItems": "100"}})
    assert [one for one in found.results if one.status is not Status.OK and one.check != "domain"] == []
    assert {one.check for one in found.results} == {
        *("quota", "zone", "ami", "volume-key", "service-role", "bootstrap", "name", "models-bucket"),
        *("network-quota", "endpoint", "certificate", "domain"),
    }


def zones(*names: str, private: bool = False) -> dict[str, Any]:
    found = [
        {"Id": f"/hostedzone/{name}", "Name": f"{name}.", "CallerReference": "x", "Config": {"PrivateZone": private}}
        for name in names
    ]
    return {"HostedZones": found, "Marker": "", "IsTruncated": False, "MaxItems": "100"}


@pytest.mark.parametrize("case", FAILING)
def test_what_would_fail_is_told_with_a_fix(examine: Examine, case: str) -> None:
    check, subject, answers, status, message = FAILING[case]
    result = examine(answers).of(check)[subject]
    assert (result.status, message in result.message, bool(result.fix)) == (status, True, True), result


BUCKET_DENIED = {"s3:HeadBucket": account.bucket(**{"test-models": DENIED})}
UNKNOWN: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "service-quotas:ListServiceQuotas": ("quota", "servicequotas:ListServiceQuotas", None),
    "ec2:DescribeInstances": ("quota", "ec2:DescribeInstances", None),
    "ec2:DescribeInstanceTypeOfferings": ("zone", "ec2:DescribeInstanceTypeOfferings", None),
    "ec2:DescribeSubnets": ("zone", "ec2:DescribeSubnets", None),
    "ec2:DescribeImages": ("ami", "ec2:DescribeImages", None),
    "ec2:GetEbsDefaultKmsKeyId": ("volume-key", "ec2:GetEbsDefaultKmsKeyId", None),
    "kms:DescribeKey": ("volume-key", "kms:DescribeKey", {**customer_key(ROOT), "kms:DescribeKey": DENIED}),
    "kms:GetKeyPolicy": ("volume-key", "kms:GetKeyPolicy", {**customer_key(ROOT), "kms:GetKeyPolicy": DENIED}),
    "kms:ListGrants": ("volume-key", "kms:ListGrants", {**customer_key(ROOT), "kms:ListGrants": DENIED}),
    "iam:GetRole": ("service-role", "iam:GetRole", None),
    "ssm:GetParameter": ("bootstrap", "ssm:GetParameter", None),
    "dynamodb:ListTables": ("name", "dynamodb:ListTables", None),
    "iam:ListRoles": ("name", "iam:ListRoles", None),
    "logs:DescribeLogGroups": ("name", "logs:DescribeLogGroups", None),
    "ssm:DescribeParameters": ("name", "ssm:DescribeParameters", None),
    "s3:HeadBucket": ("models-bucket", "s3:ListBucket", BUCKET_DENIED),
    "lambda:ListFunctions": ("name", "lambda:ListFunctions", None),
    "iam:ListInstanceProfiles": ("name", "iam:ListInstanceProfiles", None),
    "ecs:ListClusters": ("name", "ecs:ListClusters", None),
    "autoscaling:DescribeAutoScalingGroups": ("name", "autoscaling:DescribeAutoScalingGroups", None),
    "elbv2:DescribeLoadBalancers": (
        "network-quota",
        "elasticloadbalancing:DescribeLoadBalancers",
        None,
    ),
    "ec2:DescribeVpcs": ("network-quota", "ec2:DescribeVpcs", None),
    "ec2:DescribeAddresses": ("network-quota", "ec2:DescribeAddresses", None),
    "ec2:DescribeVpcEndpointServices": ("endpoint", "ec2:DescribeVpcEndpointServices", None),
    "iam:GetServerCertificate": ("certificate", "iam:GetServerCertificate", None),
    "route53:ListHostedZones": ("domain", "route53:ListHostedZones", None),
}


@pytest.mark.parametrize("operation", UNKNOWN)
def test_a_missing_permission_is_unknown_and_named(examine: Examine, operation: str) -> None:
    check, permission, others = UNKNOWN[operation]
    found = examine({operation: DENIED, **(others or {})})
    unknown = [one for one in found.of(check).values() if one.status is Status.UNKNOWN]
    assert unknown
    assert all(permission in one.message for one in unknown)
    assert not [one for one in found.results if one.status is Status.FAILS]


def test_a_service_that_does_not_answer_is_unknown(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", "http://localhost:1")
    found = examine()
    assert {one.status for one in found.of("quota").values()} == {Status.UNKNOWN}
    assert all("AWS did not respond: EndpointConnectionError" in one.message for one in found.of("quota").values())


def test_an_error_is_unknown_and_its_message_is_left_out(examine: Examine) -> None:
    failure = account.no_such("InternalError", "about user someone")
    (result,) = examine({"ec2:GetEbsDefaultKmsKeyId": failure}).of("volume-key").values()
    assert result.message.endswith("AWS answered InternalError (ec2:GetEbsDefaultKmsKeyId).")


def test_instances_of_the_deployment_itself_do_not_take_its_quota(examine: Examine) -> None:
    own = account.instance("g5.xlarge", 30, group="test-lisa-dev-small")
    spot = account.instance("g5.xlarge", 30, InstanceLifecycle="spot")
    found = examine({"ec2:DescribeInstances": account.one_by_one("Reservations", [own, spot])})
    assert found.of("quota")[GPU_QUOTA].message == "4 to 8 vCPUs are required; 64 vCPUs are available."


@pytest.mark.parametrize(
    ("instance_type", "code"),
    [
        ("m5.large", "L-1216C47A"),
        ("im4gn.large", "L-1216C47A"),
        ("t3.micro", "L-1216C47A"),
        ("g5.xlarge", "L-DB2E81BA"),
        ("gr6.4xlarge", "L-DB2E81BA"),
        ("g4dn.xlarge", "L-DB2E81BA"),
        ("p4d.24xlarge", "L-417A185B"),
        ("p5en.48xlarge", "L-417A185B"),
        ("inf2.xlarge", "L-1945791B"),
        ("trn1.2xlarge", "L-2C3B7624"),
        ("x2idn.16xlarge", "L-7295265B"),
        ("dl1.24xlarge", "L-6E869C2A"),
    ],
)
def test_each_family_has_its_quota(instance_type: str, code: str) -> None:
    assert quota_of(instance_type)[0] == code


@pytest.mark.parametrize("answers", [customer_key(ROOT, AUTOSCALING), customer_key(ROOT, grants=(ROOT, AUTOSCALING))])
def test_a_customer_key_that_auto_scaling_may_use_is_fine(examine: Examine, answers: dict[str, Any]) -> None:
    assert examine(answers).of("volume-key")[KEY].status is Status.OK


def test_what_the_deployments_own_stacks_have_is_not_taken(examine: Examine) -> None:
    answers = {
        **stacks("test-lisa-core-dev", "other-stack"),
        **stack_resources("test-LISAApiTokenTable"),
        "dynamodb:ListTables": {"TableNames": ["test-LISAApiTokenTable"]},
    }
    found = examine(answers)
    assert found.of("name")["3 DynamoDB tables"].status is Status.OK
    asked = {parameters["StackName"] for name, parameters in found.requests if name.endswith(":ListStackResources")}
    assert asked == {"test-lisa-core-dev"}


def test_names_that_exist_are_unknown_without_the_stacks(examine: Examine) -> None:
    taken = {"dynamodb:ListTables": {"TableNames": ["test-LISAApiTokenTable"]}}
    found = examine({**taken, "cloudformation:DescribeStacks": DENIED})
    result = found.of("name")["3 DynamoDB tables"]
    assert (result.status, "cloudformation:DescribeStacks" in result.message) == (Status.UNKNOWN, True)


def test_a_network_that_is_deployed_needs_no_more_addresses(examine: Examine) -> None:
    five = [{"PublicIp": f"192.0.2.{n}"} for n in range(5)]
    made = {**stacks("test-lisa-networking-dev"), **stack_resources()}
    assert examine({"ec2:DescribeAddresses": {"Addresses": five}, **made}).of("network-quota").keys() == {
        "Application Load Balancers"
    }


def test_load_balancers_of_the_deployment_itself_do_not_take_its_quota(examine: Examine) -> None:
    answers = {"elbv2:DescribeLoadBalancers": account.load_balancers(49)}
    arns = account.load_balancers(49)({})["LoadBalancers"]
    own = {**stacks("test-lisa-networking-dev", "test-lisa-serve-dev"), **stack_resources(arns[0]["LoadBalancerArn"])}
    result = examine({**answers, **own}).of("network-quota")["Application Load Balancers"]
    assert (result.status, result.message) == (Status.OK, "49 of 50 are in use.")


def test_a_managed_policy_that_another_stack_has_is_taken() -> None:
    template = {"Resources": {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": "taken"}}}}
    assert named_resources({"serve": template}) == {"AWS::IAM::ManagedPolicy": ("taken",)}


def test_an_unpinned_ami_fails(examine: Examine) -> None:
    results = examine(pinned=False).of("ami")
    assert {one.status for one in results.values()} == {Status.FAILS}
    assert all("lisa ami refresh --env dev" in one.fix for one in results.values())


def parameters(**values: str) -> Any:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        kinds = {name: "gpu" if "/gpu/" in name else "standard" for name in asked["Names"]}
        return {"Parameters": [{"Name": name, "Value": values[kind], "Version": 1} for name, kind in kinds.items()]}

    return answer


def test_a_pinned_ami_that_is_not_the_newest_is_told(examine: Examine) -> None:
    newer = "ami-0123456789abcdef2"
    found = examine({"ssm:GetParameters": parameters(standard=STANDARD, gpu=newer)}).of("ami")
    assert (found[GPU_SUBJECT].status, newer in found[GPU_SUBJECT].message) == (Status.WARNING, True)
    assert found[f"serve: {STANDARD}"].status is Status.OK


def test_an_ami_that_is_read_at_deployment_is_checked_as_it_is_now(examine: Examine) -> None:
    answers = {"ssm:GetParameters": parameters(standard=STANDARD, gpu=GPU), **images(State="failed")}
    results = examine(answers, of="dynamic").of("ami")
    assert [one.status for one in results.values()] == [Status.FAILS, Status.OK]


def test_an_ami_that_is_read_at_deployment_is_unknown_without_the_permission(examine: Examine) -> None:
    results = examine({"ssm:GetParameters": DENIED}, of="dynamic").of("ami")
    assert {one.status for one in results.values()} == {Status.UNKNOWN}
    assert all("ssm:GetParameters" in one.message for one in results.values())


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"Policy": {"PolicyName": "Boundary"}}, Status.OK),
        (account.no_such("NoSuchEntity"), Status.FAILS),
        (DENIED, Status.UNKNOWN),
    ],
)
def test_the_permissions_boundary_exists(examine: Examine, answer: Any, status: Status) -> None:
    found = examine({"iam:GetPolicy": answer}, of="bounded")
    assert found.of("boundary")["Boundary"].status is status
    asked = [parameters for name, parameters in found.requests if name == "iam:GetPolicy"]
    assert asked == [{"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/Boundary"}]


def test_a_search_domain_needs_its_role(examine: Examine) -> None:
    def role(asked: dict[str, Any]) -> Any:
        return account.no_such("NoSuchEntity") if asked["RoleName"] == SEARCH_ROLE else account.role(asked)

    found = examine({"iam:GetRole": role, "opensearch:ListDomainNames": {"DomainNames": []}}, of="search")
    result = found.of("service-role")[SEARCH_ROLE]
    assert result.status is Status.FAILS
    assert "aws iam create-service-linked-role --aws-service-name opensearchservice.amazonaws.com" in result.fix


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (zones("example.com", "other.com"), Status.WARNING, "the account has the zone example.com."),
        (zones("other.com"), Status.WARNING, "the account has no public zone"),
        (zones("example.com", private=True), Status.WARNING, "the account has no public zone"),
    ],
)
def test_a_name_that_does_not_resolve_is_told(
    examine: Examine, monkeypatch: pytest.MonkeyPatch, answer: Any, status: Status, message: str
) -> None:
    import socket

    found_by = socket.getaddrinfo

    def resolve(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "lisa.example.com":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return found_by(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    result = examine({"route53:ListHostedZones": answer}).of("domain")["lisa.example.com"]
    assert (result.status, message in result.message) == (status, True)
