"""Each of LISA's rules finds what it names, and lets the rest be."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.policy.template import FACTS, TRUSTED, gateway, resource, rule, template

from lisa_compiler.policy.rules import RULES, Facts
from lisa_compiler.policy.rules.data import _ENCRYPTED, _STATEFUL

PRIVATE = replace(FACTS, internet_facing=False)
OPEN = replace(FACTS, internet_facing=False, authenticates=False, trusted=dict.fromkeys(TRUSTED, ""))
FREE = replace(FACTS, bounded=False, retains=False)
ISOLATED = replace(FACTS, partition="aws-iso")


def role(action: Any, where: Any = "arn:aws:s3:::b/*", effect: str = "Allow") -> dict[str, Any]:
    statement = {"Effect": effect, "Action": action, "Resource": where}
    policy = {"PolicyName": "work", "PolicyDocument": {"Statement": [statement]}}
    return resource("IAM::Role", Policies=[policy], PermissionsBoundary="arn:aws:iam::123456789012:policy/b")


def trust(principal: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return resource("IAM::Role", AssumeRolePolicyDocument={"Statement": statement})


def function(**variables: Any) -> dict[str, Any]:
    return resource("Lambda::Function", Environment={"Variables": variables})


def container(name: str, value: str) -> dict[str, Any]:
    return resource("ECS::TaskDefinition", ContainerDefinitions=[{"Environment": [{"Name": name, "Value": value}]}])


BLOCK = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)


def bucket_policy(effect: str, principal: Any, **condition: Any) -> dict[str, Any]:
    statement = {"Effect": effect, "Principal": principal, "Action": "s3:*", "Condition": condition}
    return resource("S3::BucketPolicy", Bucket={"Ref": "X"}, PolicyDocument={"Statement": [statement]})


DENY_HTTP = bucket_policy("Deny", "*", Bool={"aws:SecureTransport": "false"})


def kept(policy: str, replaced: str) -> dict[str, Any]:
    return {**resource("DynamoDB::Table"), "DeletionPolicy": policy, "UpdateReplacePolicy": replaced}


def balancer(scheme: str) -> dict[str, Any]:
    return resource("ElasticLoadBalancingV2::LoadBalancer", Scheme=scheme)


def listener(protocol: str, **properties: Any) -> dict[str, Any]:
    actions = properties.pop("actions", [{"Type": "forward"}])
    return resource(
        "ElasticLoadBalancingV2::Listener",
        LoadBalancerArn={"Ref": "Balancer"},
        Protocol=protocol,
        DefaultActions=actions,
        **properties,
    )


def ingress(**rule: Any) -> dict[str, Any]:
    return resource("EC2::SecurityGroup", SecurityGroupIngress=[{"FromPort": 443, "ToPort": 443, **rule}])


def domain(https: bool, nodes: bool, tls: str) -> dict[str, Any]:
    return resource(
        "OpenSearchService::Domain",
        DomainEndpointOptions={"EnforceHTTPS": https, "TLSSecurityPolicy": tls},
        NodeToNodeEncryptionOptions={"Enabled": nodes},
    )


def volumes(*encrypted: bool) -> dict[str, Any]:
    mappings = [{"Ebs": {"Encrypted": value}} for value in encrypted]
    return resource("EC2::LaunchTemplate", LaunchTemplateData={"BlockDeviceMappings": mappings})


MODERN = "ELBSecurityPolicy-TLS13-1-2-2021-06"
OLD = "ELBSecurityPolicy-2016-08"
AES = {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}

BROKEN: list[tuple[str, str, dict[str, Any], Facts]] = [
    ("no-wildcard-actions", "every action", role("*"), FACTS),
    ("no-wildcard-actions", "every action of a service", role(["s3:GetObject", "s3:*"]), FACTS),
    ("no-wildcard-actions", "a write on everything", role("dynamodb:PutItem", "*"), FACTS),
    ("no-wildcard-actions", "a read of data on everything", role("secretsmanager:GetSecretValue", ["*"]), FACTS),
    (
        "no-wildcard-actions",
        "a policy of its own",
        resource(
            "IAM::Policy",
            PolicyName="p",
            PolicyDocument={"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::b"}},
        ),
        FACTS,
    ),
    ("bounded-role", "no boundary", resource("IAM::Role"), FACTS),
    ("no-external-trust", "everyone", trust("*"), FACTS),
    ("no-external-trust", "everyone of AWS", trust({"AWS": ["*"]}), FACTS),
    ("no-external-trust", "another account", trust({"AWS": "arn:aws:iam::999999999999:root"}), FACTS),
    ("no-external-trust", "a federated provider", trust({"Federated": "accounts.google.com"}), FACTS),
    ("no-external-trust", "no source", resource("Lambda::Permission", Principal="s3.amazonaws.com"), FACTS),
    ("no-plaintext-secrets", "of a function", function(DB_PASSWORD="hunter2hunter2"), FACTS),
    ("no-plaintext-secrets", "of a container", container("HF_TOKEN", "hf_abcdefghijklmnopqrstuvwxyz012345"), FACTS),
    ("no-plaintext-secrets", "of a database", resource("RDS::DBInstance", MasterUserPassword="hunter2"), FACTS),
    ("no-plaintext-secrets", "of a secret", resource("SecretsManager::Secret", SecretString="hunter2"), FACTS),
    ("arn-partition", "another partition", function(KEY="arn:aws:kms:us-east-1:1:key/1"), ISOLATED),
    (
        "block-public-access",
        "one block missing",
        resource("S3::Bucket", PublicAccessBlockConfiguration={**BLOCK, "BlockPublicPolicy": False}),
        FACTS,
    ),
    ("block-public-access", "no block", resource("S3::Bucket"), FACTS),
    ("block-public-access", "everyone may", bucket_policy("Allow", {"AWS": "*"}), FACTS),
    ("encrypted-at-rest", "of AWS", resource("DynamoDB::Table", SSESpecification={"SSEEnabled": True}), FACTS),
    ("encrypted-at-rest", "one volume", volumes(True, False), FACTS),
    *[("encrypted-at-rest", kind, resource(kind.removeprefix("AWS::")), FACTS) for kind in _ENCRYPTED],
    *[("retain-data", kind, resource(kind.removeprefix("AWS::")), FACTS) for kind in _STATEFUL],
    ("retain-data", "only its removal is covered", kept("Retain", "Delete"), FACTS),
    ("encrypted-in-transit", "an old policy", listener("HTTPS", SslPolicy=OLD), FACTS),
    ("encrypted-in-transit", "a bucket", resource("S3::Bucket"), FACTS),
    ("encrypted-in-transit", "nodes", domain(True, False, "Policy-Min-TLS-1-2-2019-07"), FACTS),
    ("encrypted-in-transit", "endpoint", domain(False, True, "Policy-Min-TLS-1-2-2019-07"), FACTS),
    ("encrypted-in-transit", "TLS 1.0", domain(True, True, "Policy-Min-TLS-1-0-2019-07"), FACTS),
    ("encrypted-in-transit", "database", resource("RDS::DBParameterGroup", Parameters={}), FACTS),
    ("encrypted-in-transit", "API domain", resource("ApiGateway::DomainName", SecurityPolicy="TLS_1_0"), FACTS),
    ("no-unintended-public-access", "against the configuration", balancer("internet-facing"), PRIVATE),
    (
        "no-unintended-public-access",
        "without a scheme",
        resource("ElasticLoadBalancingV2::LoadBalancer"),
        PRIVATE,
    ),
    ("no-unintended-public-access", "database", resource("RDS::DBInstance", PubliclyAccessible=True), FACTS),
    ("no-public-ingress", "ssh", ingress(CidrIp="0.0.0.0/0", FromPort=22, ToPort=22), FACTS),
    ("no-public-ingress", "a range", ingress(CidrIp="0.0.0.0/0", FromPort=1, ToPort=443), FACTS),
    ("no-public-ingress", "IPv6", ingress(CidrIpv6="::/0", FromPort=22, ToPort=22), FACTS),
    ("no-public-ingress", "of a private API", ingress(CidrIp="0.0.0.0/0"), PRIVATE),
    ("no-public-ingress", "a rule of its own", resource("EC2::SecurityGroupIngress", CidrIp="0.0.0.0/0"), FACTS),
    ("authenticated-callers", "switched off", gateway(USE_AUTH="false"), PRIVATE),
    ("authenticated-callers", "no switch", gateway(USE_AUTH=None), PRIVATE),
    ("authenticated-callers", "a second switch", gateway(use_auth="false"), PRIVATE),
    ("authenticated-callers", "a secret switch", gateway(secrets=["use_auth"]), PRIVATE),
    ("authenticated-callers", "code from elsewhere", gateway(PYTHONPATH="/opt"), PRIVATE),
    ("authenticated-callers", "another command", gateway(more={"Command": ["sh"]}), PRIVATE),
    ("authenticated-callers", "another entry point", gateway(more={"EntryPoint": ["sh"]}), PRIVATE),
    ("authenticated-callers", "variables in a file", gateway(more={"EnvironmentFiles": [{}]}), PRIVATE),
    ("authenticated-callers", "another container", gateway(more={"Name": "other"}), PRIVATE),
    ("authenticated-callers", "another provider", gateway(AUTHORITY="https://other.example.com"), FACTS),
    ("authenticated-callers", "another table", gateway(TOKEN_TABLE_NAME="other"), FACTS),
    ("authenticated-callers", "tokens in plain text", gateway(LEGACY_TOKENS="true"), FACTS),
    ("authenticated-callers", "another group", gateway(ADMIN_GROUP="everyone"), FACTS),
    ("instance-metadata", "tokens optional", resource("EC2::LaunchTemplate", LaunchTemplateData={}), FACTS),
]

SOUND: list[tuple[str, str, dict[str, Any], Facts]] = [
    ("no-wildcard-actions", "one resource", role("s3:PutObject"), FACTS),
    (
        "no-wildcard-actions",
        "no resource to name",
        role(["ecr:GetAuthorizationToken", "ec2:DescribeSubnets"], "*"),
        FACTS,
    ),
    ("no-wildcard-actions", "denied", role("*", "*", effect="Deny"), FACTS),
    ("bounded-role", "bounded", role("s3:GetObject"), FACTS),
    ("bounded-role", "no boundary is wanted", resource("IAM::Role"), FREE),
    ("no-external-trust", "a service", trust({"Service": "lambda.amazonaws.com"}), FACTS),
    ("no-external-trust", "the own account", trust({"AWS": "123456789012"}), FACTS),
    ("no-external-trust", "a source", resource("Lambda::Permission", SourceArn="arn:aws:s3:::b"), FACTS),
    ("no-plaintext-secrets", "a table's name", function(TOKEN_TABLE_NAME="tokens"), FACTS),
    ("no-plaintext-secrets", "a reference", function(API_KEY="arn:aws:secretsmanager:us-east-1:1:secret:s"), FACTS),
    ("no-plaintext-secrets", "a parameter", function(API_KEY={"Ref": "Key"}), FACTS),
    ("arn-partition", "its own", function(KEY="arn:aws-iso:kms:us-iso-east-1:1:key/1"), ISOLATED),
    ("block-public-access", "blocked", resource("S3::Bucket", PublicAccessBlockConfiguration=BLOCK), FACTS),
    ("block-public-access", "everyone may not", DENY_HTTP, FACTS),
    ("encrypted-at-rest", "bucket", resource("S3::Bucket", BucketEncryption=AES), FACTS),
    ("encrypted-at-rest", "volumes", volumes(True, True), FACTS),
    ("retain-data", "kept", kept("Retain", "Snapshot"), FACTS),
    ("retain-data", "may be lost", kept("Delete", "Delete"), FREE),
    ("encrypted-in-transit", "modern", listener("HTTPS", SslPolicy=MODERN), FACTS),
    ("encrypted-in-transit", "domain", domain(True, True, "Policy-Min-TLS-1-2-2019-07"), FACTS),
    ("no-unintended-public-access", "as configured", balancer("internet-facing"), FACTS),
    ("no-unintended-public-access", "internal", balancer("internal"), PRIVATE),
    ("no-public-ingress", "HTTPS of a public API", ingress(CidrIp="0.0.0.0/0"), FACTS),
    ("authenticated-callers", "as configured", gateway(LOG_LEVEL="INFO", secrets=["OPENAI_API_KEY"]), FACTS),
    (
        "authenticated-callers",
        "a private API without sign-in",
        gateway(USE_AUTH="false", **dict.fromkeys(TRUSTED, "")),
        OPEN,
    ),
    ("no-public-ingress", "the VPC", ingress(CidrIp="10.0.0.0/22", FromPort=80, ToPort=80), PRIVATE),
]


@pytest.mark.parametrize(
    ("name", "case", "broken", "facts"), BROKEN, ids=[f"{name}: {case}" for name, case, *_ in BROKEN]
)
def test_a_broken_rule_is_found(name: str, case: str, broken: dict[str, Any], facts: Facts) -> None:
    assert [found.resource for found in rule(name).check(template(X=broken), facts)] == ["X"]


@pytest.mark.parametrize(("name", "case", "sound", "facts"), SOUND, ids=[f"{name}: {case}" for name, case, *_ in SOUND])
def test_what_is_sound_is_let_be(name: str, case: str, sound: dict[str, Any], facts: Facts) -> None:
    assert list(rule(name).check(template(X=sound), facts)) == []


def test_every_rule_has_both_cases() -> None:
    names = {rule.name for rule in RULES}
    assert {name for name, *_ in BROKEN} == names
    assert {name for name, *_ in SOUND} == names - {"instance-metadata"}


def test_instances_with_metadata_tokens_are_sound() -> None:
    data = {"MetadataOptions": {"HttpTokens": "required"}}
    made = template(X=resource("EC2::LaunchTemplate", LaunchTemplateData=data))
    assert list(rule("instance-metadata").check(made, FACTS)) == []


def test_a_public_gateway_authenticates_whatever_the_configuration_says() -> None:
    task = gateway(USE_AUTH="false", **dict.fromkeys(TRUSTED, ""))
    made = template(X=task, Balancer=balancer("internet-facing"))
    messages = [found.message for found in rule("authenticated-callers").check(made, OPEN)]
    assert messages == ["The gateway is internet-facing, but authentication is not ensured: `USE_AUTH` is `false`."]


@pytest.mark.parametrize("missing", ["AUTHORITY", "CLIENT_ID", "TOKEN_TABLE_NAME"])
def test_a_gateway_that_lacks_a_setting_of_sign_in_is_found(missing: str) -> None:
    found = [one.message for one in rule("authenticated-callers").check(template(X=gateway(**{missing: None})), FACTS)]
    assert found == [f"The gateway has authConfig, but authentication is not ensured: `{missing}` is not set."]


def test_the_authorizer_trusts_whom_the_configuration_names() -> None:
    check = rule("authenticated-callers").check
    trusted = {name: value for name, value in TRUSTED.items() if name != "TOKEN_TABLE_NAME"}
    changed = {**trusted, "AUTHORITY": "https://other.example.com"}
    sides = [template("api-base", X=function(**values)) for values in (trusted, changed)]
    assert [[found.resource for found in check(made, FACTS)] for made in sides] == [[], ["X"]]


def test_a_model_is_never_on_the_internet() -> None:
    made = template("model-small", X=balancer("internet-facing"))
    assert [found.resource for found in rule("no-unintended-public-access").check(made, FACTS)] == ["X"]


def test_http_is_for_private_listeners_and_redirects() -> None:
    check = rule("encrypted-in-transit").check
    public = template(Balancer=balancer("internet-facing"), X=listener("HTTP"))
    redirect = template(Balancer=balancer("internet-facing"), X=listener("HTTP", actions=[{"Type": "redirect"}]))
    private = template(Balancer=balancer("internal"), X=listener("HTTP"))
    assert [[found.resource for found in check(made, FACTS)] for made in (public, redirect, private)] == [["X"], [], []]


def test_a_bucket_is_covered_by_its_own_policy_alone() -> None:
    made = template(X=resource("S3::Bucket"), Y=resource("S3::Bucket"), Policy=DENY_HTTP)
    assert [found.resource for found in rule("encrypted-in-transit").check(made, FACTS)] == ["Y"]


def test_the_page_lists_every_rule() -> None:
    page = (Path(__file__).parents[3] / "docs/policy.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (LISA-P\d\d) \| ([a-z-]+) \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    assert rows == [(rule.id, rule.name, rule.title, rule.reason) for rule in RULES]
