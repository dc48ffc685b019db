"""Every rule has cases that pass and cases that fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lisa_schema import ConfigurationError, Diagnostic, Severity, rules
from lisa_schema.document import MappingNode
from lisa_schema.overlay import merge, parse_override
from lisa_schema.regions import region
from lisa_schema.rules import registered_rules
from lisa_schema.validate import validate
from lisa_schema.yaml_reader import read_yaml

from .rule_cases import (
    access,
    adapters,
    arns,
    capacity,
    containers,
    databases,
    engine_arguments,
    engine_settings,
    external_models,
    gpus,
    group_access,
    health_checks,
    images,
    ineffective_keys,
    instances,
    litellm,
    litellm_language,
    litellm_routes,
    litellm_values,
    models,
    network,
    partition,
    rag,
    runtime,
    schedules,
    secret_references,
    secrets,
    stores,
    texts,
    trust,
)
from .rule_cases.changes import ENVIRONMENT, IMAGE, PGVECTOR, Failing, Passing
from .rule_cases.ineffective_keys import CONDA

CASES = (
    access,
    arns,
    adapters,
    capacity,
    containers,
    databases,
    engine_arguments,
    engine_settings,
    external_models,
    images,
    gpus,
    group_access,
    health_checks,
    ineffective_keys,
    instances,
    litellm,
    litellm_language,
    litellm_routes,
    litellm_values,
    models,
    network,
    partition,
    rag,
    runtime,
    schedules,
    secret_references,
    secrets,
    stores,
    texts,
    trust,
)
PASSING: Passing = {name: cases for module in CASES for name, cases in module.PASSING.items()}
FAILING: Failing = {name: cases for module in CASES for name, cases in module.FAILING.items()}
UNREACHABLE = {"lambda-runtime-offered", "service-offered"}
"""Rules that no region of today's table breaks; tests of their own, below, give them a region that does."""


def diagnose(changes: list[str]) -> tuple[Diagnostic, ...]:
    """Validate one_model.yaml with changes and return every diagnostic."""
    text = (Path(__file__).parent / "configs" / "good" / "one_model.yaml").read_text(encoding="utf-8")
    root, _ = read_yaml(text, "config.yaml")
    assert isinstance(root, MappingNode)
    block = root.get("dev")
    assert isinstance(block, MappingNode)
    document = replace(merge([block], [parse_override(change) for change in changes]), environment="dev")
    try:
        return validate(document).diagnostics
    except ConfigurationError as error:
        return error.diagnostics


@pytest.mark.parametrize(("name", "changes"), [(name, changes) for name, cases in PASSING.items() for changes in cases])
def test_rule_passes(name: str, changes: list[str]) -> None:
    found = diagnose(changes)
    assert [diagnostic for diagnostic in found if diagnostic.rule == name] == []
    assert [diagnostic for diagnostic in found if diagnostic.code < "LISA300"] == []


@pytest.mark.parametrize(
    ("name", "changes", "key_path"),
    [(name, changes, key_path) for name, cases in FAILING.items() for changes, key_path in cases],
)
def test_rule_fails(name: str, changes: list[str], key_path: str) -> None:
    found = diagnose(changes)
    assert [diagnostic for diagnostic in found if diagnostic.code < "LISA300"] == []
    hits = [diagnostic for diagnostic in found if diagnostic.rule == name]
    assert key_path in {hit.key_path for hit in hits}
    for hit in hits:
        assert hit.origin is not None
        assert hit.message.endswith((".", "?"))
        assert hit.fix.endswith(".")


def test_service_offered_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    home = replace(region("us-gov-west-1"), lacks=frozenset({"AWS::RDS::DBInstance"}))
    monkeypatch.setattr(rules.partition, "region", lambda _: home)
    found = [
        hit for hit in diagnose(["deployRag=true", f"ragRepositories=[{PGVECTOR}]"]) if hit.rule == "service-offered"
    ]
    assert [(hit.key_path, hit.severity) for hit in found] == [("ragRepositories[0].type", Severity.ERROR)]


def test_lambda_runtime_offered_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    home = replace(region("us-east-1"), lambda_runtimes=("python3.11",))
    monkeypatch.setattr(rules.runtime, "region", lambda _: home)
    found = [hit for hit in diagnose([]) if hit.rule == "lambda-runtime-offered"]
    assert [(hit.key_path, hit.fix) for hit in found] == [("lambdaConfig.pythonRuntime", "Write PYTHON_3_11.")]


def test_instance_type_is_an_error_where_the_region_lacks_it_and_a_warning_where_it_is_not_known() -> None:
    def severities(name: str) -> set[str]:
        found = diagnose([f"region={name}", "ecsModels[0].instanceType=p4de.24xlarge"])
        return {hit.severity.value for hit in found if hit.rule == "instance-type-offered"}

    assert severities("eu-south-2") == {"error"}
    assert severities("us-gov-east-1") == severities("us-iso-east-1") == severities("us-east-7") == {"warning"}


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("connection-times", f"{ENVIRONMENT}.ANSWER_TIMEOUT=600", "must be a number of seconds from 0 to 599"),
        ("connection-times", f"{ENVIRONMENT}.DRAIN_TIMEOUT=1.5", "must be an integer number of seconds from 0 to 3570"),
        ("arn-partition", f"{ENVIRONMENT}.KEY=arn:aws-cn:ssm:cn-north-1:012345678901:parameter/x", "arn:aws-cn, but"),
        ("secret-in-litellm", "litellmConfig.litellm_settings.cache_params.password=hunter2", "`password` looks like"),
        ("key-without-effect", CONDA, "`condaUrl` has no effect"),
    ],
)
def test_the_message_names_what_is_wrong(name: str, change: str, words: str) -> None:
    (found,) = (hit for hit in diagnose([change]) if hit.rule == name)
    assert words in found.message


def test_a_fix_names_the_environment() -> None:
    (found,) = (hit for hit in diagnose(["vpcId=vpc-0123456789abcdef0"]) if hit.rule == "vpc-described")
    assert "lisa vpc describe --env dev" in found.fix


def test_every_rule_has_both() -> None:
    names = {rule.name for rule in registered_rules()}
    assert set(PASSING) == names
    assert set(FAILING) | UNREACHABLE == names


def test_every_rule_says_what_it_means() -> None:
    for rule in registered_rules():
        assert rule.meaning.endswith(".")
        assert rule.fix.endswith(".")
        assert rule.code.startswith(("LISA3", "LISA5"))


@pytest.mark.parametrize(
    ("change", "rule", "fix"),
    [
        ("ecsModels[0].instanceType=inf2.xlarge", "instance-type-usable", "g6.xlarge or g5.xlarge or g6e.xlarge"),
        (
            "ecsModels[0].instanceType=inf2.24xlarge",
            "instance-type-usable",
            "g6.12xlarge or g5.12xlarge or g6e.12xlarge",
        ),
        ("ecsModels[0].instanceType=g5g.xlarge", "architecture", "g6.xlarge or g5.xlarge or g6e.xlarge"),
        ("restApiConfig.instanceType=m7g.large", "architecture", "m7i.large or m6i.large or m5.large"),
        ("restApiConfig.instanceType=inf2.xlarge", "instance-type-usable", "m7i.large or m6i.large or m5.large"),
    ],
)
def test_alternatives_suit_the_service(change: str, rule: str, fix: str) -> None:
    found = [hit for hit in diagnose([change]) if hit.rule == rule]
    assert [(hit.severity, hit.fix) for hit in found] == [(Severity.ERROR, f"Choose {fix}.")]


def test_alternatives_are_those_of_the_region() -> None:
    found = diagnose(["region=ap-southeast-4", "ecsModels[0].instanceType=trn2.48xlarge"])
    (hit,) = [one for one in found if one.rule == "instance-type-usable"]
    home = region("ap-southeast-4")
    assert home is not None
    names = hit.fix.removeprefix("Choose ").removesuffix(".").split(" or ")
    assert all(home.offers(name) for name in names) or not any(home.offers(name) for name in names)


def test_arm_is_a_warning_where_image_and_ami_are_your_own() -> None:
    own = [
        "restApiConfig.amiId=ami-0123456789abcdef0",
        f"{IMAGE}={{type: registry, registry: registry.example.com/x:1}}",
    ]
    found = [hit for hit in diagnose(["restApiConfig.instanceType=m7g.large", *own]) if hit.rule == "architecture"]
    assert [hit.severity for hit in found] == [Severity.WARNING]
    found = [hit for hit in diagnose(["restApiConfig.instanceType=m7g.large", own[1]]) if hit.rule == "architecture"]
    assert [hit.severity for hit in found] == [Severity.ERROR]


@pytest.mark.parametrize(
    ("image", "severity"),
    [
        ("python:3.9", Severity.WARNING),
        ("docker.io/library/python:3.10-slim-bookworm", Severity.WARNING),
        ("python:3.9-alpine", Severity.ERROR),
        (f"python:3.9@sha256:{'0a' * 32}", Severity.ERROR),
        ("registry.example.com/python:3.9", Severity.ERROR),
    ],
)
def test_old_python_is_an_error_where_no_image_replaces_it(image: str, severity: Severity) -> None:
    found = [hit for hit in diagnose([f"{IMAGE}.baseImage='{image}'"]) if hit.rule == "gateway-python"]
    assert [hit.severity for hit in found] == [severity]
