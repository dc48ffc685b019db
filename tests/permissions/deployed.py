"""Compiled templates as CloudFormation deploys them: with what references and parameters of other stacks stand for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.compiler.conftest import templates

from lisa_compiler.compile.pipeline import Compiled
from lisa_compiler.plan import ModelPlan
from lisa_compiler.plan.external_models import Grant
from lisa_compiler.plan.images import BuiltImage
from lisa_schema.regions import region as find_region
from permissions.evaluation import Document
from permissions.role import Role

Template = Mapping[str, Any]
Resource = Mapping[str, Any]

_SUBSTITUTED = re.compile(r"\$\{([^!}][^}]*)\}")
_ID = "11111111-2222-4333-8444-555555555555"
"""What AWS makes when it creates a resource."""

OTHER_ACCOUNT, OTHER_REGION = "999999999999", "eu-west-3"

_CONTENT = re.compile(r"/[0-9a-f]{64}$")
"""The last part of the prefix of staged weights; a role reads those of any content, so that an update can be undone."""

_PHYSICAL_NAMES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::OpenSearchService::Domain": "DomainName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SecretsManager::Secret": "Name",
}
"""Property with the name of a resource; all of LISA's that policies name have one."""

_ARNS = {
    "AWS::DynamoDB::Table": ("dynamodb", "table/{name}"),
    "AWS::IAM::ManagedPolicy": ("iam", "policy{path}{name}"),
    "AWS::IAM::Role": ("iam", "role{path}{name}"),
    "AWS::KMS::Key": ("kms", f"key/{_ID}"),
    "AWS::Lambda::Function": ("lambda", "function:{name}"),
    "AWS::Logs::LogGroup": ("logs", "log-group:{name}:*"),
    "AWS::OpenSearchService::Domain": ("es", "domain/{name}"),
    "AWS::S3::Bucket": ("s3", "{name}"),
    "AWS::SecretsManager::Secret": ("secretsmanager", "secret:{name}-AbCdEf"),
}
"""Service and resource of the ARNs of a type."""

_RESOURCE_POLICIES = {
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::OpenSearchService::Domain": "AccessPolicies",
}


class UnresolvedError(Exception):
    """A template refers to something in a way that is not known here."""


@dataclass(frozen=True, repr=False)
class Deployed:
    """An environment in its account.

    Attributes:
        environment: its name.
        templates: by component.
        stacks: names of the stacks, by component.
        account: twelve digits.
        region: of the deployment.
        partition: such as `aws-iso`.
        suffix: of the partition's host names.
        weights: prefixes that the container of a model copies from, by component of its stack.
        ecr_accounts: all repositories of each account in accountNumbersEcr.
        secret_keys: ARNs of the keys in secretKeyArns.
        content_store: where the gateway keeps audited content, as it reads it in its routes; empty for nowhere.
        external: what LiteLLM calls for models that others host and for services of its own, as it is planned.
    """

    environment: str
    templates: Mapping[str, Template]
    stacks: Mapping[str, str]
    account: str
    region: str
    partition: str
    suffix: str
    weights: Mapping[str, Sequence[str]]
    ecr_accounts: Sequence[str]
    secret_keys: Sequence[str]
    external: Sequence[Grant]
    content_store: Mapping[str, str]

    @classmethod
    def of(cls, compiled: Compiled) -> Deployed:
        """What was compiled, deployed."""
        manifest = json.loads(compiled.files["cloudformation/manifest.json"])
        stacks = {
            name: found["properties"].get("stackName", name)
            for name, found in manifest["artifacts"].items()
            if found["type"] == "aws:cloudformation:stack"
        }
        partition = find_region(compiled.config.region).partition
        return cls(
            environment=compiled.environment,
            templates=templates(compiled.files),
            stacks=stacks,
            account=compiled.config.account_number,
            region=compiled.config.region,
            partition=partition.id,
            suffix=partition.dns_suffix,
            weights={model.component: _weights(compiled, model) for model in compiled.deployment.models},
            ecr_accounts=[
                f"arn:{partition.id}:ecr:{compiled.config.region}:{account}:repository/*"
                for account in compiled.config.account_numbers_ecr
            ],
            secret_keys=[str(key) for key in compiled.config.secret_key_arns],
            external=[
                grant
                for grants in (
                    *(model.grants for model in compiled.deployment.external_models),
                    compiled.deployment.litellm_grants,
                )
                for grant in grants
            ],
            content_store=(json.loads(compiled.files["gateway/routes.json"]).get("access") or {}).get(
                "auditContentStore", {}
            ),
        )

    def resources(self, *kinds: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Component, logical id and properties of the resources of some types."""
        for component, template in self.templates.items():
            for logical_id, resource in template["Resources"].items():
                if resource["Type"] in kinds:
                    yield component, logical_id, resource.get("Properties", {})

    @cached_property
    def roles(self) -> tuple[Role, ...]:
        """Every role."""
        return tuple(self._role(*found) for found in self.resources("AWS::IAM::Role"))

    @cached_property
    def resource_policies(self) -> Mapping[str, Document]:
        """Policies of buckets, keys and search domains, by ARN."""
        found = {
            self.arn_of(component, logical_id): self.resolve(component, resource["Properties"][name])
            for component, template in self.templates.items()
            for logical_id, resource in template["Resources"].items()
            if (name := _RESOURCE_POLICIES.get(resource["Type"]))
        }
        for component, _, properties in self.resources("AWS::S3::BucketPolicy"):
            bucket = f"arn:{self.partition}:s3:::{self.resolve(component, properties['Bucket'])}"
            found[bucket] = self.resolve(component, properties["PolicyDocument"])
        return found

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this account and Region."""
        if service == "s3":
            return f"arn:{self.partition}:s3:::{resource}"
        place = self.account if service == "iam" else f"{self.region}:{self.account}"
        return f"arn:{self.partition}:{service}:{':' if service == 'iam' else ''}{place}:{resource}"

    def elsewhere(self, name: str) -> Iterator[str]:
        """An ARN in another account and in another Region; of any other name, those that begin or end with it."""
        if not name.startswith("arn:"):
            yield from (f"2-{name}", f"{name.rstrip('/')}-2")
        elif f":{self.account}:" in name:
            yield name.replace(f":{self.account}:", f":{OTHER_ACCOUNT}:", 1)
            yield name.replace(f":{self.region}:", f":{OTHER_REGION}:", 1)

    def arn_of(self, component: str, logical_id: str) -> str:
        """The ARN of a resource of a template.

        Raises:
            UnresolvedError: ARNs of its type are not known here.
        """
        resource = self.templates[component]["Resources"][logical_id]
        if resource["Type"] not in _ARNS:
            raise UnresolvedError(f"{component}/{logical_id}: the ARN of a {resource['Type']}")
        service, form = _ARNS[resource["Type"]]
        name = self._physical_name(component, logical_id)
        return self.arn(service, form.format(name=name, path=resource["Properties"].get("Path", "/")))

    def resolve(self, component: str, value: Any) -> Any:
        """A value of a template, with what its references refer to.

        Raises:
            UnresolvedError: a reference is of a kind that is not known here.
        """
        if isinstance(value, list):
            return [self.resolve(component, one) for one in value]
        if not isinstance(value, Mapping):
            return value
        if len(value) != 1 or not (function := next(iter(value))).startswith(("Ref", "Fn::")):
            return {key: self.resolve(component, one) for key, one in value.items()}
        found = self._function(component, function, value[function])
        if found is None:
            raise UnresolvedError(f"{component}: {json.dumps(value)}")
        return found

    def _function(self, component: str, function: str, argument: Any) -> Any:
        """What an intrinsic function gives; None for one that is not known here."""
        found: Any = None
        match function:
            case "Ref":
                found = self._reference(component, argument)
            case "Fn::GetAtt":
                logical_id, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
                found = self.arn_of(component, logical_id) if attribute == "Arn" else None
            case "Fn::Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                found = _SUBSTITUTED.sub(
                    lambda name: str(self.resolve(component, own.get(name[1], {"Ref": name[1]}))), text
                )
            case "Fn::Join":
                found = argument[0].join(map(str, self.resolve(component, argument[1])))
            case "Fn::Select":
                found = self.resolve(component, argument[1])[int(argument[0])]
            case "Fn::Split":
                found = self.resolve(component, argument[1]).split(argument[0])
            case "Fn::Base64":
                found = self.resolve(component, argument)
        return found

    def _reference(self, component: str, name: str) -> Any:
        template = self.templates[component]
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackName": self.stacks[component],
            "AWS::URLSuffix": self.suffix,
        }
        if name in pseudo:
            return pseudo[name]
        if name in template["Resources"]:
            if template["Resources"][name]["Type"] == "AWS::SecretsManager::Secret":
                return self.arn_of(component, name)
            return self._physical_name(component, name)
        default = template["Parameters"][name].get("Default")
        if default is None:
            # The CDK's older synthesizer: prefix and name of an archive in S3, in one parameter.
            return f"assets/||{name.lower()}.zip" if "S3VersionKey" in name else f"given-for-{name.lower()}"
        if not template["Parameters"][name]["Type"].startswith("AWS::SSM::Parameter::Value"):
            return default
        for source, _, properties in self.resources("AWS::SSM::Parameter"):
            if properties["Name"] == default:
                return self.resolve(source, properties["Value"])
        raise UnresolvedError(f"{component}: no stack publishes the parameter {default}")

    def _physical_name(self, component: str, logical_id: str) -> str:
        resource = self.templates[component]["Resources"][logical_id]
        kind = resource["Type"]
        if kind in _PHYSICAL_NAMES:
            return str(self.resolve(component, resource["Properties"][_PHYSICAL_NAMES[kind]]))
        if kind == "AWS::SecretsManager::SecretTargetAttachment":
            return str(self.arn_of(component, resource["Properties"]["SecretId"]["Ref"]))
        return f"{logical_id.lower()}-{_ID[:8]}"

    def _role(self, component: str, logical_id: str, properties: Mapping[str, Any]) -> Role:
        documents = [self.resolve(component, one["PolicyDocument"]) for one in properties.get("Policies", [])]
        managed = []
        for arn in properties.get("ManagedPolicyArns", []):
            if isinstance(arn, Mapping) and arn.get("Ref") in self.templates[component]["Resources"]:
                policy = self.templates[component]["Resources"][arn["Ref"]]["Properties"]
                documents.append(self.resolve(component, policy["PolicyDocument"]))
            else:
                managed.append(self.resolve(component, arn))
        return Role(
            component=component,
            logical_id=logical_id,
            arn=self.arn_of(component, logical_id),
            documents=documents,
            managed=managed,
            boundary=self.resolve(component, properties.get("PermissionsBoundary")),
            trust=self.resolve(component, properties["AssumeRolePolicyDocument"]),
        )


def _weights(compiled: Compiled, model: ModelPlan) -> Sequence[str]:
    """Prefixes of a model's weights, as the lists in its image have them; its name where LISA builds no image."""
    image = model.service.image
    lists = [
        content.decode().partition("\n")[0].split()
        for path, content in compiled.files.items()
        if isinstance(image, BuiltImage) and path.startswith(f"{image.context}/") and path.endswith(".tsv")
    ]
    return [_CONTENT.sub("", words[2]) for words in lists] or [model.config.model_name]
