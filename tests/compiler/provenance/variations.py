"""Other values of each key of an environment, and where its output has another value for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.compile.weights import LocalWeights
from lisa_compiler.provenance.index import ATTRIBUTES, PARAMETERS, Index, Place, touches
from lisa_compiler.review.differences import differences, shown_path
from lisa_schema.document import Path
from lisa_schema.effective import effective, part_of, resolved
from lisa_schema.errors import LisaError
from lisa_schema.models import Config
from lisa_schema.overlay import Override

ROOT: Final = FilePath(__file__).resolve().parents[3]

_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
_VPC = {
    "vpcId": "vpc-0123456789abcdef0",
    "availabilityZones": ["us-east-1a", "us-east-1b"],
    "privateSubnetIds": ["subnet-0000000000000000a", "subnet-0000000000000000b"],
    "publicSubnetIds": ["subnet-0000000000000000c", "subnet-0000000000000000d"],
    "isolatedSubnetIds": ["subnet-0000000000000000e", "subnet-0000000000000000f"],
    "cidrBlock": "10.20.0.0/16",
    "secondaryCidrBlocks": ["100.64.0.0/16"],
}

OTHERS: Final[Mapping[str, tuple[Any, ...]]] = {
    "region": ("us-west-2", "us-iso-west-1"),
    "accountNumber": ("999999999999",),
    "vpc": (_VPC,),
    "amiConfig.amiId": ("ami-0123456789abcdef2",),
    "amiConfig.amiParameter": ("/other/ami",),
    "amiConfig.gpuAmiId": ("ami-0123456789abcdef2",),
    "amiConfig.gpuAmiParameter": ("/other/ami",),
    "restApiConfig.amiId": ("ami-0123456789abcdef2",),
    "restApiConfig.amiParameter": ("/other/ami",),
    "ecsModels[].amiId": ("ami-0123456789abcdef2",),
    "ecsModels[].amiParameter": ("/other/ami",),
    "tags": ([{"Key": "owner", "Value": "team"}],),
    "accountNumbersEcr": (["111122223333"],),
    "secretKeyArns": (["arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"],),
    "permissionsBoundaryAspect.rolePath": ("/team/",),
    "permissionsBoundaryAspect.permissionsBoundaryPolicyName": ("/team/Other",),
    "ecsModels[].containerConfig.image.digest": (f"sha256:{'0a' * 32}",),
    "mountS3DebUrl": ("https://example.com/mount-s3.deb",),
    "condaUrl": ("https://example.com/conda.sh",),
    "alarmTopicArn": (
        "arn:aws:sns:us-east-1:123456789012:operations",
        "arn:aws-iso:sns:us-iso-east-1:123456789012:ops",
    ),
    "systemBanner": ({"text": "TEST", "backgroundColor": "red", "fontColor": "white"},),
    "permissionsBoundaryAspect": ({"permissionsBoundaryPolicyName": "Other"},),
    "availabilityZones": (["us-east-1b", "us-east-1c"], ["us-iso-east-1b", "us-iso-east-1c"]),
    "natGateways": (1, 2),
    "apiGatewayConfig.domainName": ("other.example.com", None),
    "apiGatewayConfig.certificateArn": (_CERTIFICATE,),
    "authConfig.additionalScopes": (["groups"],),
    "restApiConfig.loadBalancerConfig.sslCertIamArn": (_CERTIFICATE, None),
    "restApiConfig.loadBalancerConfig.domainName": ("other.example.com", None),
    "restApiConfig.loadBalancerConfig.hostedZoneId": ("Z0123456789ABCDEFGHIJ",),
    "certificateAuthorityBundle": (
        "/etc/pki/tls/certs/ca-bundle.crt",
        "artifacts/certificates/airgap-authority.pem",
        None,
    ),
    "ecsModels[].loadBalancerConfig.hostedZoneId": ("Z0123456789ABCDEFGHIJ",),
    "ecsModels[].loadBalancerConfig.sslCertIamArn": (_CERTIFICATE, None),
    "ecsModels[].loadBalancerConfig.domainName": ("model.example.com",),
    "ecsModels[].instanceType": ("g6e.48xlarge", "g4dn.8xlarge", "p3.16xlarge", "m5.4xlarge"),
    "restApiConfig.instanceType": ("m5.2xlarge", "g5.2xlarge"),
    "ecsModels[].modelType": ("embedding",),
    "ecsModels[].containerConfig.image": ({"type": "registry", "registry": "registry.example.com/model:1"},),
    "restApiConfig.containerConfig.image": ({"type": "registry", "registry": "registry.example.com/gateway:1"},),
    "systemBanner.backgroundColor": ("red",),
    "ragRepositories[].rdsConfig": (
        {"username": "lisa", "dbHost": "db.example.com", "passwordSecretId": "secret", "dbName": "postgres"},
    ),
    "ragRepositories[].opensearchConfig": ({"endpoint": "https://search.example.com"},),
    "ragRepositories[].opensearchConfig.masterNodes": (5,),
    "litellmConfig.model_list[].litellm_params.api_base": ("https://example.com/v1",),
    "litellmConfig.model_list[].litellm_params.api_key": ("os.environ/AWS_REGION",),
    "litellmConfig.model_list[].model_info": ({"id": "other"},),
    "litellmConfig.general_settings.master_key": ("os.environ/PARTNER_API_KEY",),
    "litellmConfig.router_settings.num_retries": (3,),
    "litellmConfig.router_settings.timeout": (30,),
    "lambdaLayerAssets.authorizerLayerPath": (None,),
    "lambdaLayerAssets.commonLayerPath": (None,),
    "lambdaLayerAssets.fastapiLayerPath": (None,),
    "lambdaLayerAssets.ragLayerPath": (None,),
    "lambdaLayerAssets.sdkLayerPath": (None,),
    "pypiConfig.indexUrl": ("https://example.com/simple",),
    "pypiConfig.trustedHost": ("example.com",),
    "lambdaConfig.pythonRuntime": ("PYTHON_3_12", "PYTHON_3_11"),
    "lambdaConfig.logLevel": ("DEBUG",),
    "deploymentPrefix": ("/other/prefix",),
    "nvmeHostMountPath": ("/other",),
    "nvmeContainerMountPath": ("/other",),
    "ragRepositories[].opensearchConfig.dataNodeInstanceType": ("r7g.xlarge.search",),
    "ragRepositories[].opensearchConfig.masterNodeInstanceType": ("r7g.xlarge.search",),
    "ragRepositories[].rdsConfig.dbName": ("other",),
    "restApiConfig.containerConfig.healthCheckConfig.command": (["CMD", "true"],),
    "ecsModels[].containerConfig.healthCheckConfig.command": (["CMD", "true"],),
    "restApiConfig.containerConfig.environment": ({"OTHER": "value"},),
    "ecsModels[].containerConfig.environment": ({"OTHER": "value"},),
    "ecsModels[].inferenceContainer": ("tgi", "vllm", "sglang", "instructor"),
    "ecsModels[].serverArgs": (["--other"],),
    "ecsModels[].deploy": (False,),
    "restApiConfig.autoScalingConfig.metricConfig.duration": (30,),
    "ecsModels[].autoScalingConfig.metricConfig.duration": (30,),
}
"""Other values, by key."""

TOGETHER: Final[Mapping[str, tuple[tuple[str, Any], ...]]] = {
    "restApiConfig.autoScalingConfig.minCapacity": (("restApiConfig.autoScalingConfig.maxCapacity", 9),),
    "ecsModels[].autoScalingConfig.minCapacity": ((".autoScalingConfig.maxCapacity", 9),),
    "accountNumber": (
        ("restApiConfig.loadBalancerConfig.sslCertIamArn", None),
        ("apiGatewayConfig.certificateArn", None),
    ),
    "deployChat": (("deployUi", False),),
    "ecsModels[].loadBalancerConfig.hostedZoneId": ((".loadBalancerConfig.domainName", "model.example.com"),),
    "amiConfig.amiParameter": (("amiConfig.resolveAtDeployment", True),),
    "amiConfig.gpuAmiParameter": (("amiConfig.resolveAtDeployment", True),),
    "ecsModels[].modelType": ((".streaming", None),),
    "litellmConfig.model_list[].lisa_params.model_type": ((".lisa_params.streaming", None),),
}
"""What has to change with a key, so that the configuration stays valid; a dot stands for the entry of the key."""

UNREAD: Final = ("profile", "runCdkNag", "lambdaSourcePath", "webAppAssetsPath", "vpcId")
"""Keys that no output follows from, and those whose other value needs files that the project does not have."""

Files = Mapping[str, bytes]
_TEMPLATE = re.compile(r"cloudformation/(.+)\.template\.json")
_POSITION = re.compile(r"\[[^\]]*\]")


@dataclass
class Checked:
    """What changing keys has shown.

    Attributes:
        confirmed: keys and places of which the key, changed, changed the place.
        refuted: those of which no other value of the key changed the place.
        untested: keys without another valid value.
    """

    confirmed: set[tuple[Path, Place]] = field(default_factory=set)
    refuted: set[tuple[Path, Place]] = field(default_factory=set)
    untested: set[Path] = field(default_factory=set)


def check(environment: str, index: Index, wanted: Iterable[str] | None = None) -> Checked:
    """Change the keys that an index names, and compare what it says with what changes.

    Args:
        environment: name of the environment.
        index: where its output comes from.
        wanted: patterns of the keys to change, as `ecsModels[].instanceType`; None for all.
    """
    claims: dict[Path, set[Place]] = {}
    for resource, paths in index.resources.items():
        for path, keys in paths.items():
            for key in keys:
                claims.setdefault(key, set()).add(Place(resource.component, resource.name, path))
    config, before = compiled(environment)
    checked, tried = Checked(), set()
    patterns = None if wanted is None else set(wanted)
    for key, value in leaves_of(config.model_dump(mode="json", by_alias=True)):
        blocks = [own for own in claims if own == key[: len(own)] or key == own[: len(key)]]
        if not blocks or pattern(key) in UNREAD or (patterns is not None and pattern(key) not in patterns):
            continue
        left = {(own, place) for own in blocks for place in claims[own]} - checked.confirmed
        with_it = together(key)
        base = (compiled_if_valid(environment, *with_it) if with_it else None) or before
        for other in others(key, value):
            if not left:
                break
            after = compiled_if_valid(environment, Override("--other", key, other), *with_it)
            if after is not None:
                tried.update(blocks)
                found = list(changed(base, after))
                hit = {(own, place) for own, place in left if is_changed(place, found)}
                checked.confirmed |= hit
                left -= hit
    names = [key for key in claims if patterns is None or pattern(key) in patterns]
    checked.untested = {key for key in names if key not in tried}
    checked.refuted = {(key, place) for key in names if key in tried for place in claims[key]} - checked.confirmed
    return checked


def compiled(environment: str, *overrides: Override) -> tuple[Config, Files]:
    """Compile an environment with overrides."""
    made = compile_environment(ROOT, environment, overrides=overrides, local_weights=LocalWeights.IGNORE)
    return made.config, made.files


def compiled_if_valid(environment: str, *overrides: Override) -> Files | None:
    """Compile an environment with overrides; None when they make the configuration invalid."""
    try:
        return compiled(environment, *overrides)[1]
    except LisaError:
        return None


def is_changed(place: Place, found: Iterable[Place]) -> bool:
    """Whether a place is among those that changed; a complete resource, whether it is added or removed."""
    own = [other.path for other in found if other.resource == place.resource]
    return (not place.component and bool(own)) or any(
        not path or (place.path and touches(path, place.path)) for path in own
    )


def changed(before: Files, after: Files) -> Iterator[Place]:
    """Where two outputs differ."""
    for path in sorted({*before, *after}):
        if before.get(path) == after.get(path):
            continue
        if (match := _TEMPLATE.fullmatch(path)) is None:
            yield Place("", path)
            continue
        old, new = (json.loads(side.get(path, b"{}")) for side in (before, after))
        resources = [side.get("Resources", {}) for side in (old, new)]
        for name in sorted({*resources[0], *resources[1]}):
            first, second = (side.get(name) for side in resources)
            if first is None or second is None:
                yield Place(match[1], name)
                continue
            for difference in differences(first, second):
                yield _place(match[1], name, difference.path)
        parameters = [side.get("Parameters", {}) for side in (old, new)]
        for name in sorted({*parameters[0], *parameters[1]}):
            if parameters[0].get(name) != parameters[1].get(name):
                yield Place(match[1], PARAMETERS, name)


def _place(component: str, name: str, path: tuple[Any, ...]) -> Place:
    """The place of a difference in a resource, up to the first function of CloudFormation."""
    if path[0] != "Properties":
        return Place(component, name, "" if path[0] == "Type" else ATTRIBUTES)
    functions = (n for n, step in enumerate(path) if isinstance(step, str) and (step == "Ref" or step[:4] == "Fn::"))
    return Place(component, name, shown_path(path[1 : next(functions, len(path))]))


def pattern(path: Path) -> str:
    """Write a key without the entry that it is of: `ecsModels[].instanceType`."""
    return _POSITION.sub("[]", shown_path(path))


def leaves_of(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf of a configuration, lists of plain values and what is absent among them."""
    own = pattern(path)
    if own in OTHERS and path:
        yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves_of(item, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from leaves_of(item, (*path, index))
    elif path and own not in OTHERS:
        yield path, value


def others(path: Path, value: Any) -> Iterator[Any]:
    """Other values that a key may have."""
    own = pattern(path)
    if own in OTHERS:
        yield from (other for other in OTHERS[own] if other != value)
        return
    part: Any = effective()
    for step in path:
        part = part_of(part, step, {})
    choices = [branch for branch in (resolved(part), *map(resolved, part.get("anyOf", ()))) if "enum" in branch]
    for choice in choices:
        yield from (other for other in choice["enum"] if other != value)
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value * 2, value - 1)
    elif isinstance(value, str) and not choices:
        yield from (f"{value}x", f"{value}/x", f"x{value}")


def together(path: Path) -> list[Override]:
    """The other changes that go with that of a key."""
    found = []
    for key, value in TOGETHER.get(pattern(path), ()):
        entry = path[: 1 + max((n for n, step in enumerate(path) if isinstance(step, int)), default=-1)]
        steps = key.removeprefix(".").split(".")
        found.append(Override("--other", (*entry, *steps) if key.startswith(".") else tuple(steps), value))
    return found
