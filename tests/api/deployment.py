"""The compiled stacks of the API, deployed to the local AWS: what it cannot take is left out here, and nowhere else.

| what | why | instead |
|---|---|---|
| stacks networking, serve, ui | NAT gateways, flow logs, container services | parameters with invented ids |
| stack of a model | container services | its parameter alone |
| AUTHORITY of the authorizer | the issuer on this machine has no certificate | its address with http |
| DATABASE_ENCRYPTED of the repository function | PostgreSQL's binaries on this machine have no TLS | false |
| port of an existing database, address of the REST API | known when they run | put by `connect_repository` |
| integration responses of preflights | its CloudFormation drops them | put by API Gateway's own calls |
| layers' content | functions run with this Python, which has the packages | an empty archive |
| assets | what `cdk deploy` uploads | uploaded from the assembly by the same names |
"""

from __future__ import annotations

import copy
import io
import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.compiler.conftest import resources, templates

from api.local_aws import client

STACKS = ("iam", "core", "api-base", "models-api", "chat", "rag", "api-deployment")


@dataclass(frozen=True)
class Deployment:
    """The deployed API.

    Attributes:
        url: its address, with the stage.
        origin: the origin of the web application, that answers name.
        aws: address of the local AWS.
    """

    url: str
    origin: str
    aws: str


def deploy(files: Mapping[str, bytes], aws: str, authority: str) -> Deployment:
    """Deploy compiled files; the authorizer asks the issuer at `authority`."""
    found = templates(files)
    _publish_parameters(found, aws)
    _upload_code(files, found, aws)
    cloudformation = client("cloudformation", aws)
    for component in STACKS:
        _create(cloudformation, component, reduced(found[component], authority))
    api_id = client("ssm", aws).get_parameter(Name="/dev/test/lisa/api/id")["Parameter"]["Value"]
    origin = f"https://{api_id}.execute-api.us-east-1.amazonaws.com"
    for component in ("models-api", "chat", "rag"):
        _complete_preflights(aws, component, found[component], api_id, origin)
    return Deployment(url=f"{aws}/restapis/{api_id}/dev/_user_request_", origin=origin, aws=aws)


def connect_repository(aws: str, repository: str, *, rest_api: str, port: int, password: str) -> None:
    """Lead a deployed repository, before its first use, to the gateway and to the database that run on this machine."""
    ssm = client("ssm", aws)
    name = f"/dev/test/lisa/repositories/{repository}"
    connection = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    secret = {"username": connection["username"], "password": password}
    client("secretsmanager", aws).create_secret(Name=connection["passwordSecretId"], SecretString=json.dumps(secret))
    ssm.put_parameter(Name=name, Value=json.dumps(connection | {"dbPort": port}), Type="String", Overwrite=True)
    ssm.put_parameter(Name="/dev/test/lisa/lisaServeRestApiUri", Value=rest_api, Type="String", Overwrite=True)


def reduced(template: dict[str, Any], authority: str) -> dict[str, Any]:
    """A template without what the local AWS cannot take."""
    kept: dict[str, Any] = copy.deepcopy(template)
    for part in kept["Resources"].values():
        if part["Type"] == "AWS::Lambda::LayerVersion":
            part["Properties"]["Content"] = {"S3Bucket": "layers", "S3Key": "empty.zip"}
        variables = part.get("Properties", {}).get("Environment", {}).get("Variables", {})
        if "AUTHORITY" in variables:
            variables["AUTHORITY"] = authority
        if "REGISTERED_REPOSITORIES" in variables:
            variables["DATABASE_ENCRYPTED"] = "false"
    kept.pop("Rules", None)
    kept.get("Parameters", {}).pop("BootstrapVersion", None)
    return kept


def _publish_parameters(found: dict[str, dict[str, Any]], aws: str) -> None:
    """What the stacks that are left out publish and others read."""
    ssm = client("ssm", aws)
    invented = {
        "networking/privateSubnetIds": "subnet-11111111,subnet-22222222",
        "networking/vpcId": "vpc-11111111",
        "networking/securityGroups/functions": "sg-11111111",
        "lisaServeRestApiUri": "http://127.0.0.1:1",
    }
    for path, value in invented.items():
        ssm.put_parameter(Name=f"/dev/test/lisa/{path}", Value=value, Type="String")
    for parameter in resources(found["model-small"], "AWS::SSM::Parameter"):
        properties = parameter["Properties"]
        ssm.put_parameter(Name=properties["Name"], Value=properties["Value"], Type="String")


def _upload_code(files: Mapping[str, bytes], found: dict[str, dict[str, Any]], aws: str) -> None:
    s3 = client("s3", aws)
    s3.create_bucket(Bucket="layers")
    s3.put_object(Bucket="layers", Key="empty.zip", Body=_archive({"python/empty.txt": b""}))
    body = _archive(
        {path.removeprefix("lambdas/"): body for path, body in files.items() if path.startswith("lambdas/")}
    )
    places = {
        (place["S3Bucket"], place["S3Key"])
        for component in STACKS
        for function in resources(found[component], "AWS::Lambda::Function")
        if "S3Key" in (place := function["Properties"]["Code"])
    }
    for bucket, key in sorted(places):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def _complete_preflights(aws: str, component: str, template: dict[str, Any], api_id: str, origin: str) -> None:
    """Put the integration responses that a template gives to its preflights."""
    cloudformation, gateway = client("cloudformation", aws), client("apigateway", aws)
    for method in resources(template, "AWS::ApiGateway::Method"):
        properties = method["Properties"]
        for response in properties["Integration"].get("IntegrationResponses", []):
            resource = cloudformation.describe_stack_resource(
                StackName=component, LogicalResourceId=properties["ResourceId"]["Ref"]
            )
            gateway.put_integration_response(
                restApiId=api_id,
                resourceId=resource["StackResourceDetail"]["PhysicalResourceId"],
                httpMethod=properties["HttpMethod"],
                statusCode=response["StatusCode"],
                # Only the origin is not known when the template is compiled.
                responseParameters={
                    name: value if isinstance(value, str) else f"'{origin}'"
                    for name, value in response["ResponseParameters"].items()
                },
            )


def _archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in files.items():
            archive.writestr(path, body)
    return buffer.getvalue()


def _create(cloudformation: Any, name: str, template: dict[str, Any]) -> None:
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    for _ in range(600):
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            reasons = [event.get("ResourceStatusReason", "") for event in events if "FAILED" in event["ResourceStatus"]]
            raise RuntimeError(f"{name}: {stack['StackStatus']}: {'; '.join(filter(None, reasons))}")
        time.sleep(0.1)
    raise TimeoutError(name)
