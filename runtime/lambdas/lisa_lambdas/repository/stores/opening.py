"""Opens the store that a connection describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union
from urllib.parse import unquote, urlsplit

from lisa_lambdas.repository.registry import OpenSearchConnection, PgVectorConnection

if TYPE_CHECKING:
    import boto3  # type: ignore[import-untyped]
    from opensearchpy import OpenSearch

    from lisa_lambdas.repository.environment import RepositoryEnvironment
    from lisa_lambdas.repository.stores import Store

_SECONDS = 30


def open_store(
    connection: Union[PgVectorConnection, OpenSearchConnection],
    *,
    session: boto3.Session,
    environment: RepositoryEnvironment,
) -> Store:
    """Open a store; nothing is connected before it is used.

    Args:
        connection: how it is reached.
        session: who asks; OpenSearch wants requests signed, and the password is in Secrets Manager.
        environment: the function's variables.
    """
    # A function starts quicker without the client of a store that its deployment has not.
    if isinstance(connection, PgVectorConnection):
        from lisa_lambdas.repository.stores.authorities import joined
        from lisa_lambdas.repository.stores.database import Database, read_secret_password, sign_token
        from lisa_lambdas.repository.stores.pgvector import PgVectorStore

        host, port, user = connection.host, connection.port, connection.user
        uses_iam, secret_id = connection.function_user == "iam", connection.secret_id
        secrets = None if uses_iam else session.client("secretsmanager")
        database = Database(
            host=host,
            port=port,
            name=connection.name,
            user=user,
            password=lambda: (
                sign_token(session, host=host, port=port, user=user)
                if uses_iam
                else read_secret_password(secrets, secret_id)
            ),
            keeps_password=not uses_iam,
            ca_file=joined(environment.database_ca_file, environment.aws_ca_bundle),
            encrypted=environment.database_encrypted,
        )
        return PgVectorStore(database.connect, is_prepared=connection.function_user != "configured")
    from opensearchpy import Urllib3AWSV4SignerAuth

    from lisa_lambdas.repository.stores.opensearch import OpenSearchStore

    signer = Urllib3AWSV4SignerAuth(session.get_credentials(), session.region_name, "es")
    endpoint = connection.endpoint
    return OpenSearchStore(opensearch_client(endpoint if "://" in endpoint else f"https://{endpoint}", signer))


def opensearch_client(url: str, auth: Any = None) -> OpenSearch:
    """A client that tries again when OpenSearch has too much to do, or is just changing its nodes.

    Args:
        url: its address; a user and password in it are used when there is no `auth`.
        auth: signs requests.
    """
    from opensearchpy import OpenSearch, Urllib3HttpConnection

    parts = urlsplit(url)
    given = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    encrypted = parts.scheme == "https"
    return OpenSearch(
        hosts=[{"host": parts.hostname, "port": parts.port or (443 if encrypted else 80)}],
        http_auth=auth or given,
        use_ssl=encrypted,
        verify_certs=encrypted,
        connection_class=Urllib3HttpConnection,
        timeout=_SECONDS,
        max_retries=3,
        retry_on_status=(429, 502, 503, 504),
        retry_on_timeout=True,
    )
