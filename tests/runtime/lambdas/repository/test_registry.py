"""Repositories as Parameter Store has them, while deployments add, change and remove them around a warm function."""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

import pytest

from lisa_lambdas.errors import ApiError, NotFoundError, TooManyRequestsError, UnavailableError
from lisa_lambdas.parameters import Parameters
from lisa_lambdas.repository.registry import OpenSearchConnection, Registry
from runtime.lambdas.repository.deployment import aws_session

DATABASE = {
    "type": "pgvector",
    "dbHost": "db.example.com",
    "dbPort": 5432,
    "dbName": "postgres",
    "username": "postgres",
    "passwordSecretId": "secret",
}


def search(host: str) -> dict[str, object]:
    return {"type": "opensearch", "endpoint": host}


class CountedParameters(Parameters):
    """Parameter Store that counts how often it is read, and fails on request."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.reads = 0
        self.failure: ApiError | None = None

    def texts(self, path: str) -> dict[str, str]:
        self.reads += 1
        if self.failure:
            raise self.failure
        return super().texts(path)


class Warm:
    """A warm function's registry, at a time that the test sets, over what a deployment writes."""

    def __init__(self, endpoint: str) -> None:
        self.path = f"/{uuid.uuid4().hex}/repositories"
        self.ssm = aws_session().client("ssm", endpoint_url=endpoint)
        self.parameters = CountedParameters(self.ssm)
        self.now = 100.0
        self.opened: list[object] = []
        self.registry = Registry(self.parameters, self.path, open_store=self._open, clock=lambda: self.now)

    def _open(self, connection: object) -> Any:
        self.opened.append(connection)
        return object()

    def deploy(self, repository_id: str, connection: object) -> None:
        text = connection if isinstance(connection, str) else json.dumps(connection)
        self.ssm.put_parameter(Name=f"{self.path}/{repository_id}", Value=text, Type="String", Overwrite=True)

    def ids(self) -> list[str]:
        return [found.id for found in self.registry.all()]


@pytest.fixture
def warm(aws_environment: str) -> Warm:
    return Warm(aws_environment)


def test_repositories_of_several_pages_are_listed_by_id(warm: Warm) -> None:
    ids = [f"docs-{number:02}" for number in range(25)]
    for repository_id in reversed(ids):
        warm.deploy(repository_id, DATABASE if repository_id.endswith("0") else search("s.example.com"))
    assert warm.ids() == ids
    assert [found.type for found in warm.registry.all()[:2]] == ["pgvector", "opensearch"]


def test_a_deployment_without_repositories_lists_none(warm: Warm) -> None:
    assert warm.ids() == []


def test_what_lies_deeper_is_no_repository(warm: Warm) -> None:
    warm.deploy("docs/0", DATABASE)
    assert warm.ids() == []


def test_repositories_are_read_once_a_minute(warm: Warm) -> None:
    warm.deploy("docs", DATABASE)
    for _ in range(3):
        assert warm.ids() == ["docs"]
        assert warm.registry.find("docs").id == "docs"
    warm.now += 59
    assert warm.ids() == ["docs"]
    assert warm.parameters.reads == 1
    warm.now += 1
    assert warm.ids() == ["docs"]
    assert warm.parameters.reads == 2


def test_a_repository_deployed_later_is_found_at_once_and_listed_within_a_minute(warm: Warm) -> None:
    warm.deploy("docs", DATABASE)
    assert warm.ids() == ["docs"]
    warm.deploy("more", DATABASE)
    warm.now += 1
    assert warm.registry.find("more").id == "more"
    warm.deploy("most", DATABASE)
    warm.now += 60
    assert warm.ids() == ["docs", "more", "most"]


def test_a_removed_repository_is_not_found_after_a_minute(warm: Warm) -> None:
    warm.deploy("docs", DATABASE)
    assert warm.ids() == ["docs"]
    warm.ssm.delete_parameter(Name=f"{warm.path}/docs")
    warm.now += 60
    with pytest.raises(NotFoundError, match="docs"):
        warm.registry.find("docs")


def test_unknown_ids_are_looked_up_at_most_once_a_second(warm: Warm) -> None:
    for number in range(20):
        with pytest.raises(NotFoundError):
            warm.registry.find(f"none-{number}")
    assert warm.parameters.reads == 1
    warm.now += 1
    with pytest.raises(NotFoundError):
        warm.registry.find("none")
    assert warm.parameters.reads == 2


def test_a_store_is_kept_until_its_connection_changes(warm: Warm) -> None:
    warm.deploy("docs", search("old.example.com"))
    first = warm.registry.store(warm.registry.find("docs"))
    warm.now += 60
    assert warm.registry.store(warm.registry.find("docs")) is first
    warm.deploy("docs", search("new.example.com"))
    warm.now += 60
    assert warm.registry.store(warm.registry.find("docs")) is not first
    assert warm.opened == [
        OpenSearchConnection(type="opensearch", endpoint=f"{host}.example.com") for host in ("old", "new")
    ]


@pytest.mark.parametrize("failure", [UnavailableError("It fails."), TooManyRequestsError("It throttles.")])
def test_a_failure_of_parameter_store_is_neither_an_empty_list_nor_an_unknown_repository(
    warm: Warm, failure: ApiError
) -> None:
    warm.deploy("docs", DATABASE)
    warm.parameters.failure = failure
    with pytest.raises(type(failure)):
        warm.ids()
    with pytest.raises(type(failure)):
        warm.registry.find("docs")


def test_known_repositories_outlive_a_failure_of_parameter_store(warm: Warm) -> None:
    warm.deploy("docs", DATABASE)
    assert warm.ids() == ["docs"]
    warm.parameters.failure = UnavailableError("It fails.")
    warm.now += 60
    assert warm.registry.find("docs").id == "docs"
    with pytest.raises(UnavailableError):
        warm.registry.find("more")
    with pytest.raises(UnavailableError):
        warm.ids()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"type": "other"}', '{"type": "pgvector"}', '{"endpoint": "x"}', '"\ud800"'],
)
def test_a_parameter_that_is_no_connection_breaks_only_its_repository(
    warm: Warm, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    warm.parameters.texts = lambda path: {"broken": text, "docs": json.dumps(DATABASE)}  # type: ignore[method-assign]  # noqa: ARG005
    with caplog.at_level(logging.WARNING, "lisa_lambdas"):
        assert warm.ids() == ["docs"]
    assert f"the parameter {warm.path}/broken is invalid" in caplog.text
    assert warm.registry.find("docs").type == "pgvector"
    with pytest.raises(UnavailableError, match="parameter of RAG repository broken is invalid"):
        warm.registry.find("broken")


def test_an_unreadable_parameter_is_logged_without_its_content(warm: Warm, caplog: pytest.LogCaptureFixture) -> None:
    warm.deploy("docs", {**DATABASE, "dbPort": "hidden"})
    with caplog.at_level(logging.WARNING, "lisa_lambdas"):
        assert warm.ids() == []
    assert "dbPort" in caplog.text
    assert "hidden" not in caplog.text


def test_parameters_are_named_by_the_rest_of_their_names(aws_endpoint: str) -> None:
    client = aws_session().client("ssm", endpoint_url=aws_endpoint)
    path = f"/{uuid.uuid4().hex}"
    for name in ("a", "a/0"):
        client.put_parameter(Name=f"{path}/{name}", Value="1", Type="String")
    assert Parameters(client).texts(path) == {"a": "1", "a/0": "1"}
