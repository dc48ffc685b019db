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
                where = " on every resource"
            else:
                where = ""
            if "NotAction" in statement:
                wide.append("everything but a few actions")
            if wide:
                yield Violation(logical_id, f"Its policy `{name}` allows {', '.join(sorted(wide))}{where}.")


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
                yield Violation(logical_id, "It has no permissions boundary, though the configuration names one.")


def _foreign_trust(template: Template, facts: Facts) -> Iterator[Violation]:
    for logical_id, properties in template.of_type("AWS::IAM::Role"):
        for statement in statements(properties.get("AssumeRolePolicyDocument")):
            for principal in _strangers(statement.get("Principal"), facts):
                yield Violation(logical_id, f"{principal} may assume it.")
    for logical_id, properties in template.of_type("AWS::Lambda::Permission"):
        if not properties.get("SourceArn") and not properties.get("SourceAccount"):
            yield Violation(logical_id, "It lets a service call the function for any account: it names no source.")


def _strangers(principal: Any, facts: Facts) -> Iterator[str]:
    if principal == "*":
        yield "Everyone"
    elif isinstance(principal, dict):
        for name in as_list(principal.get("AWS")):
            if name == "*":
                yield "Everyone"
            elif isinstance(name, str) and facts.account not in name:
                yield f"`{name}` of another account"
        yield from (f"`{name}`, a federated provider," for name in as_list(principal.get("Federated")))


def _written_secret(template: Template, facts: Facts) -> Iterator[Violation]:  # noqa: ARG001
    for logical_id, properties in template.of_type(*_NAMED_VALUES):
        for name, value in _variables(properties):
            if isinstance(value, str) and is_secret((name,), value):
                yield Violation(logical_id, f"Its variable `{name}` holds a secret in clear text.")
    for logical_id, properties in template.of_type("AWS::RDS::DBInstance", "AWS::RDS::DBCluster"):
        password = properties.get("MasterUserPassword")
        if isinstance(password, str) and not password.startswith("{{resolve:"):
            yield Violation(logical_id, "Its master password is in clear text.")
    for logical_id, properties in template.of_type("AWS::SecretsManager::Secret"):
        if "SecretString" in properties:
            yield Violation(logical_id, "Its value is in clear text.")


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
            yield Violation(logical_id, f"It names an ARN of {others}, but is deployed in {facts.partition}.")


RULES: Final = (
    PolicyRule(
        "LISA-P01",
        "write-everywhere",
        "No policy allows `*` or `service:*`, or on every resource an action that can be held to one.",
        "A role that is taken over can do no more than its part of the deployment does.",
        "Name the actions and the ARNs; an action that IAM knows no resource for needs a waiver.",
        _write_everywhere,
    ),
    PolicyRule(
        "LISA-P02",
        "bounded-role",
        "Every role has the permissions boundary when permissionsBoundaryAspect names one.",
        "In such accounts a role without it cannot be made, or is more than administrators allow.",
        "Make the role with LisaStack.role, or set the boundary.",
        _unbounded_roles,
    ),
    PolicyRule(
        "LISA-P03",
        "foreign-trust",
        "Roles trust AWS services and the deployment's own account; a permission specifies its caller.",
        "Other trusted principals can act in the account without one of its identities.",
        "Name the service, or the deployment's account; give the permission a SourceArn.",
        _foreign_trust,
    ),
    PolicyRule(
        "LISA-P04",
        "secret-in-clear",
        "No template holds a secret: not in a variable, a password or a secret's value.",
        "Templates are committed, and anyone who may describe a stack reads them.",
        "Write the ARN of a Secrets Manager secret, or a dynamic reference to it.",
        _written_secret,
    ),
    PolicyRule(
        "LISA-P05",
        "own-partition",
        "Every ARN is of the partition that the environment is deployed in.",
        "An ARN of another partition fails the deployment, in isolated regions hours after the review.",
        "Use the ARN of a resource in the partition of the region.",
        _foreign_partition,
    ),
)
