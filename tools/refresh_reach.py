"""Regenerate review/reach.json: `python tools/refresh_reach.py`, which takes ten minutes.

`--missing` measures the keys alone that the table does not have yet.

Each key of each example environment is given another value, one at a time, and the environment is compiled anew: where
the output differs is where the key reaches. Keys that need another one to change with them, and those whose other value
cannot be guessed, are in OTHERS. What a rule looks at is noted while it looks.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.compile.weights import LocalWeights
from lisa_compiler.output.manifest import build
from lisa_compiler.project.load import load
from lisa_compiler.review.differences import differences, shown_path
from lisa_compiler.review.output import Output, read_output
from lisa_compiler.review.reach import ASSEMBLY, PARAMETERS, Place, general, identifiers, key_pattern, variable, written
from lisa_compiler.review.reach import reach as measured
from lisa_schema.effective import effective, part_of, resolved
from lisa_schema.errors import LisaError
from lisa_schema.models import Config
from lisa_schema.overlay import Override
from lisa_schema.rules import registered_rules
from lisa_schema.validate import validate

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "compiler" / "lisa_compiler" / "review" / "reach.json"
ENVIRONMENTS = ("prod", "dev", "airgap")

_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
_VPC = {
    "vpcId": "vpc-0123456789abcdef0",
    "availabilityZones": ["us-east-1a", "us-east-1b"],
    "privateSubnetIds": ["subnet-0000000000000000a", "subnet-0000000000000000b"],
    "publicSubnetIds": ["subnet-0000000000000000c", "subnet-0000000000000000d"],
    "isolatedSubnetIds": ["subnet-0000000000000000e", "subnet-0000000000000000f"],
    "cidrBlock": "10.20.0.0/16",
}

# Other values, by key.
OTHERS: dict[str, tuple[Any, ...]] = {
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
    "ecsModels[].loadBalancerConfig.sslCertIamArn": (_CERTIFICATE,),
    "ecsModels[].loadBalancerConfig.domainName": ("model.example.com",),
    "ecsModels[].instanceType": ("g6e.4xlarge", "m5.4xlarge", "g4dn.8xlarge"),
    "restApiConfig.instanceType": ("m5.2xlarge",),
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
    "litellmConfig.model_list[].litellm_params.api_key": ("os.environ/OTHER",),
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
    "restApiConfig.containerConfig.healthCheckConfig.command": (["CMD-SHELL", "true"],),
    "ecsModels[].containerConfig.healthCheckConfig.command": (["CMD-SHELL", "true"],),
    "restApiConfig.containerConfig.environment": ({"OTHER": "value"},),
    "ecsModels[].containerConfig.environment": ({"OTHER": "value"},),
    "ecsModels[].inferenceContainer": ("tgi", "vllm", "instructor"),
    "ecsModels[].deploy": (False,),
    "restApiConfig.autoScalingConfig.metricConfig.duration": (30,),
    "ecsModels[].autoScalingConfig.metricConfig.duration": (30,),
}

# What has to change with a key, so that the configuration stays valid; a dot stands for the same entry of a list.
TOGETHER: dict[str, tuple[tuple[str, Any], ...]] = {
    "deployChat": (("deployUi", False),),
    "ecsModels[].loadBalancerConfig.hostedZoneId": ((".loadBalancerConfig.domainName", "model.example.com"),),
    "amiConfig.amiParameter": (("amiConfig.resolveAtDeployment", True),),
    "amiConfig.gpuAmiParameter": (("amiConfig.resolveAtDeployment", True),),
    "ecsModels[].modelType": ((".streaming", None),),
    "litellmConfig.model_list[].lisa_params.model_type": ((".lisa_params.streaming", None),),
}

# Left out: what no output follows from, and what needs files that the project does not have.
UNREAD = ("profile", "runCdkNag", "lambdaSourcePath", "webAppAssetsPath", "vpcId")


_VARIABLE = re.compile(r"(.*\.environment)\.([^.*]+)")


class Files:
    """A compiled environment as a revision."""

    def __init__(self, content: Mapping[str, bytes]) -> None:
        self._content = content

    def read(self, paths: Any) -> Mapping[str, bytes]:
        return {path: self._content[path] for path in paths if path in self._content}


def compiled(environment: str, *overrides: Override) -> Output:
    """Compile an environment with overrides."""
    made = compile_environment(ROOT, environment, overrides=overrides, local_weights=LocalWeights.IGNORE)
    products = made.products.artifacts.values()
    manifest = build(environment, made.config, options=(), files=made.files, products=products)
    files = {**made.files, "manifest.json": manifest}
    output = read_output(Files({f"generated/{environment}/{p}": c for p, c in files.items()}), environment)
    if output is None:
        raise SystemExit(f"{environment} has no output")
    return output


def compiled_if_valid(environment: str, *overrides: Override) -> Output | None:
    """Compile an environment with overrides; None when they make the configuration invalid."""
    try:
        return compiled(environment, *overrides)
    except LisaError:
        return None


def changed(before: Output, after: Output, names: frozenset[str]) -> Iterator[Place]:
    """Where two outputs differ, in general."""
    for key in {*before.resources, *after.resources}:
        old, new = before.resources.get(key), after.resources.get(key)
        if old is None or new is None:
            yield general(Place(*key), names)
            continue
        for difference in differences(old.properties, new.properties):
            yield general(Place(*key, shown_path(_property(difference.path))), names)
        if old.attributes != new.attributes:
            yield general(Place(*key, "@Attributes"), names)
    for component in before.stacks.keys() & after.stacks.keys():
        old_ones, new_ones = (output.stacks[component].parameters for output in (before, after))
        for difference in differences(old_ones, new_ones):
            yield general(Place(component, PARAMETERS, str(difference.path[0])), names)
    if any(before.stacks[name].tags != after.stacks[name].tags for name in before.stacks.keys() & after.stacks.keys()):
        yield Place("", ASSEMBLY)
    for path in {*before.digests, *after.digests}:
        if before.digests.get(path) != after.digests.get(path) and not path.startswith("cloudformation/"):
            yield general(Place("", path), names)


def _property(path: tuple[Any, ...]) -> tuple[Any, ...]:
    """A path up to the first function of CloudFormation, since what that computes is one value."""
    cut = next((n for n, step in enumerate(path) if isinstance(step, str) and step.startswith("Fn::")), len(path))
    return tuple(step for step in path[:cut] if step != "Ref")


def keys(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every leaf of a configuration, lists of plain values and what is absent among them."""
    pattern = key_pattern(path)
    if pattern in OTHERS and path:
        yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from keys(item, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from keys(item, (*path, index))
    elif path and pattern not in OTHERS:
        yield path, value


def others(path: tuple[str | int, ...], value: Any) -> Iterator[Any]:
    """Other values that a key may have."""
    pattern = key_pattern(path)
    if pattern in OTHERS:
        yield from (other for other in OTHERS[pattern] if other != value)
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


def together(path: tuple[str | int, ...]) -> list[Override]:
    """The other changes that go with that of a key."""
    found = []
    for key, value in TOGETHER.get(key_pattern(path), ()):
        entry = path[: 1 + max((n for n, step in enumerate(path) if isinstance(step, int)), default=-1)]
        steps = key.removeprefix(".").split(".")
        found.append(Override("--other", (*entry, *steps) if key.startswith(".") else tuple(steps), value))
    return found


def measure(environment: str, reach: dict[str, set[Place]], known: frozenset[str]) -> None:
    """Give every key of an environment another value, but those that are known."""
    loaded = load(ROOT, environment)
    config = validate(loaded.document).config
    before = compiled(environment)
    names = identifiers(before.configuration())
    done: set[str] = set()
    for path, value in keys(config.model_dump(mode="json", by_alias=True)):
        pattern = key_pattern(path)
        if pattern in UNREAD or pattern in done or pattern in known or pattern.startswith("tags["):
            continue
        worked = False
        with_it = together(path)
        base = (compiled_if_valid(environment, *with_it) if with_it else None) or before
        for other in others(path, value):
            after = compiled_if_valid(environment, Override("--other", path, other), *with_it)
            if after is None:
                continue
            worked = True
            done.add(pattern)
            found = set(changed(base, after, names | identifiers(after.configuration())))
            reach[pattern] |= found
            if pattern not in OTHERS:
                break
        print(f"{environment} {shown_path(path)}: {len(reach[pattern]) if worked else 'no other value'}", flush=True)  # noqa: T201


@contextmanager
def noted(config: Config, keys_read: set[str]) -> Iterator[None]:
    """Note the keys that are read of a configuration."""
    paths: dict[int, tuple[Any, ...]] = {}

    def walk(value: Any, path: tuple[Any, ...]) -> None:
        if isinstance(value, BaseModel):
            paths[id(value)] = path
            for name, field in type(value).model_fields.items():
                walk(value.__dict__[name], (*path, field.alias or name))
        elif isinstance(value, tuple | list):
            for index, item in enumerate(value):
                walk(item, (*path, index))

    walk(config, ())
    before = BaseModel.__getattribute__ if "__getattribute__" in vars(BaseModel) else object.__getattribute__

    def note(self: BaseModel, name: str) -> Any:
        value = before(self, name)
        path = paths.get(id(self))
        field = type(self).model_fields.get(name) if path is not None and not name.startswith("_") else None
        if field is not None and not isinstance(value, BaseModel):
            keys_read.add(key_pattern((*(path or ()), field.alias or name)))
        return value

    BaseModel.__getattribute__ = note  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        del BaseModel.__getattribute__


def rules() -> dict[str, list[Any]]:
    """Name, meaning and keys of each rule: those that it looks at in any of the examples."""
    found: dict[str, set[str]] = defaultdict(set)
    for environment in ENVIRONMENTS:
        config = validate(load(ROOT, environment).document).config
        for rule in registered_rules():
            with noted(config, found[rule.code]):
                list(rule.check(config))
    lists = {"ecsModels", "ragRepositories", "tags"}
    return {rule.code: [rule.name, rule.meaning, sorted(found[rule.code] - lists)] for rule in registered_rules()}


def main() -> int:
    """Write the table."""
    reach: dict[str, set[Place]] = defaultdict(set)
    if "--missing" in sys.argv[1:]:
        reach.update({key: set(found) for key, found in measured().items()})
    known = frozenset(reach)
    for environment in ENVIRONMENTS:
        measure(environment, reach, known)
    for key in list(reach):
        # Every variable of a container reaches alike.
        if (match := _VARIABLE.fullmatch(key)) is not None:
            reach[f"{match[1]}.*"] |= {variable(place, match[2]) for place in reach.pop(key)}
    found = {key: sorted(written(place) for place in reach[key]) for key in sorted(reach) if reach[key]}
    body = {"reach": found, "rules": rules()}
    sections = []
    for name, entries in body.items():
        lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in entries.items())
        sections.append(f"{json.dumps(name)}: {{\n{lines}\n}}")
    OUTPUT.write_text('{\n"schemaVersion": 1,\n' + ",\n".join(sections) + "\n}\n", encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
