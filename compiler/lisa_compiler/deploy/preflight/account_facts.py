"""Collect facts: ask an account, read only, for what an environment needs of it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.amis import AMI_ID, describe_images, parameter_values
from lisa_compiler.deploy.preflight.account_reader import AccountReader
from lisa_compiler.deploy.preflight.collect_names import (
    bootstrap,
    existing,
    has_ledger,
    models_bucket,
    stack_resources,
    stacks,
)
from lisa_compiler.deploy.preflight.collect_network import (
    addresses,
    certificate,
    domain,
    endpoint_services,
    imported_vpc,
    load_balancers,
    offerings,
    vpcs,
    zones,
)
from lisa_compiler.deploy.preflight.facts import Answer, EbsEncryption, Facts, Key, MachineImage, RunningInstances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lisa_compiler.aws.account import Account
    from lisa_compiler.deploy.preflight.requirements import Requirements

_QUOTA_SERVICES = ("ec2", "elasticloadbalancing", "vpc")


def collect(
    requirements: Requirements, account: Account, progress: Callable[[str], None] | None = None
) -> tuple[Facts, tuple[str, ...]]:
    """Ask an account for what an environment needs; returns the facts, and the permissions that this needs.

    Args:
        requirements: what the environment needs.
        account: the account, in the environment's region.
        progress: told what is read.
    """
    asker = AccountReader(account)
    tell = progress or (lambda _: None)
    tell("reading quotas and instances")
    parameters = _parameters(asker, sorted({one.ami_parameter for one in requirements.groups if one.ami_parameter}))
    ids = {one.image_id for one in requirements.groups if one.image_id} | set((parameters.value or {}).values())
    quotas, running = _quotas(asker), _running(asker)
    tell("reading AMIs, keys and roles")
    images, ebs = _images(asker, sorted(ids)), _ebs(asker)
    roles = {role: _role_exists(asker, role) for role in requirements.service_roles.values()}
    policies = {arn: _policy_exists(asker, arn) for arn in requirements.policies}
    tell("reading the network, certificates and names")
    made = stacks(asker, requirements)
    facts = Facts(
        account=account.number,
        region=account.region,
        taken=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        quotas=quotas,
        running=running,
        zones=zones(asker),
        offerings=offerings(asker, sorted({one.instance_type for one in requirements.groups})),
        service_roles=roles,
        ebs=ebs,
        images=images,
        ami_parameters=parameters,
        endpoint_services=endpoint_services(asker),
        policies=policies,
        certificates={one.arn: certificate(asker, one.arn) for one in requirements.certificates},
        domains={name: domain(asker, name) for name in requirements.domains},
        vpcs=vpcs(asker),
        addresses=addresses(asker),
        load_balancers=load_balancers(asker),
        vpc=imported_vpc(asker, requirements),
        bootstrap=bootstrap(asker, requirements),
        stacks=made,
        stack_resources=stack_resources(asker, made),
        existing={kind: existing(asker, kind, names) for kind, names in requirements.names.items()},
        models_bucket=models_bucket(asker, requirements),
        has_ledger=has_ledger(asker),
        keys={one.arn: _key(asker, one.arn) for one in requirements.keys},
    )
    return facts, tuple(sorted(asker.permissions))


def _quotas(asker: AccountReader) -> Answer[dict[str, float]]:
    """The account's quotas; AWS's default where none is applied (API reference of ListServiceQuotas)."""

    def question() -> dict[str, float]:
        found: dict[str, float] = {}
        for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
            for service in _QUOTA_SERVICES:
                for page in asker.pages("service-quotas", operation, ServiceCode=service):
                    found.update({one["QuotaCode"]: one["Value"] for one in page["Quotas"]})
        return found

    return asker.ask("servicequotas:ListAWSDefaultServiceQuotas, servicequotas:ListServiceQuotas", question)


def _running(asker: AccountReader) -> Answer[tuple[RunningInstances, ...]]:
    def question() -> tuple[RunningInstances, ...]:
        vcpus: Counter[tuple[str, str]] = Counter()
        states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        for page in asker.pages("ec2", "describe_instances", Filters=states):
            for instance in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
                if "InstanceLifecycle" in instance:  # Spot and scheduled instances have quotas of their own
                    continue
                cpu = instance.get("CpuOptions", {})
                tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())}
                key = (instance["InstanceType"], tags.get("aws:autoscaling:groupName", ""))
                vcpus[key] += cpu.get("CoreCount", 0) * cpu.get("ThreadsPerCore", 0)
        return tuple(
            RunningInstances(instance_type=kind, group=group, vcpus=count)
            for (kind, group), count in sorted(vcpus.items())
        )

    return asker.ask("ec2:DescribeInstances", question)


def _parameters(asker: AccountReader, names: list[str]) -> Answer[dict[str, str]]:
    def question() -> dict[str, str]:
        values = parameter_values(asker.client("ssm"), names)
        # A parameter that names no AMI may have anything in it, and a file of facts has no secrets.
        return {name: value if AMI_ID.fullmatch(value) else "" for name, (value, _) in values.items()}

    return asker.ask("ssm:GetParameters", question) if names else Answer(value={})


def _images(asker: AccountReader, ids: Iterable[str]) -> Answer[dict[str, MachineImage]]:
    wanted = [one for one in ids if one]

    def question() -> dict[str, MachineImage]:
        return {name: _image(image) for name, image in describe_images(asker.client("ec2"), wanted).items()}

    return asker.ask("ec2:DescribeImages", question) if wanted else Answer(value={})


def _image(image: dict[str, Any]) -> MachineImage:
    root = image.get("RootDeviceName", "")
    devices = {one.get("DeviceName"): one.get("Ebs", {}) for one in image.get("BlockDeviceMappings", ())}
    return MachineImage(
        name=image.get("Name", ""),
        state=image.get("State", ""),
        architecture=image.get("Architecture", ""),
        owner=image.get("OwnerId", ""),
        creation_date=image.get("CreationDate", ""),
        deprecation_time=image.get("DeprecationTime"),
        root_device=root,
        root_gib=devices.get(root, {}).get("VolumeSize", 0),
    )


def _role_exists(asker: AccountReader, name: str) -> Answer[bool]:
    answer = asker.found("iam:GetRole", lambda: bool(asker.client("iam").get_role(RoleName=name)), "NoSuchEntity")
    return answer if answer.unknown else Answer(value=bool(answer.value))


def _policy_exists(asker: AccountReader, arn: str) -> Answer[bool]:
    answer = asker.found("iam:GetPolicy", lambda: bool(asker.client("iam").get_policy(PolicyArn=arn)), "NoSuchEntity")
    return answer if answer.unknown else Answer(value=bool(answer.value))


def _ebs(asker: AccountReader) -> Answer[EbsEncryption]:
    key = asker.ask(
        "ec2:GetEbsDefaultKmsKeyId", lambda: str(asker.client("ec2").get_ebs_default_kms_key_id()["KmsKeyId"])
    )
    if key.value is None:
        return Answer(unknown=key.unknown)
    if key.value.endswith("alias/aws/ebs"):
        used = EbsEncryption(key=key.value, is_customer_key=False, state="Enabled", autoscaling=Answer(value=True))
        return Answer(value=used)
    wanted = key.value
    described = asker.ask("kms:DescribeKey", lambda: asker.client("kms").describe_key(KeyId=wanted)["KeyMetadata"])
    if described.value is None:
        return Answer(unknown=described.unknown)
    own = described.value["KeyManager"] == "CUSTOMER"
    autoscaling = _key_serves_autoscaling(asker, described.value["Arn"]) if own else Answer[bool](value=True)
    return Answer(
        value=EbsEncryption(key=wanted, is_customer_key=own, state=described.value["KeyState"], autoscaling=autoscaling)
    )


def _key(asker: AccountReader, arn: str) -> Answer[Key]:
    def question() -> Key:
        # The key may be in another Region, as secrets that are replicated from there.
        found = asker.client("kms", arn.split(":")[3]).describe_key(KeyId=arn)["KeyMetadata"]
        return Key(state=found["KeyState"], is_symmetric=found.get("KeySpec") == "SYMMETRIC_DEFAULT")

    return asker.found("kms:DescribeKey", question, "NotFoundException")


def _key_serves_autoscaling(asker: AccountReader, arn: str) -> Answer[bool]:
    """Whether the key's policy or a grant names Auto Scaling's role (EC2 Auto Scaling User Guide)."""
    role = "/AWSServiceRoleForAutoScaling"

    def question() -> bool:
        policy = json.loads(asker.client("kms").get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
        allowed = [one for one in policy["Statement"] if one.get("Effect") == "Allow"]
        if any(role in json.dumps(one.get("Principal")) for one in allowed):
            return True
        pages = asker.pages("kms", "list_grants", KeyId=arn)
        return any(one.get("GranteePrincipal", "").endswith(role) for page in pages for one in page["Grants"])

    return asker.ask("kms:GetKeyPolicy, kms:ListGrants", question)
