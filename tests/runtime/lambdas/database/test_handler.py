"""The function that prepares databases, as CloudFormation calls it: with moto's secrets and a real PostgreSQL."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from lisa_lambdas.database import handler as function
from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.repository.stores import Chunk, Collection, Document
from lisa_lambdas.repository.stores.pgvector import PgVectorStore
from runtime.lambdas.repository.deployment import aws_session
from runtime.lambdas.repository.postgres import ADMINISTRATOR, PASSWORD, Postgres

IDS = {"StackId": "arn:stack", "RequestId": "r-1", "LogicalResourceId": "RepositorydocsUser"}
COLLECTION = Collection("docs", "model")
Call = Callable[..., dict[str, Any]]


class Waits:
    """What CloudFormation received."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.url = ""


@pytest.fixture
def cloudformation() -> Iterator[Waits]:
    waits = Waits()

    class Waiting(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert self.headers.get("Content-Type", "") == ""
            waits.answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Waiting) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        waits.url = f"http://127.0.0.1:{listening.server_port}/signed?Signature=x"
        yield waits
        listening.shutdown()


@pytest.fixture
def secret(aws_environment: str) -> Callable[[str], str]:
    """Makes a secret as RDS writes it; returns its ARN."""
    client = aws_session().client("secretsmanager", endpoint_url=aws_environment)

    def make(password: str) -> str:
        content = json.dumps({"username": "any", "password": password})
        return str(client.create_secret(Name=uuid.uuid4().hex, SecretString=content)["ARN"])

    return make


@pytest.fixture
def name(database_server: Postgres) -> str:
    return database_server.make_database(prepared=False)


@pytest.fixture
def connection(database_server: Postgres, name: str, secret: Callable[[str], str]) -> dict[str, object]:
    return {
        "dbHost": "127.0.0.1",
        "dbPort": database_server.port,
        "dbName": name,
        "administrator": ADMINISTRATOR,
        "administratorSecretId": secret(PASSWORD),
        "username": f"u_{name}",
        "functionUser": "password",
        "passwordSecretId": secret("fn secret"),
    }


@pytest.fixture
def call(cloudformation: Waits, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    monkeypatch.setattr(function, "_RETRY_SECONDS", 0.2)
    monkeypatch.setattr("lisa_lambdas.repository.stores.schema._LOCK_MILLISECONDS", 200)

    def call(
        kind: str, connection: Mapping[str, object] | None, *, milliseconds: int = 300_000, encrypted: str = "false"
    ) -> dict[str, Any]:
        monkeypatch.setenv("DATABASE_ENCRYPTED", encrypted)
        monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
        function._resources.cache_clear()
        properties = {} if connection is None else {"Connection": json.dumps(connection)}
        event = {"RequestType": kind, "ResourceProperties": properties, "ResponseURL": cloudformation.url, **IDS}
        context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)
        function.handler(event, context)
        (answer,) = cloudformation.answers
        cloudformation.answers.clear()
        assert {key: answer[key] for key in IDS} == IDS
        return dict(answer)

    yield call
    function._resources.cache_clear()


def store(server: Postgres, connection: Mapping[str, object]) -> PgVectorStore:
    given = {"user": connection["username"], "password": lambda: "fn secret"}
    return PgVectorStore(server.database(str(connection["dbName"]), **given).connect, is_prepared=True)


def test_database_is_prepared_as_often_as_it_is_asked_for(
    call: Call, connection: dict[str, object], database_server: Postgres
) -> None:
    for kind in ("Create", "Update", "Update"):
        answer = call(kind, connection)
        assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"User": connection["username"]})
        assert answer["PhysicalResourceId"] == "RepositorydocsUser"
    opened = store(database_server, connection)
    opened.replace(COLLECTION, Document("d", "s3://d/a", "1"), [[Chunk(0, "chunk", (1.0, 0.0))]])
    assert [hit.text for hit in opened.search(COLLECTION, (1.0, 0.0), 1)] == ["chunk"]


def test_user_of_iam_has_no_password(call: Call, connection: dict[str, object], database_server: Postgres) -> None:
    del connection["passwordSecretId"]
    user = f"{connection['username']}_iam"
    assert call("Create", {**connection, "username": user, "functionUser": "iam"})["Status"] == "SUCCESS"
    with database_server.administer(str(connection["dbName"])) as superuser:
        found = superuser.execute(
            "SELECT rolpassword, pg_has_role(rolname, 'rds_iam', 'MEMBER') FROM pg_authid WHERE rolname = %s", (user,)
        ).fetchone()
    assert found == (None, True)


def test_delete_leaves_the_database_as_it_is(
    call: Call, connection: dict[str, object], database_server: Postgres
) -> None:
    call("Create", connection)
    assert call("Delete", connection)["Status"] == "SUCCESS"
    assert call("Delete", None)["Status"] == "SUCCESS"
    assert store(database_server, connection).find(COLLECTION, "d") is None


def test_direct_call_raises(connection: dict[str, object], call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_ENCRYPTED", "false")
    context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)
    properties = {"Connection": json.dumps(connection)}
    assert function.handler({"ResourceProperties": properties}, context) == {"User": connection["username"]}
    wrong = {"Connection": json.dumps({**connection, "dbPort": 9})}
    with pytest.raises(UnavailableError):
        function.handler({"ResourceProperties": wrong}, context)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dbPort": 9}, "is unreachable"),
        ({"administratorSecretId": "none"}, "cannot be read"),
        ({"passwordSecretId": "none"}, "cannot be read"),
        ({"administrator": "lisa_nobody"}, "authentication failed"),
        ({"username": ADMINISTRATOR}, "may alter this role"),
        ({"other": 1}, "ValidationError"),
    ],
)
def test_failure_is_answered_with_its_reason(
    call: Call, connection: dict[str, object], change: dict[str, object], reason: str
) -> None:
    answer = call("Create", {**connection, **change})
    assert answer["Status"] == "FAILED"
    assert reason in answer["Reason"]
    assert PASSWORD not in answer["Reason"]
    assert "fn secret" not in answer["Reason"]


def test_administrator_without_privileges_is_named(
    call: Call, connection: dict[str, object], database_server: Postgres, secret: Callable[[str], str]
) -> None:
    with database_server.administer(str(connection["dbName"])) as superuser:
        superuser.execute(f"CREATE ROLE weak_{connection['dbName']} LOGIN PASSWORD 'weak'".encode())
    weak = {"administrator": f"weak_{connection['dbName']}", "administratorSecretId": secret("weak")}
    answer = call("Create", {**connection, **weak})
    assert answer["Status"] == "FAILED"
    assert "must be an administrator of the database" in answer["Reason"]


def test_database_whose_certificate_cannot_be_verified_is_not_prepared(
    call: Call, connection: dict[str, object]
) -> None:
    answer = call("Create", connection, encrypted="true")
    assert answer["Status"] == "FAILED"
    assert "set databaseAuthorityBundle" in answer["Reason"]


def earlier_table(superuser: psycopg.Connection[Any]) -> None:
    """A table that a function of an earlier version has made, as the administrator."""
    superuser.execute(f"SET ROLE {ADMINISTRATOR}")
    superuser.execute("CREATE SCHEMA lisa_rag")
    superuser.execute(
        "CREATE TABLE lisa_rag.collections (name text PRIMARY KEY, repository_id text NOT NULL,"
        " model_name text NOT NULL, dimensions integer NOT NULL, UNIQUE (repository_id, model_name))"
    )
    superuser.execute("CREATE TABLE lisa_rag.chunks (document text)")
    superuser.execute("INSERT INTO lisa_rag.collections VALUES ('chunks', 'docs', 'model', 2)")


def test_ingestion_of_an_earlier_version_is_waited_for(
    call: Call, connection: dict[str, object], database_server: Postgres
) -> None:
    with database_server.administer(str(connection["dbName"])) as superuser:
        earlier_table(superuser)
        with superuser.transaction():
            superuser.execute("DELETE FROM lisa_rag.chunks")
            # As long as there is time, and not longer.
            answer = call("Update", connection, milliseconds=20_000)
            assert answer["Status"] == "FAILED"
            assert "locked by an ingestion" in answer["Reason"]
            ended: list[dict[str, Any]] = []
            waiting = threading.Thread(target=lambda: ended.append(call("Update", connection)))
            waiting.start()
            waiting.join(1.0)
            assert waiting.is_alive()
        waiting.join(60)
    assert [one["Status"] for one in ended] == ["SUCCESS"]
