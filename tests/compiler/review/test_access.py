"""Impacts on access: permissions, network rules and sign-in."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.output import Output

from .outputs import output, resource
from .template_changes import one, told

ANYWHERE, INSIDE = "0.0.0.0/0", "10.0.0.0/22"


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


@pytest.mark.parametrize("accepts", ["true", None], ids=["true", "as before the variable"])
def test_tokens_in_plain_text(accepts: str | None) -> None:
    accepting, strict = task(variables={"LEGACY_TOKENS": accepts}), task(variables={"LEGACY_TOKENS": "false"})
    assert (
        "The gateway accepts API tokens that are stored in plain text"
        in told(strict, accepting)[ImpactCategory.BROADER_ACCESS]
    )
    assert "run `lisa tokens hash` before" in told(accepting, strict)[ImpactCategory.REDUCED_RISK]
    assert told(accepting, accepting) == told(task(), accepting) == {}


@pytest.mark.parametrize("name", ["AUTHORITY", "CLIENT_ID", "TOKEN_TABLE_NAME"])
def test_another_trusted_party_opens_access(name: str) -> None:
    assert "The gateway trusts a different" in told(task(), task(variables={name: "other"}))[ImpactCategory.EXPOSURE]
