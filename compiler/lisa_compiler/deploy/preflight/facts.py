"""Facts: what an account said when it was asked, as data that a file carries. It has names and numbers, no secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from lisa_compiler.aws.errors import DeployError

T = TypeVar("T")

MISSING = "missing in the facts: export them again"
"""Why an answer is unknown that a file of facts does not have, since an earlier version wrote it."""


class Fact(BaseModel):
    """A part of the facts: frozen, camelCase in the file, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True)


class Answer(Fact, Generic[T]):
    """What the account answered to one question.

    Attributes:
        value: the answer; None when it is not known.
        unknown: why it is not known, a clause that names the missing permission; empty when it is known.
    """

    value: T | None = None
    unknown: str = ""


class RunningInstances(Fact):
    """Instances of one type that run in the region, On-Demand.

    Attributes:
        instance_type: their type.
        group: the Auto Scaling group that they are in; empty for none.
        vcpus: vCPUs of all of them.
    """

    instance_type: str
    group: str
    vcpus: int


class EbsEncryption(Fact):
    """With which key EBS encrypts volumes for which no key is named.

    Attributes:
        key: ID or ARN of the KMS key, or its alias.
        is_customer_key: whether the account manages it; EBS's own key needs no grant.
        state: of the key: `Enabled`.
        autoscaling: whether a grant or the key's policy lets the service-linked role of Auto Scaling use it.
    """

    key: str
    is_customer_key: bool
    state: str
    autoscaling: Answer[bool]


class Key(Fact):
    """A KMS key.

    Attributes:
        state: `Enabled`, or why it cannot be used: `Disabled`, `PendingDeletion`.
        is_symmetric: whether it encrypts and decrypts, and makes data keys.
    """

    state: str
    is_symmetric: bool


class MachineImage(Fact):
    """An AMI. `root_gib` is the size of its root snapshot."""

    name: str
    state: str
    architecture: str
    owner: str
    creation_date: str
    deprecation_time: str | None
    root_device: str
    root_gib: int


class Certificate(Fact):
    """A certificate. `names` are those that it is for; `expires` is an ISO date."""

    status: str
    names: tuple[str, ...]
    expires: str | None


class DomainFacts(Fact):
    """How a domain name is resolved: whether it is, where the account was read, and the public zones that have it."""

    resolves: bool
    zones: Answer[tuple[str, ...]]


class Subnet(Fact):
    """A subnet of the VPC that the configuration names.

    Attributes:
        zone: its availability zone.
        free_addresses: IPv4 addresses that are free.
        default_route: where 0.0.0.0/0 leads: `nat-…`, `igw-…`, `tgw-…`; None for nowhere.
        blackhole: whether the target of that route no longer exists.
    """

    zone: str
    free_addresses: int
    default_route: str | None
    blackhole: bool


class ImportedVpc(Fact):
    """The VPC that the configuration names.

    Attributes:
        dns_support: whether names are resolved.
        dns_hostnames: whether there are private names.
        endpoints: services that it has endpoints of.
        subnets: by ID.
        cidr_blocks: its IPv4 address ranges; none in facts of an earlier version.
    """

    dns_support: bool
    dns_hostnames: bool
    endpoints: tuple[str, ...]
    subnets: dict[str, Subnet]
    cidr_blocks: tuple[str, ...] = ()


class Facts(Fact):
    """What an account said.

    Attributes:
        account: twelve digits.
        region: where it was asked.
        taken: date and time, UTC.
        quotas: vCPUs and counts by quota code.
        running: On-Demand instances.
        zones: availability zones that `Fn::GetAZs` gives, in order.
        offerings: zones that offer an instance type, by type.
        service_roles: whether service-linked roles exist, by name.
        ebs: default encryption of volumes.
        images: AMIs by ID; one that does not exist, or is not shared with the account, is left out.
        ami_parameters: AMI by SSM parameter; a parameter that does not exist is left out.
        endpoint_services: names of the services that a VPC can have endpoints of.
        policies: whether IAM policies exist, by ARN.
        certificates: by ARN; the value is None for one that does not exist.
        domains: by name.
        vpcs: VPCs of the Region.
        addresses: Elastic IP addresses of the region.
        load_balancers: ARNs of the region's load balancers, by type.
        vpc: the VPC that the configuration names.
        bootstrap: version of the bootstrap stack; 0 for none.
        has_ledger: whether the table of deployments exists; unknown in facts of an earlier version.
        keys: KMS keys by ARN; the value is None for one that does not exist.
        stacks: status of the deployment's stacks, by name.
        stack_resources: physical IDs of what these stacks have.
        existing: names that exist, of those that the templates give, by resource type.
        models_bucket: region of the bucket of the weights; None when it does not exist.
    """

    schema_version: Literal[1] = 1
    account: str
    region: str
    taken: str
    quotas: Answer[dict[str, float]]
    running: Answer[tuple[RunningInstances, ...]]
    zones: Answer[tuple[str, ...]]
    offerings: Answer[dict[str, tuple[str, ...]]]
    service_roles: dict[str, Answer[bool]]
    ebs: Answer[EbsEncryption]
    images: Answer[dict[str, MachineImage]]
    ami_parameters: Answer[dict[str, str]]
    endpoint_services: Answer[tuple[str, ...]]
    policies: dict[str, Answer[bool]]
    certificates: dict[str, Answer[Certificate]]
    domains: dict[str, DomainFacts]
    vpcs: Answer[int]
    addresses: Answer[int]
    load_balancers: Answer[dict[str, tuple[str, ...]]]
    vpc: Answer[ImportedVpc]
    bootstrap: Answer[int]
    stacks: Answer[dict[str, str]]
    stack_resources: Answer[tuple[str, ...]]
    existing: dict[str, Answer[tuple[str, ...]]]
    models_bucket: Answer[str]
    has_ledger: Answer[bool] = Answer(unknown=MISSING)
    keys: dict[str, Answer[Key]] = Field(default_factory=dict)


def render_facts(facts: Facts) -> str:
    """Facts as a file has them."""
    return facts.model_dump_json(by_alias=True, indent=2) + "\n"


def load_facts(path: Path) -> Facts:
    """Read a file of facts.

    Raises:
        DeployError: it cannot be read, or is not such a file.
    """
    try:
        return Facts.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DeployError(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise DeployError(
            f"{path} is not a valid facts file ({place or 'JSON'}: {first['msg']}): create it with "
            "`lisa doctor --env <env> --export <file>` of the same LISA version."
        ) from error
