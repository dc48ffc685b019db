"""What has a role, and the names that its calls are made with: variables of functions and tasks, settings of instances.

Names are read where the program reads them, in the templates, and never in the policies that they are compared with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from permissions.deployed import Deployed
from permissions.role import Role

Variables = Mapping[str, list[str]]
"""Values by name; several where the program works with several, none where it has no such thing."""

_SETTINGS = re.compile(r'\{"cluster":"[^\n]*\}')
_BUNDLE = re.compile(r"https://(?P<bucket>[^/.]+)\.s3\.[^/ ]+/(?P<key>\S+)")
_IMAGE = re.compile(r"(?P<account>\d+)\.dkr\.ecr\.(?P<region>[^.]+)\.[^/]+/(?P<repository>[^:@]+)")
_MODEL_KEY = re.compile(r":secret:[^/]+/models/[^/]+/key-")
_WEBSITE = re.compile(r":s3:path/(?P<bucket>[^/]+)/")


def users(deployed: Deployed, role: Role) -> list[Variables]:
    """Variables of each function, task, instance or service that has a role; none has one that nothing uses."""
    return [{**common(deployed), **found} for find in _FINDERS for found in find(deployed, role)]


def common(deployed: Deployed) -> Variables:
    """What is the same for all programs of a deployment."""
    (key,) = (deployed.arn_of(component, found) for component, found, _ in deployed.resources("AWS::KMS::Key"))
    gateway = _cluster(deployed, "serve")
    scope = gateway.removesuffix("-rest-api")
    models = sorted(name for name in deployed.templates if name.startswith("model-"))
    stacks = {deployed.stacks[name].replace(name, "model-*") for name in models}
    return {
        "ACCOUNT": [deployed.account],
        "REGION": [deployed.region],
        "KEY": [key],
        "GATEWAY_CLUSTER": [gateway],
        "MODEL_CLUSTER": [_cluster(deployed, name) for name in models],
        "MODEL_CLUSTERS": [f"{scope}-*"],
        "MODEL_STACKS": sorted(stacks),
    }


def _functions(deployed: Deployed, role: Role) -> Iterator[Variables]:
    for component, logical_id, properties in deployed.resources("AWS::Lambda::Function"):
        if deployed.resolve(component, properties["Role"]) != role.arn:
            continue
        variables = properties.get("Environment", {}).get("Variables", {})
        yield {
            **_resolved(deployed, component, variables),
            "FUNCTION": [properties["FunctionName"]],
            "VARIABLES_KEY": _as_values(deployed.resolve(component, properties.get("KmsKeyArn"))),
            "IN_VPC": ["*"] if "VpcConfig" in properties else [],
            "IS_TRACED": ["*"] if properties.get("TracingConfig", {}).get("Mode") == "Active" else [],
            "SIGN_OUTS_KEY": common(deployed)["KEY"] if variables.get("SIGN_OUT_TABLE_NAME") else [],
            **_event(deployed, component, logical_id),
            **_stores(deployed),
        }


def _event(deployed: Deployed, component: str, function: str) -> Variables:
    """Properties of the custom resource that a function makes."""
    for place, _, properties in deployed.resources("AWS::CloudFormation::CustomResource"):
        if place == component and properties["ServiceToken"] == {"Fn::GetAtt": [function, "Arn"]}:
            named = {name: value for name, value in properties.items() if name.startswith(("Bucket", "Source"))}
            found = _resolved(deployed, component, named)
            # The older synthesizer of the CDK gives keys when it deploys.
            keys = ["web-*" if key.startswith("web-") else key for key in found.get("SourceKey", [])]
            return {**found, "ANY_SOURCE_KEY": keys}
    return {}


def _stores(deployed: Deployed) -> Variables:
    """Secrets and search domains of the RAG repositories, as their parameters name them."""
    secrets = [
        deployed.arn_of(component, found)
        for component, found, _ in deployed.resources("AWS::SecretsManager::Secret")
        if component == "rag"
    ]
    any_secrets = [f"{arn[:-6]}??????" for arn in secrets]
    configured = []
    domains = [properties["DomainName"] for _, _, properties in deployed.resources("AWS::OpenSearchService::Domain")]
    for component, _, properties in deployed.resources("AWS::SSM::Parameter"):
        if component == "rag" and isinstance(properties["Value"], str) and "passwordSecretId" in properties["Value"]:
            secret = json.loads(properties["Value"])["passwordSecretId"]
            arn = deployed.arn("secretsmanager", f"secret:{secret}-AbCdEf")
            configured.append(secret if secret.startswith("arn:") else arn)
            any_secrets.append(secret if secret.startswith("arn:") else f"{arn[:-6]}??????")
    secrets += configured
    keys = common(deployed)["KEY"] if secrets else []
    return {
        "DATABASE_SECRET": secrets,
        "DATABASE_SECRET_ANY": any_secrets,
        "DATABASE_SECRET_KEY": keys,
        "DATABASE_SECRET_OWN_KEY": _own_keys(deployed, configured),
        "SEARCH_DOMAIN": domains,
    }


def _own_keys(deployed: Deployed, arns: Iterable[str]) -> list[str]:
    """Keys of secretKeyArns that are in the account and Region of some secret or parameter: any may encrypt it."""
    places = {tuple(arn.split(":")[3:5]) for arn in arns}
    return [key for key in deployed.secret_keys if tuple(key.split(":")[3:5]) in places]


def _model_keys(deployed: Deployed) -> Variables:
    """Secrets with the keys of models, which are in the stacks of these."""
    keys = [
        deployed.arn_of(component, found)
        for component, found, _ in deployed.resources("AWS::SecretsManager::Secret")
        if component.startswith("model-")
    ]
    scope = _cluster(deployed, "serve").removesuffix("-rest-api")
    return {
        "MODEL_KEY": keys,
        "MODEL_KEYS": [deployed.arn("secretsmanager", f"secret:{scope}/models/*/key-??????")],
        "MODEL_KEY_KEY": common(deployed)["KEY"] if keys else [],
    }


def _content_store(deployed: Deployed) -> Variables:
    """Where audited content is kept, as the gateway's routes name it."""
    names = {"CONTENT_BUCKET": "bucket", "CONTENT_DEPLOYMENT": "deployment", "CONTENT_KEY": "keyArn"}
    found = deployed.content_store
    return {variable: [found[name]] if found else [] for variable, name in names.items()}


def _tasks(deployed: Deployed, role: Role) -> Iterator[Variables]:
    for component, _, properties in deployed.resources("AWS::ECS::TaskDefinition"):
        if deployed.resolve(component, properties["TaskRoleArn"]) == role.arn:
            variables: dict[str, Any] = {}
            for container in properties["ContainerDefinitions"]:
                variables |= {one["Name"]: one["Value"] for one in container.get("Environment", [])}
            prefixes = deployed.weights.get(component, [])
            yield {
                **_resolved(deployed, component, variables),
                **_gateway_files(deployed, component, variables),
                **({**_model_keys(deployed), **_content_store(deployed)} if component == "serve" else {}),
                "WEIGHTS": prefixes,
            }


def _gateway_files(deployed: Deployed, component: str, variables: Mapping[str, Any]) -> Variables:
    """Files of the gateway's configuration, as the parameter that the task is started with names them."""
    for place, _, properties in deployed.resources("AWS::SSM::Parameter"):
        if place == component and properties["Name"] == variables.get("GATEWAY_CONFIGURATION_PS_NAME"):
            found = json.loads(deployed.resolve(component, properties["Value"]))
            files = [(found[name]["bucket"], found[name]["key"]) for name in ("litellm", "routes")]
            # The older synthesizer of the CDK gives keys when it deploys.
            any_files = {(bucket, "gateway-*" if key.startswith("gateway-") else key) for bucket, key in files}
            return {
                "CONFIGURATION": [f"{bucket}/{key}" for bucket, key in files],
                "ANY_CONFIGURATION": [f"{bucket}/{key}" for bucket, key in sorted(any_files)],
            }
    return {}


def _executions(deployed: Deployed, role: Role) -> Iterator[Variables]:
    for component, _, properties in deployed.resources("AWS::ECS::TaskDefinition"):
        if deployed.resolve(component, properties["ExecutionRoleArn"]) != role.arn:
            continue
        for container in deployed.resolve(component, properties["ContainerDefinitions"]):
            image = _IMAGE.match(container["Image"])
            # JSON key, version stage and version id follow the ARN, which IAM does not see.
            sources = [":".join(one["ValueFrom"].split(":")[:7]) for one in container.get("Secrets", [])]
            group = container["LogConfiguration"]["Options"]["awslogs-group"]
            yield {
                "ECR": ["*"] if image or deployed.ecr_accounts else [],
                "ECR_ACCOUNT": deployed.ecr_accounts,
                "IMAGE": [_repository(deployed, image)] if image and image["account"] == deployed.account else [],
                "LOG_GROUP": [group],
                "LOG_GROUPS": [group if component == "serve" else f"/lisa/{common(deployed)['MODEL_CLUSTERS'][0]}"],
                "SECRET": [arn for arn in sources if ":secretsmanager:" in arn and not _MODEL_KEY.search(arn)],
                "MODEL_KEY": [arn for arn in sources if _MODEL_KEY.search(arn)],
                "MODEL_KEYS": _model_keys(deployed)["MODEL_KEYS"],
                "PARAMETER": [arn for arn in sources if ":ssm:" in arn],
                "SECRET_KEY": [key for arn in sources if ":secretsmanager:" in arn for key in common(deployed)["KEY"]],
                "PARAMETER_KEY": [key for arn in sources if ":ssm:" in arn for key in common(deployed)["KEY"]],
                "SECRET_OWN_KEY": _own_keys(deployed, (arn for arn in sources if ":secretsmanager:" in arn)),
                "PARAMETER_OWN_KEY": _own_keys(deployed, (arn for arn in sources if ":ssm:" in arn)),
                "OTHERS_LOG_GROUP": [] if component == "serve" else [_gateway_log_group(deployed)],
            }


def _repository(deployed: Deployed, image: re.Match[str]) -> str:
    return f"arn:{deployed.partition}:ecr:{image['region']}:{image['account']}:repository/{image['repository']}"


def _instances(deployed: Deployed, role: Role) -> Iterator[Variables]:
    profiles = {
        properties["InstanceProfileName"]
        for component, _, properties in deployed.resources("AWS::IAM::InstanceProfile")
        if component == role.component and {"Ref": role.logical_id} in properties["Roles"]
    }
    for component, _, properties in deployed.resources("AWS::EC2::LaunchTemplate"):
        data = properties["LaunchTemplateData"]
        arn = data["IamInstanceProfile"]["Arn"]
        name = (
            deployed.templates[component]["Resources"][arn["Fn::GetAtt"][0]]["Properties"]["InstanceProfileName"]
            if isinstance(arn, Mapping)
            else arn.rpartition("/")[2]
        )
        if name not in profiles:
            continue
        text = deployed.resolve(component, data["UserData"])
        found = _SETTINGS.search(text)
        assert found
        settings = json.loads(found[0])
        bundle = _BUNDLE.search(text)
        is_gateway = component == "serve"
        yield {
            "CLUSTER": [settings["cluster"]],
            "CLUSTERS": [settings["cluster"]] if is_gateway else common(deployed)["MODEL_CLUSTERS"],
            "OTHERS_CLUSTER": [] if is_gateway else common(deployed)["GATEWAY_CLUSTER"],
            "STACK": [settings["stack"]],
            "STACKS": [settings["stack"]] if is_gateway else common(deployed)["MODEL_STACKS"],
            "TARGET_GROUP": ["*"] if settings["targetGroup"] else [],
            "TRUST_BUNDLE": [f"{bundle['bucket']}/{bundle['key']}"] if bundle else [],
        }


def _integrations(deployed: Deployed, role: Role) -> Iterator[Variables]:
    buckets = set()
    for component, _, properties in deployed.resources("AWS::ApiGateway::Method"):
        integration = properties.get("Integration", {})
        if "Credentials" in integration and deployed.resolve(component, integration["Credentials"]) == role.arn:
            found = _WEBSITE.search(integration["Uri"])
            assert found
            buckets.add(found["bucket"])
    if buckets:
        yield {"WEBSITE": sorted(buckets)}


def _flow_logs(deployed: Deployed, role: Role) -> Iterator[Variables]:
    for component, _, properties in deployed.resources("AWS::EC2::FlowLog"):
        if deployed.resolve(component, properties["DeliverLogsPermissionArn"]) == role.arn:
            yield {"LOG_GROUP": [deployed.resolve(component, properties["LogGroupName"])]}


def _services(deployed: Deployed, role: Role) -> Iterator[Variables]:
    """Services that have a role only with one of AWS's managed policies."""
    named = {"AWS::ApiGateway::Account": "CloudWatchRoleArn", "AWS::RDS::DBInstance": "MonitoringRoleArn"}
    for kind, name in named.items():
        for component, _, properties in deployed.resources(kind):
            if deployed.resolve(component, properties.get(name)) == role.arn:
                yield {}


_FINDERS: tuple[Callable[[Deployed, Role], Iterator[Variables]], ...] = (
    _functions,
    _tasks,
    _executions,
    _instances,
    _integrations,
    _flow_logs,
    _services,
)


def _cluster(deployed: Deployed, component: str) -> str:
    (name,) = (
        properties["ClusterName"]
        for place, _, properties in deployed.resources("AWS::ECS::Cluster")
        if place == component
    )
    return str(name)


def _gateway_log_group(deployed: Deployed) -> str:
    (name,) = (
        properties["LogGroupName"]
        for place, _, properties in deployed.resources("AWS::Logs::LogGroup")
        if place == "serve"
        and not properties["LogGroupName"].startswith("/aws/lambda/")
        and not properties["LogGroupName"].endswith("/audit")
    )
    return str(name)


def _resolved(deployed: Deployed, component: str, variables: Mapping[str, Any]) -> dict[str, list[str]]:
    # What is no name, such as an address with the id of an API, is not resolved: no call is made with it. An empty
    # variable names nothing.
    return {name: _as_values(_text(deployed, component, value)) for name, value in variables.items()}


def _text(deployed: Deployed, component: str, value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(deployed.resolve(component, value)) if "ApiId" not in json.dumps(value) else None


def _as_values(value: str | None) -> list[str]:
    return [value] if value else []
