from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from lisa_compiler.plan import Names
from lisa_compiler.plan.names import fit, kebab, model_id

LONG = "a-very-long-deployment-name-that-nobody-would-want-to-type-twice"


def names(**changes: str) -> Names:
    values = {
        "deployment": "demo",
        "app": "lisa",
        "stage": "dev",
        "account": "123456789012",
        "region": "us-gov-west-1",
        "role_prefix": "",
        "policy_prefix": "",
        "instance_profile_prefix": "",
        "prefix": "/dev/demo/lisa",
    }
    return Names(**{**values, **changes})


def test_short_name_is_kept() -> None:
    assert fit("lisa", 64) == "lisa"


@given(st.text("ab-", min_size=1, max_size=200), st.integers(16, 128))
def test_name_fits_its_limit(name: str, limit: int) -> None:
    assert len(fit(name, limit)) <= limit


@given(st.text("ab", min_size=65, max_size=80), st.text("ab", min_size=65, max_size=80))
def test_different_long_names_stay_different(first: str, second: str) -> None:
    assert (fit(first, 64) == fit(second, 64)) == (first == second)


def test_model_id_is_letters_and_digits() -> None:
    assert model_id("mistralai/Mistral-7B.v0_2") == "mistralaiMistral7Bv02"


def test_kebab_is_a_dns_label() -> None:
    assert kebab("--My Deployment__1-") == "my-deployment-1"


def test_role_names_of_long_prefixes_fit_and_differ() -> None:
    long = names(deployment=LONG, role_prefix="workload-boundary-prefix-")
    roles = {long.role(f"task-model{number}") for number in range(200)}
    assert len(roles) == 200
    assert all(len(role) <= 64 for role in roles)
    assert all(role.startswith("workload-boundary-prefix-") for role in roles)


def test_role_names_of_two_regions_differ() -> None:
    assert names(region="us-east-1").role("task-a") != names(region="us-west-2").role("task-a")


def test_documents_buckets_of_two_stages_differ() -> None:
    assert names(stage="dev").documents_bucket != names(stage="prod").documents_bucket


def test_every_name_is_within_the_limit_of_its_service() -> None:
    long = names(deployment=LONG, app="application", stage="an-equally-long-stage-name-of-this")
    assert len(long.stack("model-" + "x" * 100)) <= 128
    assert len(long.function("authorizer")) <= 64
    assert len(long.bucket("access-logs")) <= 63
    assert len(long.documents_bucket) <= 63
    assert len(long.database("repository" * 8)) <= 63
    assert len(long.search_domain("repository" * 8)) <= 28
    assert re.fullmatch(r"[a-z][a-z0-9-]+", long.search_domain("1-repository"))
    assert re.fullmatch(r"[a-z0-9.-]+", long.bucket("website"))
