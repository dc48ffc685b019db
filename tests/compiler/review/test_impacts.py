"""What a reviewer is told: data, access, names and what has to be done by hand."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_compiler.review.change import compare
from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.output import Output

from .conftest import ENVIRONMENT
from .outputs import output, resource

ANYWHERE, INSIDE = "0.0.0.0/0", "10.0.0.0/22"


def told(before: Output | None, after: Output | None) -> dict[ImpactCategory, str]:
    """The impacts, as one text for each category."""
    found: dict[ImpactCategory, str] = {}
    for impact in compare(ENVIRONMENT, before, after).impacts:
        words = "\n".join((impact.text, *impact.items))
        found[impact.category] = "\n".join(filter(None, (found.get(impact.category), words)))
    return found


def one(kind: str, **properties: Any) -> Output:
    return output({"core": {"Thing": resource(kind, **properties)}})


@pytest.mark.parametrize("policy", ["Delete", None])
def test_a_table_that_goes_takes_its_items_with_it(policy: str | None) -> None:
    table = resource("DynamoDB::Table", TableName="acme-sessions", **({"DeletionPolicy": policy} if policy else {}))
    found = told(
        output({"chat": {"Table": table, "Other": resource("IAM::Role")}}),
        output({"chat": {"Other": resource("IAM::Role")}}),
    )
    assert found == {
        ImpactCategory.DATA_LOSS: "The DynamoDB table `acme-sessions` is deleted. Lost: every chat session."
    }


def test_a_table_that_is_retained_is_left_behind() -> None:
    table = resource("DynamoDB::Table", TableName="acme-sessions", DeletionPolicy="Retain")
    found = told(
        output({"chat": {"Table": table, "Other": resource("IAM::Role")}}),
        output({"chat": {"Other": resource("IAM::Role")}}),
    )
    assert set(found) == {ImpactCategory.ORPHANED}
    assert "`acme-sessions`" in found[ImpactCategory.ORPHANED]


def test_a_replaced_bucket_loses_its_objects_unless_the_old_one_is_kept() -> None:
    lost = told(*(one("S3::Bucket", BucketName=name, UpdateReplacePolicy="Delete") for name in "ab"))
    kept = told(*(one("S3::Bucket", BucketName=name, UpdateReplacePolicy="Retain") for name in "ab"))
    assert "is replaced by an empty one. Lost: the access logs" in lost[ImpactCategory.DATA_LOSS]
    assert ImpactCategory.DATA_LOSS not in kept
    assert ImpactCategory.ORPHANED in kept


def test_a_policy_that_no_longer_keeps_data_is_told_before_it_loses_any() -> None:
    sides = [one("DynamoDB::Table", TableName="a", DeletionPolicy=policy) for policy in ("Retain", "Delete")]
    assert "Now deleted" in told(*sides)[ImpactCategory.DATA_LOSS]
    assert "Now retained" in told(*reversed(sides))[ImpactCategory.REDUCED_RISK]


def role(*statements: dict[str, Any], **properties: Any) -> Output:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    policies = [{"PolicyName": "work", "PolicyDocument": document}]
    return one("IAM::Role", RoleName="worker", Policies=policies, **properties)


def allow(action: Any, target: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": target, **more}


def test_statements_are_compared_by_what_they_allow_and_not_by_how_they_are_grouped() -> None:
    split = role(allow("s3:GetObject", "a"), allow("s3:PutObject", ["a"]))
    assert told(split, role(allow(["s3:PutObject", "s3:GetObject"], "a"))) == {}


def test_what_a_role_may_more_and_less() -> None:
    before, after = role(allow(["s3:GetObject", "s3:PutObject"], "a")), role(allow("s3:GetObject", ["a", "b"]))
    assert told(before, after) == {
        ImpactCategory.BROADER_ACCESS: "The role `worker` allows more:\n`s3:GetObject` on `b`",
        ImpactCategory.REDUCED_RISK: "The role `worker` allows less:\n`s3:PutObject` on `a`",
    }


def test_a_condition_that_goes_permits_more() -> None:
    bound = allow("s3:GetObject", "a", Condition={"StringEquals": {"aws:SourceAccount": "1"}})
    found = told(role(bound), role(allow("s3:GetObject", "a")))
    assert found[ImpactCategory.BROADER_ACCESS] == "The role `worker` allows more:\n`s3:GetObject` on `a`"
    assert "if `aws:SourceAccount` StringEquals `1`" in found[ImpactCategory.REDUCED_RISK]


def divided_role(inline: list[str], attached: list[str], *, aws: tuple[str, ...] = ()) -> Output:
    """A role that may read resources, some of them by a managed policy of its stack, as IAM's quotas require."""
    inline_policy = {"PolicyName": "work", "PolicyDocument": {"Statement": [allow("s3:GetObject", inline)]}}
    policy = resource("IAM::ManagedPolicy", PolicyDocument={"Statement": [allow("s3:GetObject", attached)]})
    arns = [*aws, *([{"Ref": "Policy"}] if attached else [])]
    found = resource("IAM::Role", RoleName="worker", Policies=[inline_policy], ManagedPolicyArns=arns)
    return output({"core": {"Thing": found, **({"Policy": policy} if attached else {})}})


def test_permission_that_moves_to_a_managed_policy_is_no_change_of_access() -> None:
    whole, divided = divided_role(["a", "b"], []), divided_role(["a"], ["b"])
    for before, after in (
        (whole, divided),
        (divided, whole),
        (divided_role(["a"], ["b", "c"]), divided_role(["a", "c"], ["b"])),
    ):
        assert not {ImpactCategory.BROADER_ACCESS, ImpactCategory.REDUCED_RISK} & set(told(before, after))


def test_managed_policy_of_the_stack_is_read_as_part_of_its_role() -> None:
    few, many = divided_role(["a"], ["b"], aws=("arn:aws",)), divided_role(["a"], ["b", "c"])
    found = told(few, many)
    assert found[ImpactCategory.BROADER_ACCESS] == "The role `worker` allows more:\n`s3:GetObject` on `c`"
    assert (
        found[ImpactCategory.REDUCED_RISK]
        == "The role `worker` allows less:\nall permissions of the managed policy `arn:aws`"
    )
    assert told(divided_role(["a"], []), many)[ImpactCategory.BROADER_ACCESS].endswith("`s3:GetObject` on `b` and `c`")
    assert told(many, divided_role(["a"], []))[ImpactCategory.REDUCED_RISK].endswith("`s3:GetObject` on `b` and `c`")


def test_a_denial_that_goes_permits_more() -> None:
    deny = {**allow("s3:*", "a"), "Effect": "Deny"}
    assert told(role(allow("s3:*", "a"), deny), role(allow("s3:*", "a")))[ImpactCategory.BROADER_ACCESS].endswith(
        "denial of `s3:*` on `a`"
    )


def test_what_is_granted_to_anyone_opens_access() -> None:
    def bucket(principal: Any) -> Output:
        statement = allow("s3:GetObject", "a", Principal=principal)
        return one("S3::BucketPolicy", Bucket="b", PolicyDocument={"Statement": [statement]})

    assert (
        "by **anyone**" in told(bucket({"Service": "logging.s3.amazonaws.com"}), bucket("*"))[ImpactCategory.EXPOSURE]
    )


def test_a_boundary_that_goes_permits_more() -> None:
    bound, free = role(PermissionsBoundary="arn:policy"), role()
    text = "1 role has no permissions boundary (previously `arn:policy`)."
    assert told(bound, free) == {ImpactCategory.BROADER_ACCESS: text}
    assert told(free, bound) == {ImpactCategory.REDUCED_RISK: "1 role has the permissions boundary `arn:policy`."}


def group(*networks: str, port: int = 443) -> Output:
    rules = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": network} for network in networks]
    return one("EC2::SecurityGroup", GroupDescription="balancer", SecurityGroupIngress=rules)


def test_a_group_that_lets_anyone_in_opens_access() -> None:
    assert told(group(INSIDE), group(ANYWHERE)) == {
        ImpactCategory.EXPOSURE: "The security group `balancer` allows more:\nin: tcp 443 from **anywhere**"
    }


def test_a_group_that_lets_fewer_in_narrows_access() -> None:
    assert set(told(group(ANYWHERE), group(INSIDE))) == {ImpactCategory.REDUCED_RISK}


def test_a_rule_that_another_one_covers_says_nothing() -> None:
    assert told(group(ANYWHERE), group(ANYWHERE, INSIDE)) == {}


def test_a_listener_that_no_longer_encrypts_opens_access() -> None:
    sides = [one("ElasticLoadBalancingV2::Listener", Protocol=protocol) for protocol in ("HTTPS", "HTTP")]
    assert "no longer encrypts" in told(*sides)[ImpactCategory.EXPOSURE]
    assert "encrypts" in told(*reversed(sides))[ImpactCategory.REDUCED_RISK]


def test_a_method_that_no_longer_asks_who_calls_opens_access() -> None:
    sides = [one("ApiGateway::Method", AuthorizationType=kind, HttpMethod="GET") for kind in ("CUSTOM", "NONE")]
    assert "no longer requires authentication" in told(*sides)[ImpactCategory.EXPOSURE]


def task(*, use_auth: str | None = "true", secrets: tuple[str, ...] = (), **more: Any) -> Output:
    variables = {"AUTHORITY": "https://idp.example.com", "CLIENT_ID": "lisa", "TOKEN_TABLE_NAME": "tokens"}
    variables |= {"USE_AUTH": use_auth, **more.pop("variables", {})}  # type: ignore[dict-item]
    container = {
        "Name": "rest-api",
        "Environment": [{"Name": name, "Value": value} for name, value in variables.items() if value is not None],
        "Secrets": [{"Name": name, "ValueFrom": "arn:aws:ssm:us-east-1:1:parameter/x"} for name in secrets],
        **more,
    }
    return output({"serve": {"Task": resource("ECS::TaskDefinition", ContainerDefinitions=[container])}})


@pytest.mark.parametrize("off", ["false", "False", "0", "no"])
def test_sign_in_that_is_switched_off_opens_access(off: str) -> None:
    assert "Authentication is off" in told(task(), task(use_auth=off))[ImpactCategory.EXPOSURE]
    assert "Authentication is on" in told(task(use_auth=off), task())[ImpactCategory.REDUCED_RISK]


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        (task(use_auth=None), "`USE_AUTH` is not set."),
        (task(variables={"use_auth": "false"}), "`USE_AUTH` has several values."),
        (task(use_auth=None, secrets=("USE_AUTH",)), "`USE_AUTH` comes from a secret."),
        (task(variables={"PYTHONPATH": "/opt"}), "`PYTHONPATH` controls what code the container runs."),
        (task(variables={"LITELLM_URL": "http://x"}), "`LITELLM_URL` controls where the gateway sends prompts."),
        (task(variables={"TOKEN_TABLE_NAME": None}), "`TOKEN_TABLE_NAME` is not set."),
        (task(Command=["python", "-m", "http.server"]), "Command replaces what the image runs."),
        (task(EntryPoint=["sh"]), "EntryPoint replaces what the image runs."),
        (task(EnvironmentFiles=[{"Type": "s3"}]), "EnvironmentFiles set variables that are not in the template."),
        (task(Name="other"), "The container `rest-api` is missing."),
    ],
)
def test_sign_in_that_becomes_uncertain_opens_access(after: Output, problem: str) -> None:
    text = told(task(), after)[ImpactCategory.EXPOSURE]
    assert "The template does not show whether the gateway authenticates callers." in text
    assert problem in text
    assert ImpactCategory.EXPOSURE not in told(after, after)


def test_sign_in_is_compared_when_the_task_has_another_logical_id() -> None:
    after = task(use_auth="false")
    renamed = output(
        {"serve": {"Other": resource("ECS::TaskDefinition", **after.resources["serve", "Task"].properties)}}
    )
    assert "Authentication is off" in told(task(), renamed)[ImpactCategory.EXPOSURE]


@pytest.mark.parametrize("name", ["AUTHORITY", "CLIENT_ID", "TOKEN_TABLE_NAME"])
def test_another_trusted_party_opens_access(name: str) -> None:
    assert "The gateway trusts a different" in told(task(), task(variables={name: "other"}))[ImpactCategory.EXPOSURE]


def test_a_replacement_under_the_same_name_needs_a_hand() -> None:
    sides = [one("RDS::DBInstance", DBInstanceIdentifier="a", StorageEncrypted=value) for value in (False, True)]
    assert "CloudFormation cannot replace the PostgreSQL database `a`" in told(*sides)[ImpactCategory.MANUAL_STEPS]


def test_a_name_that_goes_to_another_resource_needs_a_hand() -> None:
    table = resource("DynamoDB::Table", TableName="a")
    before, after = (output({"core": {logical_id: table}}) for logical_id in ("Old", "New"))
    assert "1 name is in use" in told(before, after)[ImpactCategory.MANUAL_STEPS]


def test_a_part_that_others_notice_is_told_when_it_comes_and_when_it_goes() -> None:
    role = {"Role": resource("IAM::Role")}
    less, more = output({"core": role}), output({"core": {**role, "Vpc": resource("EC2::VPC")}})
    assert told(less, more) == {ImpactCategory.ADDED: "**core** adds VPC `Vpc`."}
    assert told(more, less) == {ImpactCategory.REMOVED: "**core** removes VPC `Vpc`."}


@pytest.mark.parametrize(
    ("kind", "protection"),
    [
        (
            "ElasticLoadBalancingV2::LoadBalancer",
            {"LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]},
        ),
        ("DynamoDB::Table", {"DeletionProtectionEnabled": True}),
        ("RDS::DBInstance", {"DeletionProtection": True}),
    ],
)
def test_what_is_protected_from_deletion_needs_a_hand(kind: str, protection: dict[str, Any]) -> None:
    role = {"Role": resource("IAM::Role")}
    free = told(output({"core": {**role, "Thing": resource(kind)}}), output({"core": role}))
    bound = told(output({"core": {**role, "Thing": resource(kind, **protection)}}), output({"core": role}))
    kept = resource(kind, DeletionPolicy="Retain", **protection)
    assert ImpactCategory.MANUAL_STEPS not in free
    assert "has deletion protection" in bound[ImpactCategory.MANUAL_STEPS]
    assert ImpactCategory.MANUAL_STEPS not in told(output({"core": {**role, "Thing": kept}}), output({"core": role}))


def test_another_region_is_one_finding_and_not_a_list_of_resources() -> None:
    table = {
        "core": {"Table": resource("DynamoDB::Table", TableName="a"), "Bucket": resource("S3::Bucket", BucketName="b")}
    }
    change = compare(ENVIRONMENT, output(table), output(table, region="us-west-2"))
    assert [impact.category for impact in change.impacts] == [
        ImpactCategory.NEW_DEPLOYMENT,
        ImpactCategory.MANUAL_STEPS,
        ImpactCategory.ORPHANED,
    ]
    assert change.resources == ()
    assert "bucket `b`" in change.impacts[1].text
    assert "table `a`" not in change.impacts[1].text


def test_a_new_environment_adds_all_of_it() -> None:
    change = compare(ENVIRONMENT, None, one("S3::Bucket", BucketName="b"))
    assert [impact.category for impact in change.impacts] == [ImpactCategory.ADDED]
    assert [stack.component for stack in change.added] == ["core"]


def test_an_environment_that_is_gone_leaves_all_of_it_behind() -> None:
    change = compare(ENVIRONMENT, one("S3::Bucket", BucketName="b"), None)
    assert [(impact.category, impact.items) for impact in change.impacts] == [
        (ImpactCategory.ORPHANED, ("bucket `b`",))
    ]


def test_a_removed_stack_is_told_to_run_on() -> None:
    before = output({"core": {"Role": resource("IAM::Role")}, "chat": {"Role": resource("IAM::Role")}})
    found = told(before, output({"core": {"Role": resource("IAM::Role")}}))
    assert "destroys its stack `acme-chat`" in found[ImpactCategory.REMOVED]
