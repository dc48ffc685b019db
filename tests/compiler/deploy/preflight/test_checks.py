"""What would fail in an account: every check when all is well, when it fails, and when a permission is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.compiler.deploy.strict_aws import DENIED

from lisa_compiler.deploy.preflight import Facts, Requirements, Status, check
from lisa_compiler.deploy.preflight.checks_capacity import quota_of
from lisa_compiler.deploy.preflight.templates import named_resources

from . import healthy as account
from .answers import ROOT, customer_key, images, parameters, stack_resources, stacks, zones
from .conftest import Examine
from .failing_accounts import FAILING, GPU_QUOTA, GPU_SUBJECT
from .healthy import ACCOUNT, AUTOSCALING, GPU, KEY, OTHER_KEY, STANDARD

pytestmark = pytest.mark.filterwarnings("ignore:.*does not match an error shape")
SEARCH_ROLE = "AWSServiceRoleForAmazonOpenSearchService"


def test_a_healthy_account_has_nothing_to_fix(examine: Examine) -> None:
    found = examine({"route53:ListHostedZones": {**zones("example.com"), "IsTruncated": False, "MaxItems": "100"}})
    assert [one for one in found.results if one.status is not Status.OK and one.check != "domain"] == []
    assert {one.check for one in found.results} == {
        *("quota", "zone", "ami", "volume-key", "service-role", "bootstrap", "ledger", "name", "models-bucket"),
        *("network-quota", "endpoint", "certificate", "domain"),
    }


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
    "dynamodb:DescribeTable": ("ledger", "dynamodb:DescribeTable", None),
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"KeyState": "Disabled"}, "its state is Disabled"),
        ({"KeyState": "PendingDeletion"}, "its state is PendingDeletion"),
        ({"KeySpec": "RSA_2048"}, "asymmetric"),
        ({"KeySpec": "HMAC_256"}, "asymmetric, or signs only"),
    ],
)
def test_a_key_that_cannot_be_used_fails(examine: Examine, changes: dict[str, Any], message: str) -> None:
    found = examine({"kms:DescribeKey": lambda asked: account.key(asked, **changes)}, of="keys").of("key")
    assert {one.status for one in found.values()} == {Status.FAILS}
    assert message in found[KEY].message
    assert "accessConfig.auditContentStore.keyArn" in found[KEY].fix
    assert "secretKeyArns[0]" in found[OTHER_KEY].fix


def test_a_key_that_does_not_exist_fails(examine: Examine) -> None:
    found = examine({"kms:DescribeKey": account.no_such("NotFoundException")}, of="keys").of("key")
    assert [one.message for one in found.values()] == ["The key does not exist."] * 2


def test_keys_that_can_be_used_are_fine(examine: Examine) -> None:
    assert {one.status for one in examine(of="keys").of("key").values()} == {Status.OK}


def test_keys_are_unknown_without_the_permission(examine: Examine) -> None:
    found = examine({"kms:DescribeKey": DENIED}, of="keys").of("key")
    assert [(one.status, "kms:DescribeKey" in one.message) for one in found.values()] == [(Status.UNKNOWN, True)] * 2


def test_what_facts_of_an_earlier_version_lack_is_unknown(
    examine: Examine, required: Callable[..., Requirements]
) -> None:
    facts = examine(of="keys").facts
    earlier = Facts.model_validate(facts.model_dump(exclude={"has_ledger", "keys"}))
    unknown = {one.check for one in check(required("keys"), earlier) if one.status is Status.UNKNOWN}
    assert unknown >= {"ledger", "key"}


def test_an_account_without_the_table_of_deployments_fails(examine: Examine) -> None:
    (found,) = examine({"dynamodb:DescribeTable": account.no_such("ResourceNotFoundException")}).of("ledger").values()
    assert (found.status, "lisa bootstrap --env dev" in found.fix) == (Status.FAILS, True)


def test_what_the_deployments_own_stacks_have_is_not_taken(examine: Examine) -> None:
    answers = {
        **stacks("test-lisa-core-dev", "other-stack"),
        **stack_resources("test-LISAApiTokenTable"),
        "dynamodb:ListTables": {"TableNames": ["test-LISAApiTokenTable"]},
    }
    found = examine(answers)
    assert found.of("name")["6 DynamoDB tables"].status is Status.OK
    asked = {parameters["StackName"] for name, parameters in found.requests if name.endswith(":ListStackResources")}
    assert asked == {"test-lisa-core-dev"}


def test_names_that_exist_are_unknown_without_the_stacks(examine: Examine) -> None:
    taken = {"dynamodb:ListTables": {"TableNames": ["test-LISAApiTokenTable"]}}
    found = examine({**taken, "cloudformation:DescribeStacks": DENIED})
    result = found.of("name")["6 DynamoDB tables"]
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
