"""Which authorities connections to databases trust: those of RDS, and the deployment's bundle."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aws_fidelity.private_authority import Issued, authority, server
from lisa_lambdas.environment import read_environment
from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.repository.environment import RepositoryEnvironment
from lisa_lambdas.repository.registry import PgVectorConnection
from lisa_lambdas.repository.stores import Chunk, Collection, Document, Store
from lisa_lambdas.repository.stores.authorities import joined
from lisa_lambdas.repository.stores.opening import open_store, opensearch_client
from lisa_lambdas.repository.stores.opensearch import OpenSearchStore
from runtime.lambdas.repository.http_server import serving
from runtime.lambdas.repository.opensearch_server import OpenSearchServer
from runtime.lambdas.repository.postgres import FUNCTION_USER, PASSWORD, Postgres
from runtime.lambdas.repository.tls_front import encrypting

COLLECTION = Collection("docs", "model")
DOCUMENT = Document("d", "s3://documents/ann/a.txt", "first")


def pem(folder: Path, name: str, *authorities: Issued) -> str:
    path = folder / f"{name}.pem"
    path.write_bytes(b"".join(one.pem for one in authorities))
    return str(path)


def test_files_are_joined(tmp_path: Path) -> None:
    first, second = (pem(tmp_path, name, authority(name)) for name in ("first", "second"))
    assert joined("", "") == ""
    assert joined("", first) == first
    assert ssl.create_default_context(cafile=joined(first, second)).cert_store_stats()["x509_ca"] == 2


def test_unreadable_file_makes_the_store_unavailable(tmp_path: Path) -> None:
    bundle = str(tmp_path / "bundle.pem")
    with pytest.raises(UnavailableError):
        joined(bundle)
    with pytest.raises(UnavailableError):
        joined(bundle, bundle)


class Session:
    """A session whose only secret is the password."""

    def client(self, name: str) -> Session:
        assert name == "secretsmanager"
        return self

    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": json.dumps({"password": PASSWORD})}


def opened(host: str, port: int, name: str, **files: str) -> Store:
    """The store as the function opens it, with the environment that it has."""
    variables = {
        "BUCKET_NAME": "documents",
        "CHUNK_SIZE": "512",
        "CHUNK_OVERLAP": "51",
        "LISA_API_URL_PS_NAME": "/api",
        "REST_API_VERSION": "v2",
        "REPOSITORIES_PS_PATH": "/x",
        **files,
    }
    connection = PgVectorConnection(
        type="pgvector",
        dbHost=host,
        dbPort=port,
        dbName=name,
        username=FUNCTION_USER,
        functionUser="password",
        passwordSecretId="secret",
    )
    session: Any = Session()
    return open_store(connection, session=session, environment=read_environment(RepositoryEnvironment, variables))


@pytest.fixture
def root() -> Issued:
    return authority("Private root")


@pytest.fixture
def encrypted(database_server: Postgres, root: Issued, tmp_path: Path) -> Iterator[int]:
    """PostgreSQL with a certificate of the private root for localhost."""
    with encrypting(server(root, "localhost"), tmp_path, database_server.port) as port:
        yield port


def is_usable(store: Store) -> bool:
    store.replace(COLLECTION, DOCUMENT, iter([[Chunk(0, "chunk", (1.0, 0.0))]]))
    return [hit.text for hit in store.search(COLLECTION, [1.0, 0.0], 1)] == ["chunk"]


@pytest.mark.parametrize("trusting", ["bundle", "database", "both"])
def test_database_with_a_private_certificate_is_trusted(
    trusting: str, encrypted: int, database_server: Postgres, root: Issued, tmp_path: Path
) -> None:
    bundle, other = pem(tmp_path, "bundle", authority("Public"), root), pem(tmp_path, "other", authority("Other"))
    files = {
        "bundle": {"AWS_CA_BUNDLE": bundle},
        "database": {"DATABASE_CA_FILE": bundle, "AWS_CA_BUNDLE": other},
        "both": {"DATABASE_CA_FILE": other, "AWS_CA_BUNDLE": bundle},
    }[trusting]
    assert is_usable(opened("localhost", encrypted, database_server.make_database(), **files))


def test_database_whose_authority_is_not_trusted_is_refused(
    encrypted: int, database_server: Postgres, tmp_path: Path
) -> None:
    bundle = pem(tmp_path, "bundle", authority("Private root"))  # The same name, and another key.
    with pytest.raises(UnavailableError) as refused:
        is_usable(opened("localhost", encrypted, database_server.make_database(), AWS_CA_BUNDLE=bundle))
    assert "certificate verify failed" in str(refused.value.__cause__)


def test_nothing_is_sent_without_authorities(
    encrypted: int, database_server: Postgres, root: Issued, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that a runtime of Lambda sets by itself is none: it holds what the image of the runtime trusts."""
    name = database_server.make_database()
    with pytest.raises(UnavailableError, match="is unreachable"):
        is_usable(opened("localhost", encrypted, name, SSL_CERT_FILE=pem(tmp_path, "own", root)))
    assert "databaseAuthorityBundle" in caplog.text


def test_database_with_the_certificate_of_another_host_is_refused(
    encrypted: int, database_server: Postgres, root: Issued, tmp_path: Path
) -> None:
    bundle = pem(tmp_path, "bundle", root)
    with pytest.raises(UnavailableError) as refused:
        is_usable(opened("127.0.0.1", encrypted, database_server.make_database(), AWS_CA_BUNDLE=bundle))
    assert 'does not match host name "127.0.0.1"' in str(refused.value.__cause__)


def test_domain_with_a_private_certificate_is_trusted(
    root: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client of OpenSearch reads SSL_CERT_FILE itself."""
    with serving(OpenSearchServer(refreshes_itself=True)) as address:
        issued = server(root, "localhost")
        with encrypting(issued, tmp_path, int(address.rpartition(":")[2]), negotiates=False) as port:
            monkeypatch.setenv("SSL_CERT_FILE", pem(tmp_path, "bundle", root))
            assert OpenSearchStore(opensearch_client(f"https://localhost:{port}")).find(COLLECTION, "d") is None
            monkeypatch.setenv("SSL_CERT_FILE", pem(tmp_path, "other", authority("Other")))
            with pytest.raises(UnavailableError):
                OpenSearchStore(opensearch_client(f"https://localhost:{port}")).find(COLLECTION, "d")
