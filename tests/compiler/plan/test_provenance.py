"""Marks: values of a marked configuration behave as those that it was made from, and carry their keys."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable

import pytest

from lisa_compiler.plan import Deployment, plan
from lisa_compiler.plan.names import fit, kebab
from lisa_compiler.plan.provenance import Keys, MarkedNumber, MarkedText, bare, following, marks_of, without_marks
from lisa_schema.models import Config


@pytest.fixture
def config(planned: Callable[..., Deployment]) -> Config:
    return planned().config


@pytest.fixture
def keys() -> Keys:
    return Keys()


def paths(keys: Keys, value: object) -> list[str]:
    return [".".join(map(str, keys.paths[mark])) for mark in marks_of(value)]


def test_marked_configuration_equals_the_configuration(config: Config, keys: Keys) -> None:
    marked = keys.mark(config)
    assert marked == config
    assert marked.ecs_models[0].auto_scaling_config.max_capacity == 2
    assert marked.region in {"us-east-1"}
    assert {"destroy": 1}[marked.removal_policy] == 1


def test_text_carries_its_key_through_formatting(config: Config, keys: Keys) -> None:
    marked = keys.mark(config)
    text = f"s3://{marked.s3_bucket_models}/{marked.ecs_models[0].model_name}/"
    assert paths(keys, text) == ["s3BucketModels", "ecsModels.0.modelName"]
    assert bare(text) == "s3://test-models/org/small-model/"


def test_number_carries_its_key_into_text_and_json(config: Config, keys: Keys) -> None:
    most = keys.mark(config).ecs_models[0].auto_scaling_config.max_capacity
    expected = ["ecsModels.0.autoScalingConfig.maxCapacity"]
    assert paths(keys, str(most)) == paths(keys, f"{most}") == expected
    assert (bare(str(most)), bare(f"{most:03}")) == ("2", "002")
    written = json.dumps({"most": most, "account": "123456789012", "size": 1099511627775})
    assert paths(keys, written) == expected
    assert without_marks(written) == '{"most": 2, "account": "123456789012", "size": 1099511627775}'
    assert without_marks(json.loads(written)["most"]) == 2


def test_mark_in_json_in_ascii_is_read(config: Config, keys: Keys) -> None:
    text = json.dumps(json.dumps({"name": keys.mark(config).deployment_name}))
    assert text.isascii()
    assert paths(keys, text) == ["deploymentName"]
    assert without_marks(text) == json.dumps(json.dumps({"name": "test"}))


def test_computation_sees_the_value_alone() -> None:
    number, other = MarkedNumber.of(7, 3), MarkedNumber.of(2, 90)
    assert (number + 1, 1 + number, number - other, number // other, 10 % number, number * 2) == (8, 8, 5, 3, 3, 14)
    assert (number > other, number == 7, min(number, 9) == 7, int(number)) == (True, True, True, 7)
    assert not MarkedNumber.of(0, 1)
    assert len(MarkedText(f"ab{chr(0xF0001)}")) == 2


def test_computed_value_carries_the_keys_that_it_follows_from(config: Config, keys: Keys) -> None:
    kind = keys.mark(config).ecs_models[0].instance_type
    assert paths(keys, following(4096, kind)) == ["ecsModels.0.instanceType"]
    assert following(4096, kind) == 4096
    assert following("a", "b") == "a"
    assert type(following(1, "plain")) is int


def test_name_is_cut_as_without_marks(config: Config, keys: Keys) -> None:
    name = f"{keys.mark(config).deployment_name}_{'x' * 70}"
    assert bare(fit(name, 64)) == fit(bare(name), 64)
    assert paths(keys, fit(name, 64)) == ["deploymentName"]
    assert bare(kebab(name)) == kebab(bare(name))


def test_marked_plan_is_pickled_with_its_keys(config: Config, keys: Keys) -> None:
    service = pickle.loads(pickle.dumps(plan("dev", keys.mark(config)).models[0].service))
    assert paths(keys, service.memory_reservation_mib) == ["ecsModels.0.instanceType"]
    assert paths(keys, service.cluster) == [
        "deploymentName",
        "appName",
        "deploymentStage",
        "ecsModels.0.modelId",
    ]


def test_switches_are_marked_for_files_alone(config: Config, keys: Keys) -> None:
    assert keys.mark(config).deploy_chat is True
    switched = keys.mark(config, switches=True)
    assert switched.deploy_chat
    assert paths(keys, switched.deploy_chat) == ["deployChat"]


def test_default_prefix_comes_from_what_it_is_made_of(config: Config, keys: Keys) -> None:
    prefix = keys.mark(config).deployment_prefix
    assert prefix == "/dev/test/lisa"
    assert paths(keys, prefix) == ["deploymentStage", "deploymentName", "appName"]
