"""Starts MiniStack with stand-ins for what its CloudFormation does not know, so that it takes assemblies as they are.

| what | stand-in |
|---|---|
| AWS::EC2::EIP, AWS::EC2::NatGateway, AWS::EC2::FlowLog, AWS::IAM::ServiceLinkedRole | an id; nothing is made |
| AWS::ApplicationAutoScaling::*, AWS::CloudWatch::Alarm with metric math | an id; nothing is made |
| AWS::EC2::EIP while the folder has a file `no-addresses` | a failure, as at an account's limit |
| public parameters of the images of ECS | an image that it knows |
| description of a stack that a change set made | that of its template |
| identifiers of resources in a template's summary | those that it imports resources by |
| users of databases, which a custom resource makes | an id; there is no database |
| a name that exists; a resource that is protected, in use or not empty | refused, by `account_rules` |
| an operation in `faults.json` of the folder, as `{"delete:Session88DA29BA": 2}` | fails so often |

What services refuse is what their API references say (`account_rules`), for types of LISA's templates. It is not what
AWS does with properties, permissions, quotas, or changes that nobody made through CloudFormation.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from account_rules import HOLDERS, NAMES, Rules, Thing
from ministack.app import main
from ministack.services import alb, cloudformation, s3, ssm
from ministack.services.cloudformation import changesets, handlers, provisioners

TYPES = {
    "AWS::EC2::EIP": ("eipalloc", "AllocationId"),
    "AWS::EC2::NatGateway": ("nat", "NatGatewayId"),
    "AWS::EC2::FlowLog": ("fl", "Id"),
    "AWS::IAM::ServiceLinkedRole": ("role", "RoleName"),
    "AWS::ApplicationAutoScaling::ScalableTarget": ("target", "Id"),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("policy", "Arn"),
}
IMAGES = "/aws/service/ecs/optimized-ami/amazon-linux-2023/"


def creation(prefix: str, attribute: str) -> Callable[..., tuple[str, dict[str, str]]]:
    """What CloudFormation calls to make a resource: it gets an id, and the attribute that templates ask for."""

    def create(*_arguments: object) -> tuple[str, dict[str, str]]:
        if prefix == "eipalloc" and Path("no-addresses").exists():
            raise ValueError("The maximum number of addresses has been reached.")
        identity = f"{prefix}-{uuid.uuid4().hex[:17]}"
        return identity, {attribute: identity}

    return create


def described(describe: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Fill descriptions in before stacks are described."""

    def describe_stacks(parameters: Any) -> Any:
        for stack in cloudformation._stacks.values():
            stack["Description"] = stack.get("_template", {}).get("Description", "")
        return describe(parameters)

    return describe_stacks


def listed(list_stacks: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add the description of its template to each stack that is listed."""

    def describe(parameters: Any) -> Any:
        status, headers, body = list_stacks(parameters)
        for stack in cloudformation._stacks.values():
            identity = f"<StackId>{stack['StackId']}</StackId>"
            text = stack.get("_template", {}).get("Description", "")
            described_as = f"{identity}<TemplateDescription>{text}</TemplateDescription>"
            body = body.replace(identity.encode(), described_as.encode())
        return status, headers, body

    return describe


def summarized(summarize: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add what identifies a resource for an import to the summary of a template."""

    def get_template_summary(parameters: Any) -> Any:
        status, headers, body = summarize(parameters)
        (text,) = parameters.get("TemplateBody", ["{}"])
        of_types: dict[str, list[str]] = {}
        for logical, entry in json.loads(text).get("Resources", {}).items():
            of_types.setdefault(entry["Type"], []).append(logical)
        members = "".join(
            f"<member><ResourceType>{resource_type}</ResourceType><LogicalResourceIds>{members_of(names)}"
            f"</LogicalResourceIds><ResourceIdentifiers>{members_of(changesets._IMPORT_LOOKUPS[resource_type][0])}"
            "</ResourceIdentifiers></member>"
            for resource_type, names in of_types.items()
            if resource_type in changesets._IMPORT_LOOKUPS
        )
        added = f"<ResourceIdentifierSummaries>{members}</ResourceIdentifierSummaries></GetTemplateSummaryResult>"
        return status, headers, body.replace(b"</GetTemplateSummaryResult>", added.encode())

    return get_template_summary


def members_of(values: Iterable[str]) -> str:
    """A list of the Query protocol."""
    return "".join(f"<member>{value}</member>" for value in values)


def without_databases(call: Callable[..., Any], answer: Any) -> Callable[..., Any]:
    """Answer for the custom resource that makes users of databases, and let its function answer for any other one."""

    def called(*arguments: Any, **options: Any) -> Any:
        is_user = any(isinstance(each, dict) and "Connection" in each for each in arguments)
        return answer if is_user else call(*arguments, **options)

    return called


def strict(kind: str, handlers: dict[str, Any], rules: Rules) -> dict[str, Any]:
    """The handlers of a type, which refuse what its service refuses."""
    create, update, delete = handlers["create"], handlers.get("update"), handlers.get("delete", lambda *_: None)
    takes_logical_id = handlers.get("update_with_logical_id", False)

    def created(logical: str, properties: dict[str, Any], stack: str) -> Any:
        fail("create", logical)
        rules.require_free(kind, properties)
        found = create(logical, properties, stack)
        rules.things[kind, found[0]] = Thing(kind, found[0], dict(properties))
        LOGICAL_IDS[kind, found[0]] = logical
        return found

    def updated(identity: str, old: Any, new: dict[str, Any], stack: str, logical: str | None = None) -> Any:
        fail("update", logical or LOGICAL_IDS.get((kind, identity), ""))
        if update is None:
            found = create(logical or LOGICAL_IDS.get((kind, identity), identity), new, stack)
        else:
            found = update(identity, old, new, stack, *([logical] if takes_logical_id else []))
        rules.things.pop((kind, identity), None)
        rules.things[kind, found[0]] = Thing(kind, found[0], dict(new))
        LOGICAL_IDS.setdefault((kind, found[0]), logical or "")
        return found

    def deleted(identity: str, properties: Any, *more: Any) -> None:
        fail("delete", LOGICAL_IDS.get((kind, identity), ""))
        if thing := rules.things.get((kind, identity)):
            rules.require_deletable(as_it_is(thing))
        delete(identity, properties, *more)
        rules.things.pop((kind, identity), None)

    return {**handlers, "create": created, "update": updated, "delete": deleted, "update_with_logical_id": True}


def as_it_is(thing: Thing) -> Thing:
    """A resource with what became of it since CloudFormation made it: its objects, and its deletion protection."""
    if thing.kind == "AWS::S3::Bucket":
        thing.contents = len(s3._buckets.get(thing.identity, {}).get("objects", ()))
    if thing.kind == "AWS::ElasticLoadBalancingV2::LoadBalancer":
        thing.properties = {**thing.properties, "LoadBalancerAttributes": alb._lb_attrs.get(thing.identity, ())}
    return thing


def fail(operation: str, logical: str) -> None:
    """Fail as a test asked for."""
    asked = Path("faults.json")
    faults = json.loads(asked.read_text()) if asked.exists() else {}
    if left := faults.get(f"{operation}:{logical}", 0):
        asked.write_text(json.dumps({**faults, f"{operation}:{logical}": left - 1}))
        raise ValueError(f"injected failure to {operation} {logical}")


LOGICAL_IDS: dict[tuple[str, str], str] = {}


if __name__ == "__main__":
    handlers._ACTION_HANDLERS["DescribeStacks"] = described(handlers._ACTION_HANDLERS["DescribeStacks"])
    for resource_type, (prefix, attribute) in TYPES.items():
        provisioners._RESOURCE_HANDLERS.setdefault(
            resource_type, {"create": creation(prefix, attribute), "delete": lambda *_: None}
        )
    provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"] = {
        "create": creation("alarm", "Arn"),
        "delete": lambda *_: None,
    }
    handlers._ACTION_HANDLERS["ListStacks"] = listed(handlers._ACTION_HANDLERS["ListStacks"])
    handlers._ACTION_HANDLERS["GetTemplateSummary"] = summarized(handlers._ACTION_HANDLERS["GetTemplateSummary"])
    user = ("database-user", {})
    custom = "AWS::CloudFormation::CustomResource"
    provisioners._RESOURCE_HANDLERS[custom]["create"] = without_databases(provisioners._custom_resource_create, user)
    provisioners._custom_resource_update = without_databases(provisioners._custom_resource_update, user)
    provisioners._custom_resource_delete = without_databases(provisioners._custom_resource_delete, None)
    account = Rules()
    for resource_type, own in list(provisioners._RESOURCE_HANDLERS.items()):
        if resource_type in {*NAMES, *HOLDERS} and "create" in own:
            provisioners._RESOURCE_HANDLERS[resource_type] = strict(resource_type, own, account)
    image = next(iter(ssm._PUBLIC_AMI_PARAMETERS.values()))
    for kind in ("", "gpu/"):
        ssm._PUBLIC_AMI_PARAMETERS.setdefault(f"{IMAGES}{kind}recommended/image_id", image)
    main()
