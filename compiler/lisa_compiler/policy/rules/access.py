"""Rules about who may do what: roles, policies, trust, secrets, partitions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from lisa_compiler.policy.rules.rule import Facts, PolicyRule, Violation, as_list, statements, strings
from lisa_compiler.policy.templates import Template
from lisa_schema.rules.secrets import is_secret

_IDENTITY_POLICIES: Final = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")
_WITHOUT_RESOURCES: Final = (
    "*:Describe*",
    "*:List*",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:GetAuthorizationToken",
    "ecs:DiscoverPollEndpoint",
    "ssmmessages:*",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
"""Actions that IAM knows no resource for, or that a function in a VPC needs on all (IAM's Service Authorization
Reference; https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html)."""

_ARN: Final = re.compile(r"\barn:(aws[a-z-]*):")
_NAMED_VALUES: Final = ("AWS::Lambda::Function", "AWS::ECS::TaskDefinition")


def _write_everywhere(template: Template, facts: Facts) -> Iterator[Violation]:  # noqa: ARG001  # every check's form
    for logical_id, name, document in _identity_policies(template):
        for statement in statements(document):
            if statement.get("Effect") != "Allow":
                continue
            actions = [action for action in as_list(statement.get("Action")) if isinstance(action, str)]
            wide = [action for action in actions if action == "*" or action.endswith(":*")]
            if "*" in as_list(statement.get("Resource")):
                wide += [action for action in actions if action not in wide and not _needs_no_resource(action)]
                where = " on all resources"
            else:
                where = ""
            if "NotAction" in statement:
                wide.append("all actions except a few (NotAction)")
            if wide:
                yield Violation(logical_id, f"The policy `{name}` allows {', '.join(sorted(wide))}{where}.")


def _identity_policies(template: Template) -> Iterator[tuple[str, str, Any]]:
    for logical_id, properties in template.of_type("AWS::IAM::Role"):
        for policy in as_list(properties.get("Policies")):
            yield logical_id, str(policy.get("PolicyName")), policy.get("PolicyDocument")
    for logical_id, properties in template.of_type(*_IDENTITY_POLICIES):
        name = properties.get("PolicyName") or properties.get("ManagedPolicyName")
        yield logical_id, str(name or logical_id), properties.get("PolicyDocument")


def _needs_no_resource(action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in _WITHOUT_RESOURCES)


def _unbounded_roles(template: Template, facts: Facts) -> Iterator[Violation]:
    if facts.bounded:
        for logical_id, properties in template.of_type("AWS::IAM::Role", "AWS::IAM::User"):
            if not properties.get("PermissionsBoundary"):
                yield Violation(logical_id, "The role has no permissions boundary, but the configuration sets one.")


def _foreign_trust(template: Template, facts: Facts) -> Iterator[Violation]:
    for logical_id, properties in template.of_type("AWS::IAM::Role"):
        for statement in statements(properties.get("AssumeRolePolicyDocument")):
            for principal in _strangers(statement.get("Principal"), facts):
                yield Violation(logical_id, f"{principal} can assume the role.")
    for logical_id, properties in template.of_type("AWS::Lambda::Permission"):
        if not properties.get("SourceArn") and not properties.get("SourceAccount"):
            yield Violation(
                logical_id, "It lets a service call the function on behalf of any account: SourceArn is not set."
            )


def _strangers(principal: Any, facts: Facts) -> Iterator[str]:
    if principal == "*":
        yield "Everyone"
    elif isinstance(principal, dict):
        for name in as_list(principal.get("AWS")):
            if name == "*":
                yield "Everyone"
            elif isinstance(name, str) and facts.account not in name:
                yield f"`{name}` in another account"
        yield from (f"`{name}`, a federated provider," for name in as_list(principal.get("Federated")))


def _written_secret(template: Template, facts: Facts) -> Iterator[Violation]:  # noqa: ARG001
    for logical_id, properties in template.of_type(*_NAMED_VALUES):
        for name, value in _variables(properties):
            if isinstance(value, str) and is_secret((name,), value):
                yield Violation(logical_id, f"The variable `{name}` contains a secret as plain text.")
    for logical_id, properties in template.of_type("AWS::RDS::DBInstance", "AWS::RDS::DBCluster"):
        password = properties.get("MasterUserPassword")
        if isinstance(password, str) and not password.startswith("{{resolve:"):
            yield Violation(logical_id, "The master password is plain text.")
    for logical_id, properties in template.of_type("AWS::SecretsManager::Secret"):
        if "SecretString" in properties:
            yield Violation(logical_id, "The value of the secret is plain text.")


def _variables(properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    environment = properties.get("Environment")
    yield from (environment.get("Variables", {}) if isinstance(environment, dict) else {}).items()
    for container in as_list(properties.get("ContainerDefinitions")):
        for variable in as_list(container.get("Environment")):
            yield str(variable.get("Name")), variable.get("Value")


def _foreign_partition(template: Template, facts: Facts) -> Iterator[Violation]:
    for logical_id, resource in template.resources.items():
        named = {name for text in strings(resource) for name in _ARN.findall(text)} - {facts.partition}
        if named:
            others = ", ".join(sorted(named))
            yield Violation(logical_id, f"It refers to an ARN in {others}, but is deployed in {facts.partition}.")


RULES: Final = (
    PolicyRule(
        "LISA-P01",
        "no-wildcard-actions",
        "Policies must not allow `*`, `service:*`, or actions on all resources if IAM can limit them to a resource.",
        "A compromised role must be limited to its part of the deployment.",
        "List the actions and the ARNs; waive actions that IAM cannot limit to a resource.",
        _write_everywhere,
    ),
    PolicyRule(
        "LISA-P02",
        "bounded-role",
        "If permissionsBoundaryAspect is set, every role must have the permissions boundary.",
        "Accounts with a boundary reject roles without it, or such roles exceed what administrators permit.",
        "Create the role with LisaStack.role, or set the boundary.",
        _unbounded_roles,
    ),
    PolicyRule(
        "LISA-P03",
        "no-external-trust",
        "Roles must trust only AWS services and the account of the deployment; permissions must specify their caller.",
        "Other trusted principals can act in the account without one of its identities.",
        "Use the service or the account of the deployment as principal; set SourceArn of the permission.",
        _foreign_trust,
    ),
    PolicyRule(
        "LISA-P04",
        "no-plaintext-secrets",
        "Templates must not contain secrets in variables, passwords or values of secrets.",
        "Templates are committed, and every user with permission to describe a stack can read them.",
        "Set the ARN of a Secrets Manager secret, or a dynamic reference to it.",
        _written_secret,
    ),
    PolicyRule(
        "LISA-P05",
        "arn-partition",
        "ARNs must be in the partition of the configured Region.",
        "An ARN in another partition fails the deployment, in isolated Regions hours after the review.",
        "Use the ARN of a resource in the partition of the Region.",
        _foreign_partition,
    ),
)
