"""The measured table of what keys reach, against the corpus, the rules and the output."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lisa_compiler.review.change import compare
from lisa_compiler.review.differences import Difference
from lisa_compiler.review.output import Output, read_output
from lisa_compiler.review.reach import Place, general, identifiers, key_pattern, keys_of_rules, places, reach
from lisa_compiler.review.resources import Effect
from lisa_compiler.review.revisions import WorkingTree
from lisa_schema.rules import registered_rules

from .conftest import ENVIRONMENT
from .corpus import CASES

ROOT = Path(__file__).parents[3]
# Those whose differences are settings with values: what is added or removed whole is measured by its parts.
MEASURED = [
    "instance_type",
    "instance_without_gpu",
    "scale_up",
    "scaling_target",
    "model_environment",
    "new_base_image",
    "larger_search_domain",
    "another_database_user",
    "internet_facing",
    "without_certificate",
    "another_identity_provider",
    "data_no_longer_kept",
    "parameter_prefix",
    "log_level",
]


def keys_of(difference: Difference) -> Iterator[str]:
    key = key_pattern(difference.path)
    yield key
    yield re.sub(r"\.environment\.[^.]+\Z", ".environment.*", key)


@pytest.mark.xdist_group("review-corpus")
@pytest.mark.parametrize("name", MEASURED)
def test_what_changes_is_what_the_table_says(output_of: Callable[..., Output], name: str) -> None:
    case = CASES[name]
    before, after = output_of(case.base), output_of(case.base, case.edit)
    change = compare(ENVIRONMENT, before, after)
    names = identifiers(before.configuration())
    changed = {
        general(Place(*one.resource.key), names)
        for one in change.resources
        if one.differences or one.effect in (Effect.ADDED, Effect.REMOVED)
    }
    told = {place.resource for one in change.settings for key in keys_of(one) for place in reach().get(key, ())}
    assert changed
    assert changed <= told


def test_every_rule_is_in_the_table_with_its_words() -> None:
    table = {code: (rule.name, rule.meaning) for code, rule in keys_of_rules().items()}
    assert table == {rule.code: (rule.name, rule.meaning) for rule in registered_rules()}


def test_what_the_table_names_is_still_generated() -> None:
    generated = set()
    for environment in ("prod", "dev", "airgap"):
        output = read_output(WorkingTree(ROOT), environment)
        assert output is not None
        names = identifiers(output.configuration())
        generated |= {general(place, names).resource for place in places(output)}
    reached = {place.resource for found in reach().values() for place in found}
    assert reached
    assert reached <= generated


def test_a_place_is_general_when_it_belongs_to_one_model_or_repository() -> None:
    names = identifiers({"ecsModels": [{"modelId": "m-1"}], "ragRepositories": [{"repositoryId": "wiki"}]})
    assert general(Place("model-m1", "ModelTaskE1376430", "ContainerDefinitions[m1].Image"), names) == Place(
        "model-*", "ModelTask", "ContainerDefinitions[*].Image"
    )
    assert general(Place("iam", "Modelm1TaskRole"), names) == Place("iam", "Model*TaskRole")
    assert general(Place("rag", "RepositorywikiDatabaseEAFA86E7"), names) == Place("rag", "Repository*Database")
    assert general(Place("", "containers/m1/Dockerfile"), names) == Place("", "containers/*/Dockerfile")
    assert general(Place("serve", "TokenTable"), names) == Place("serve", "TokenTable")
