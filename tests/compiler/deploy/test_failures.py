"""Deploy, change, fail anywhere, revert, deploy again: on the model of CloudFormation, with compiled templates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .model_site import Compilations, ModelSite, no_pauses

pytestmark = pytest.mark.xdist_group("deployment-model")


@pytest.fixture(scope="module")
def compilations(tmp_path_factory: pytest.TempPathFactory) -> Compilations:
    return Compilations(tmp_path_factory.mktemp("compilations"))


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with no_pauses():
        yield


@pytest.fixture(params=["dev", "prod", "legacy"])
def site(request: pytest.FixtureRequest, compilations: Compilations) -> ModelSite:
    return ModelSite(compilations, request.param)


@pytest.fixture
def prod(compilations: Compilations) -> ModelSite:
    return ModelSite(compilations, "prod")


def test_it_deploys_and_deploys_again(site: ModelSite) -> None:
    site.deployed()
    assert set(site.statuses.values()) == {"CREATE_COMPLETE"}
    assert site.plan().changes_nothing
    site.deployed("no chat")
    site.deployed()
    assert site.plan().changes_nothing
