"""Compiled stacks, deployed to the local AWS. What it cannot take is left out here, and nowhere else.

| what | why | instead |
|---|---|---|
| the networking stack | NAT gateways, flow logs | its parameters with invented ids, and the private zone |
| the ui stack | API Gateway cannot serve a bucket | `lisa_compiler.dev.web` |
| AUTHORITY of the authorizer | the issuer on this machine has no certificate | its address with http |
| DATABASE_ENCRYPTED, DATABASE_CA_FILE | PostgreSQL's binaries on this machine have no TLS | false, none |
| custom resources that make users of databases | the database starts later | `connect` calls their function |
| port of a repository's database, address of the REST API | known when they run | put by `connect` |
| machine images in Parameter Store | it has few of AWS's, and takes none under their names | an invented id |
| layers' content | functions run with this machine's Python, which has the packages | an empty archive |
| record in a given hosted zone | the zone is in the account | none |
| alarms, number of a service's tasks | it knows neither metric math nor Application Auto Scaling | none |
| assets | what `cdk deploy` uploads | uploaded from the assembly by the same names |
"""

from __future__ import annotations

import copy
import io
import json
import time
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import translate_aws_errors
from lisa_compiler.plan.names import HOSTED_DOMAIN_NAME, REST_API_URL, REST_API_VPC_URL
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lisa_compiler.compile.pipeline import Compiled
    from lisa_compiler.dev.database import Database
    from lisa_compiler.dev.local_aws import LocalAws
    from lisa_compiler.plan import RepositoryPlan

_LEFT_OUT = ("networking", "ui")
# A local system runs at night, too.
_LEFT_OUT_TYPES = ("AWS::ApplicationAutoScaling::", "AWS::AutoScaling::ScheduledAction", "AWS::CloudWatch::")
_EMPTY_LAYER = ("lisa-dev-layers", "empty.zip")
_DATABASE_CLIENTS = ("lisa_lambdas.repository.", "lisa_lambdas.database.")
"""Start of the handlers of the functions that connect to databases."""
_CREATE_SECONDS = 120
_STUB_IMAGE = "ami-11111111"
_STUBS = {"vpcId": "vpc-11111111", "/subnets/": "subnet-11111111,subnet-22222222", "securityGroups": "sg-11111111"}


class LocalDeployError(LisaError):
    """The local AWS did not take a stack; the text says which, and what CloudFormation said."""


@contextmanager
def _reporting() -> Iterator[None]:
    """Translate what a service of the local AWS rejects into a DeployError: no file of the project is at fault."""
    try:
        with translate_aws_errors("The local AWS cannot be used"):
            yield
    except RequestError as error:
        if not error.code:
            raise LocalDeployError(str(error)) from error
        raise LocalDeployError(f"The local AWS rejected {error.operation} ({error.code}): {error.reason}") from error


@_reporting()
def deploy(
    compiled: Compiled, aws: LocalAws, *, authority: str, tell: Callable[[str], None] = lambda _stage: None
) -> str:
    """Deploy what was compiled; the authorizer asks the issuer at `authority`. Returns the address of the API.

    Raises:
        DeployError: the local AWS refuses a stack or a request.
    """
    deployment = compiled.deployment
    components = [stack.component for stack in deployment.stacks]
    found = {component: _template(compiled.files, component) for component in components}
    _stub_network(found["networking"], deployment.names.private_zone, aws)
    _upload_code(compiled, found, aws)
    cloudformation = aws.client("cloudformation")
    for component in components:
        if component not in _LEFT_OUT:
            tell(f"deploying {component}")
            _create(cloudformation, deployment.stack(component).name, _strip_unsupported(found[component], authority))
    api_id = aws.client("ssm").get_parameter(Name=deployment.names.parameter("api/id"))["Parameter"]["Value"]
    return f"{aws.url}/restapis/{api_id}/{deployment.config.deployment_stage}/_user_request_"


@_reporting()
def connect(
    compiled: Compiled,
    aws: LocalAws,
    *,
    rest_api: str,
    database: Database | None = None,
    secrets: Mapping[str, str] | None = None,
) -> None:
    """Lead the functions, before their first use, to the gateway and to the database that run on this machine.

    Args:
        compiled: what is deployed.
        aws: the local AWS.
        rest_api: address of the gateway.
        database: the database; None where no repository needs one.
        secrets: further secrets: values by name.

    Raises:
        DeployError: the local AWS refuses a request.
    """
    ssm = aws.client("ssm")
    names = compiled.deployment.names
    manager = aws.client("secretsmanager")
    for secret, value in (secrets or {}).items():
        manager.create_secret(Name=secret, SecretString=value)
    for path in (REST_API_URL, REST_API_VPC_URL):
        ssm.put_parameter(Name=names.parameter(path), Value=rest_api, Type="String", Overwrite=True)
    if database is None:
        return
    content = json.dumps({"username": database.user, "password": database.password})
    administrators = {
        rds.password_secret_id
        for repository in compiled.deployment.repositories
        if (rds := repository.config.rds_config) is not None
    }
    for secret in sorted(filter(None, administrators)):
        manager.create_secret(Name=secret, SecretString=content)
    for repository in compiled.deployment.repositories:
        name = repository.connection_parameter
        connection = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"]) | {"dbPort": database.port}
        ssm.put_parameter(Name=name, Value=json.dumps(connection), Type="String", Overwrite=True)
        if repository.database_user is not None:
            _make_user(compiled, aws, repository, connection)


def _make_user(compiled: Compiled, aws: LocalAws, repository: RepositoryPlan, connection: Mapping[str, Any]) -> None:
    """Have the function of the rag stack prepare the database, as its custom resource does in an account.

    Raises:
        LocalDeployError: it cannot.
    """
    rds = repository.config.rds_config
    assert rds is not None  # noqa: S101  (every repository of the local system is in the database)
    wanted = {name: value for name, value in connection.items() if name != "type"} | {
        "administrator": rds.username,
        "administratorSecretId": rds.password_secret_id,
    }
    answer = aws.client("lambda").invoke(
        FunctionName=compiled.deployment.names.function("database"),
        Payload=json.dumps({"ResourceProperties": {"Connection": json.dumps(wanted)}}).encode(),
    )
    found = answer["Payload"].read().decode()
    if "FunctionError" in answer or json.loads(found).get("User") != repository.database_user:
        raise LocalDeployError(f"The database of repository {repository.config.repository_id} is not prepared: {found}")


def _template(files: Mapping[str, bytes], component: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files[f"cloudformation/{component}.template.json"])
    return content


def _resources(template: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    return (resource for resource in template["Resources"].values() if resource["Type"] == kind)


def _stub_network(template: Mapping[str, Any], private_zone: str, aws: LocalAws) -> None:
    """Publish what the networking stack would, and make the zone that models are named in."""
    ssm = aws.client("ssm")
    made = aws.client("route53").create_hosted_zone(Name=private_zone, CallerReference="lisa-dev")
    zone = made["HostedZone"]["Id"].rpartition("/")[2]
    for parameter in _resources(template, "AWS::SSM::Parameter"):
        name = parameter["Properties"]["Name"]
        value = next((value for part, value in _STUBS.items() if part in name), zone)
        ssm.put_parameter(Name=name, Value=value, Type=parameter["Properties"]["Type"])


def _upload_code(compiled: Compiled, found: Mapping[str, Mapping[str, Any]], aws: LocalAws) -> None:
    s3 = aws.client("s3")
    products = compiled.products
    code = {products.artifacts[name].sha256: files for name, files in products.files.items()}
    content = {_EMPTY_LAYER: _archive({"python/empty.txt": b""})}
    for component, template in found.items():
        for function in _resources(template, "AWS::Lambda::Function") if component not in _LEFT_OUT else ():
            if "S3Key" in (place := function["Properties"]["Code"]):
                content[place["S3Bucket"], place["S3Key"]] = _archive(code[place["S3Key"].removesuffix(".zip")])
    for bucket in {bucket for bucket, _ in content}:
        aws.create_bucket(bucket)
    for (bucket, key), body in content.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def _archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in files.items():
            archive.writestr(path, body)
    return buffer.getvalue()


def _strip_unsupported(template: Mapping[str, Any], authority: str) -> dict[str, Any]:
    """A template without what the local AWS cannot take."""
    kept: dict[str, Any] = copy.deepcopy(dict(template))
    for part in kept["Resources"].values():
        if part["Type"] == "AWS::Lambda::LayerVersion":
            part["Properties"]["Content"] = dict(zip(("S3Bucket", "S3Key"), _EMPTY_LAYER, strict=True))
        variables = part.get("Properties", {}).get("Environment", {}).get("Variables", {})
        if "AUTHORITY" in variables:
            variables["AUTHORITY"] = authority
        if part.get("Properties", {}).get("Handler", "").startswith(_DATABASE_CLIENTS):
            variables["DATABASE_ENCRYPTED"] = "false"
            variables.pop("DATABASE_CA_FILE", None)
    # The zone is in the account.
    kept["Resources"].pop(HOSTED_DOMAIN_NAME, None)
    resources = kept["Resources"]
    resources = {
        name: part
        for name, part in resources.items()
        if not part["Type"].startswith(_LEFT_OUT_TYPES) and "Connection" not in part.get("Properties", {})
    }
    for part in resources.values():
        if "DependsOn" in part:
            needed = part["DependsOn"]
            part["DependsOn"] = [
                name for name in ([needed] if isinstance(needed, str) else needed) if name in resources
            ]
    kept["Resources"] = resources
    for parameter in kept.get("Parameters", {}).values():
        if "AWS::EC2::Image::Id" in parameter["Type"]:
            parameter |= {"Type": "AWS::EC2::Image::Id", "Default": _STUB_IMAGE}
    kept.pop("Rules", None)
    kept.get("Parameters", {}).pop("BootstrapVersion", None)
    return kept


def _create(cloudformation: Any, name: str, template: Mapping[str, Any]) -> None:
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    deadline = time.monotonic() + _CREATE_SECONDS
    status = "CREATE_IN_PROGRESS"
    while status.endswith("IN_PROGRESS") and time.monotonic() < deadline:
        time.sleep(0.05)
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    if status != "CREATE_COMPLETE":
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [event.get("ResourceStatusReason", "") for event in events if "FAILED" in event["ResourceStatus"]]
        raise LocalDeployError(
            f"The AWS emulator did not create the stack {name} ({status}): {'; '.join(filter(None, reasons))}"
        )
