"""Checks of the account: roles and policies that must exist, the bootstrap stack, and names that are taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lisa_compiler.deploy.preflight.facts import MISSING, Answer
from lisa_compiler.deploy.preflight.result import Result, Status
from lisa_compiler.plan.names import LEDGER_TABLE
from lisa_weights.store.missing_bucket import missing_bucket_fix

if TYPE_CHECKING:
    from lisa_compiler.deploy.preflight.facts import Facts
    from lisa_compiler.deploy.preflight.requirements import Requirements

_OPENSEARCH = "opensearchservice.amazonaws.com"
_NOUNS = {
    "AWS::ApiGateway::DomainName": "domain name of API Gateway",
    "AWS::AutoScaling::AutoScalingGroup": "Auto Scaling group",
    "AWS::DynamoDB::Table": "DynamoDB table",
    "AWS::ECS::Cluster": "ECS cluster",
    "AWS::IAM::InstanceProfile": "instance profile",
    "AWS::IAM::ManagedPolicy": "managed policy",
    "AWS::IAM::Role": "IAM role",
    "AWS::Lambda::Function": "Lambda function",
    "AWS::Logs::LogGroup": "log group",
    "AWS::OpenSearchService::Domain": "OpenSearch domain",
    "AWS::RDS::DBInstance": "RDS database",
    "AWS::S3::Bucket": "S3 bucket",
    "AWS::SSM::Parameter": "SSM parameter",
    "AWS::SecretsManager::Secret": "secret",
}
_STUCK = ("ROLLBACK_FAILED", "DELETE_FAILED")


def check_service_roles(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That service-linked roles exist, and that the templates create none that exists."""
    for service, role in sorted(requirements.service_roles.items()):
        answer = facts.service_roles.get(role)
        creates = service in requirements.creates_service_roles
        command = f"Run `aws iam create-service-linked-role --aws-service-name {service}`."
        if answer is None or answer.value is None:
            why = answer.unknown if answer else MISSING
            yield Result("service-role", role, Status.UNKNOWN, f"It is unknown whether the role exists: {why}.")
        elif answer.value and creates and not _is_deployed(role, facts):
            message = "The role exists, but a template creates it."
            yield Result("service-role", role, Status.FAILS, message, "Set CreateOpenSearchServiceLinkedRole to false.")
        elif answer.value or creates:
            yield Result(
                "service-role", role, Status.OK, "The role exists." if answer.value else "A template creates it."
            )
        elif service == _OPENSEARCH:
            message = "The role does not exist; it is required to create a domain in a VPC."
            yield Result("service-role", role, Status.FAILS, message, command)
        else:
            message = "The role does not exist. AWS creates it at first use; until then the first deployment can fail."
            yield Result("service-role", role, Status.WARNING, message, command)


def _is_deployed(role: str, facts: Facts) -> bool:
    return role in (facts.stack_resources.value or ())


def check_policies(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That the permissions boundary exists."""
    for arn in requirements.policies:
        answer = facts.policies.get(arn)
        subject = arn.rpartition("/")[2]
        if answer is None or answer.value is None:
            why = answer.unknown if answer else MISSING
            yield Result("boundary", subject, Status.UNKNOWN, f"It is unknown whether the policy exists: {why}.")
        elif answer.value:
            yield Result("boundary", subject, Status.OK, "The policy exists.")
        else:
            fix = "Create the policy, or correct permissionsBoundaryAspect.permissionsBoundaryPolicyName."
            yield Result(
                "boundary", subject, Status.FAILS, f"{arn} does not exist; roles cannot be created without it.", fix
            )


def check_bootstrap(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That the bootstrap stack is there, and new enough."""
    needed = requirements.bootstrap_version
    if not needed:
        return
    subject = requirements.bootstrap_parameter
    fix = f"Run `lisa bootstrap --env {requirements.environment}`."
    found = facts.bootstrap.value
    if found is None:
        message = f"The version of the bootstrap stack is unknown: {facts.bootstrap.unknown}."
        yield Result("bootstrap", subject, Status.UNKNOWN, message)
    elif not found:
        yield Result("bootstrap", subject, Status.FAILS, "The Region is not bootstrapped.", fix)
    elif found < needed:
        message = f"The bootstrap stack has version {found}, but version {needed} is required."
        yield Result("bootstrap", subject, Status.FAILS, message, fix)
    else:
        yield Result("bootstrap", subject, Status.OK, f"The bootstrap stack has version {found}.")


def check_ledger(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That the table exists in which deployments are locked and recorded."""
    found = facts.has_ledger
    if found.value is None:
        message = f"It is unknown whether the table exists: {found.unknown}."
        yield Result("ledger", LEDGER_TABLE, Status.UNKNOWN, message)
    elif not found.value:
        fix = f"Run `lisa bootstrap --env {requirements.environment}`, also where an earlier version has run it."
        yield Result("ledger", LEDGER_TABLE, Status.FAILS, "The table of deployments does not exist.", fix)
    else:
        yield Result("ledger", LEDGER_TABLE, Status.OK, "The table of deployments exists.")


def check_keys(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That the KMS keys which the configuration names can be used."""
    for use in requirements.keys:
        answer = facts.keys.get(use.arn, Answer(unknown=MISSING))
        found = answer.value
        if answer.unknown:
            message = f"It is unknown whether the key of {use.key} exists: {answer.unknown}."
            yield Result("key", use.arn, Status.UNKNOWN, message)
        elif found is None:
            yield Result("key", use.arn, Status.FAILS, "The key does not exist.", f"Correct {use.key}.")
        elif found.state != "Enabled":
            fix = f"Enable it, cancel its deletion, or change {use.key}."
            yield Result("key", use.arn, Status.FAILS, f"The key cannot be used: its state is {found.state}.", fix)
        elif not found.is_symmetric:
            fix = f"Set {use.key} to a symmetric encryption key."
            yield Result("key", use.arn, Status.FAILS, "The key is asymmetric, or signs only.", fix)
        else:
            yield Result("key", use.arn, Status.OK, f"The key of {use.key} is enabled.")


def check_stacks(requirements: Requirements, facts: Facts) -> Iterator[Result]:  # noqa: ARG001  # as every check
    """That no stack of the deployment is in a state that an update does not leave."""
    for name, status in sorted((facts.stacks.value or {}).items()):
        if status.endswith(_STUCK):
            fix = "Read its events and fix the cause; `lisa deploy` continues the rollback or finishes the deletion."
            yield Result("stack", name, Status.FAILS, f"Its status is {status}.", fix)


def check_names(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That no name which the templates give exists already, outside of the deployment's own stacks."""
    own = facts.stack_resources
    for kind, names in sorted(requirements.names.items()):
        noun = _NOUNS[kind]
        answer = facts.existing.get(kind)
        subject = f"{len(names)} {noun}{'' if len(names) == 1 else 's'}"
        if answer is None or answer.value is None:
            why = answer.unknown if answer else MISSING
            yield Result("name", subject, Status.UNKNOWN, f"It is unknown whether the names are available: {why}.")
            continue
        if answer.value and own.value is None:
            message = f"It is unknown whether {', '.join(answer.value)} belong to the deployment: {own.unknown}."
            yield Result("name", subject, Status.UNKNOWN, message)
            continue
        taken = [name for name in answer.value if not _owned(name, own.value or ())]
        for name in taken:
            yield Result("name", name, Status.FAILS, f"This {noun} already exists and cannot be created.", _free(kind))
        if not taken:
            yield Result("name", subject, Status.OK, "No name is in use.")


def _owned(name: str, physical_ids: tuple[str, ...]) -> bool:
    """Whether a stack has it: most physical IDs are names, and some are ARNs that end with the name."""
    return any(one == name or f":{name}-" in one or one.endswith((f"/{name}", f":{name}")) for one in physical_ids)


def _free(kind: str) -> str:
    if kind == "AWS::SecretsManager::Secret":
        return "Restore or delete it: `aws secretsmanager delete-secret --force-delete-without-recovery`, or rename."
    return "It may be from an earlier deployment: delete it if it is no longer needed, or change deploymentName."


def check_models_bucket(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That the bucket of the weights exists, in the region."""
    bucket = requirements.models_bucket
    if bucket is None:
        return
    answer = facts.models_bucket
    if answer.unknown:
        yield Result("models-bucket", bucket, Status.UNKNOWN, f"It is unknown whether it exists: {answer.unknown}.")
    elif answer.value is None:
        fix = f"{missing_bucket_fix(bucket, requirements.region)}; then run `lisa weights stage`."
        yield Result("models-bucket", bucket, Status.FAILS, "It does not exist.", fix)
    elif answer.value != requirements.region:
        message = f"It is in {answer.value}: weights are transferred between Regions at each start."
        yield Result("models-bucket", bucket, Status.WARNING, message, "Use a bucket in the Region.")
    else:
        yield Result("models-bucket", bucket, Status.OK, "It exists in the Region.")
