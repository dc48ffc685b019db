"""Facts about names: the deployment's own stacks, and what exists already under the names that templates give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import translate_aws_errors
from lisa_compiler.deploy.preflight.facts import Answer
from lisa_compiler.plan.names import LEDGER_TABLE

if TYPE_CHECKING:
    from lisa_compiler.deploy.preflight.account_reader import AccountReader
    from lisa_compiler.deploy.preflight.requirements import Requirements

_GONE = "DELETE_COMPLETE"


def bootstrap(asker: AccountReader, requirements: Requirements) -> Answer[int]:
    """Version of the bootstrap stack; 0 for none."""
    name = requirements.bootstrap_parameter
    if not name:
        return Answer(value=0)
    answer = asker.found(
        "ssm:GetParameter",
        lambda: int(asker.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]),
        "ParameterNotFound",
    )
    return answer if answer.unknown else Answer(value=answer.value or 0)


def has_ledger(asker: AccountReader) -> Answer[bool]:
    """Whether the table exists in which deployments are locked and recorded."""

    def question() -> bool:
        return bool(asker.client("dynamodb").describe_table(TableName=LEDGER_TABLE))

    answer = asker.found("dynamodb:DescribeTable", question, "ResourceNotFoundException")
    return answer if answer.unknown else Answer(value=bool(answer.value))


def stacks(asker: AccountReader, requirements: Requirements) -> Answer[dict[str, str]]:
    """Status of the deployment's own stacks."""
    own = set(requirements.stacks)

    def question() -> dict[str, str]:
        found = [one for page in asker.pages("cloudformation", "describe_stacks") for one in page["Stacks"]]
        return {one["StackName"]: one["StackStatus"] for one in found if one["StackName"] in own}

    return asker.ask("cloudformation:DescribeStacks", question)


def stack_resources(asker: AccountReader, made: Answer[dict[str, str]]) -> Answer[tuple[str, ...]]:
    """Physical IDs of what the deployment's stacks have."""
    if made.value is None:
        return Answer(unknown=made.unknown)
    names = sorted(made.value)

    def question() -> tuple[str, ...]:
        found = {
            str(one.get("PhysicalResourceId", ""))
            for name in names
            for page in asker.pages("cloudformation", "list_stack_resources", StackName=name)
            for one in page["StackResourceSummaries"]
            if one["ResourceStatus"] != _GONE
        }
        return tuple(sorted(found - {""}))

    return asker.ask("cloudformation:ListStackResources", question) if names else Answer(value=())


def existing(asker: AccountReader, kind: str, names: Sequence[str]) -> Answer[tuple[str, ...]]:
    """Which of these names exist already as a resource of this type."""
    permission, listed = _LISTERS[kind]

    def question() -> tuple[str, ...]:
        wanted = set(names)
        return tuple(sorted(wanted & set(listed(asker, names))))

    return asker.ask(permission, question)


def models_bucket(asker: AccountReader, requirements: Requirements) -> Answer[str]:
    """Region of the bucket that the weights are in; None when there is none."""
    bucket = requirements.models_bucket
    if bucket is None:
        return Answer()

    def question() -> str:
        answer = asker.client("s3").head_bucket(Bucket=bucket)
        return str(answer.get("BucketRegion") or asker.account.region)

    return asker.found("s3:ListBucket", question, "404", "NoSuchBucket")


def _paged(
    service: str, operation: str, pick: Callable[[Any], Iterable[str]], **parameters: str
) -> Callable[..., Iterable[str]]:
    def listed(asker: AccountReader, _names: Sequence[str]) -> Iterable[str]:
        return [name for page in asker.pages(service, operation, **parameters) for name in pick(page)]

    return listed


def _log_groups(asker: AccountReader, names: Sequence[str]) -> Iterable[str]:
    for prefix in sorted({_common(names, "/aws/"), _common(names, "/lisa/")} - {""}):
        for page in asker.pages("logs", "describe_log_groups", logGroupNamePrefix=prefix):
            yield from (one["logGroupName"] for one in page["logGroups"])


def _common(names: Sequence[str], start: str) -> str:
    """What all names that begin so have in common, so that an account with many log groups answers soon."""
    found = [name for name in names if name.startswith(start)]
    if not found:
        return ""
    first, last = min(found), max(found)
    length = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]


def _buckets(asker: AccountReader, names: Sequence[str]) -> Iterable[str]:
    """Buckets that exist, in this account or another: names are unique in a partition."""
    for name in names:
        try:
            with translate_aws_errors(f"The bucket {name}"):
                asker.client("s3").head_bucket(Bucket=name)
        except RequestError as error:
            if error.code in {"404", "NoSuchBucket"}:
                continue
            if error.code not in {"403", "301"}:
                raise
        yield name


def _domains(asker: AccountReader, _names: Sequence[str]) -> Iterable[str]:
    return [one["DomainName"] for one in asker.client("opensearch").list_domain_names()["DomainNames"]]


def _parameters(asker: AccountReader, names: Sequence[str]) -> Iterable[str]:
    for start in range(0, len(names), 50):
        wanted = [{"Key": "Name", "Option": "Equals", "Values": list(names[start : start + 50])}]
        for page in asker.pages("ssm", "describe_parameters", ParameterFilters=wanted):
            yield from (one["Name"] for one in page["Parameters"])


def _secrets(asker: AccountReader, _names: Sequence[str]) -> Iterable[str]:
    """Secrets, those that are scheduled for deletion included: their names are taken until then."""
    for page in asker.pages("secretsmanager", "list_secrets", IncludePlannedDeletion=True):
        yield from (one["Name"] for one in page["SecretList"])


_LISTERS: dict[str, tuple[str, Callable[..., Iterable[str]]]] = {
    "AWS::ApiGateway::DomainName": (
        "apigateway:GET",
        _paged("apigateway", "get_domain_names", lambda page: [one["domainName"] for one in page.get("items", ())]),
    ),
    "AWS::AutoScaling::AutoScalingGroup": (
        "autoscaling:DescribeAutoScalingGroups",
        _paged(
            "autoscaling",
            "describe_auto_scaling_groups",
            lambda page: [one["AutoScalingGroupName"] for one in page["AutoScalingGroups"]],
        ),
    ),
    "AWS::DynamoDB::Table": (
        "dynamodb:ListTables",
        _paged("dynamodb", "list_tables", lambda page: page["TableNames"]),
    ),
    "AWS::ECS::Cluster": (
        "ecs:ListClusters",
        _paged("ecs", "list_clusters", lambda page: [arn.rpartition("/")[2] for arn in page["clusterArns"]]),
    ),
    "AWS::IAM::InstanceProfile": (
        "iam:ListInstanceProfiles",
        _paged(
            "iam",
            "list_instance_profiles",
            lambda page: [one["InstanceProfileName"] for one in page["InstanceProfiles"]],
        ),
    ),
    "AWS::IAM::ManagedPolicy": (
        "iam:ListPolicies",
        _paged("iam", "list_policies", lambda page: [one["PolicyName"] for one in page["Policies"]], Scope="Local"),
    ),
    "AWS::IAM::Role": (
        "iam:ListRoles",
        _paged("iam", "list_roles", lambda page: [one["RoleName"] for one in page["Roles"]]),
    ),
    "AWS::Lambda::Function": (
        "lambda:ListFunctions",
        _paged("lambda", "list_functions", lambda page: [one["FunctionName"] for one in page["Functions"]]),
    ),
    "AWS::Logs::LogGroup": ("logs:DescribeLogGroups", _log_groups),
    "AWS::OpenSearchService::Domain": ("es:ListDomainNames", _domains),
    "AWS::RDS::DBInstance": (
        "rds:DescribeDBInstances",
        _paged(
            "rds", "describe_db_instances", lambda page: [one["DBInstanceIdentifier"] for one in page["DBInstances"]]
        ),
    ),
    "AWS::S3::Bucket": ("s3:ListBucket", _buckets),
    "AWS::SSM::Parameter": ("ssm:DescribeParameters", _parameters),
    "AWS::SecretsManager::Secret": ("secretsmanager:ListSecrets", _secrets),
}
