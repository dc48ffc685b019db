"""The API of document repositories."""

from __future__ import annotations

import json
from functools import lru_cache, partial
from typing import Any, Callable, Dict, List, Type

import boto3  # type: ignore[import-untyped]
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from lisa_lambdas.environment import read_environment
from lisa_lambdas.errors import UnauthorizedError, UnavailableError
from lisa_lambdas.parameters import Parameters
from lisa_lambdas.repository.access import RepositoryAccess
from lisa_lambdas.repository.bucket import DocumentsBucket
from lisa_lambdas.repository.embeddings import Embeddings
from lisa_lambdas.repository.environment import RepositoryEnvironment
from lisa_lambdas.repository.identifiers import chunk_ids
from lisa_lambdas.repository.ingestion import Splitting
from lisa_lambdas.repository.registry import Registry
from lisa_lambdas.repository.requests import IngestionBody, IngestionQuery, Search
from lisa_lambdas.repository.service import RepositoryService
from lisa_lambdas.repository.stores import Hit
from lisa_lambdas.repository.stores.opening import open_store
from lisa_lambdas.rest import RestApi


def create_api(environment: RepositoryEnvironment, session: boto3.Session) -> RestApi:
    """The endpoints over the resources that the environment names."""
    api = RestApi(environment.web_origin)
    service = _service(environment, session)

    @api.get("/repository")
    def list_repositories() -> List[Dict[str, str]]:
        found = service.repositories(api.caller())
        return [{"repositoryId": repository.id, "type": repository.type} for repository in found]

    @api.post("/repository/presigned-url")
    def allow_upload() -> Dict[str, Any]:
        return {"response": service.allow_upload(api.caller(), _file_name(api.read_text()))}

    @api.post("/repository/<repository_id>/bulk")
    def ingest(repository_id: str) -> Dict[str, Any]:
        ingested = service.ingest(
            api.caller(),
            repository_id,
            api.read_body(IngestionBody),
            api.read_query(IngestionQuery),
            authorization=_authorization(api),
            time_left=api.lambda_context.get_remaining_time_in_millis,
        )
        ids = [chunk for each in ingested for chunk in chunk_ids(each.document_id, each.revision, each.chunks)]
        documents = [
            {"documentId": each.document_id, "key": each.key, "chunks": each.chunks, "changed": each.changed}
            for each in ingested
        ]
        return {"ids": ids, "count": len(ids), "documents": documents}

    # LISA 2.x clients search with GET, whose request line is too short for a long query.
    @api.get("/repository/<repository_id>/similaritySearch")
    def search_by_query(repository_id: str) -> Dict[str, Any]:
        return search(repository_id, api.read_query)

    @api.post("/repository/<repository_id>/similaritySearch")
    def search_by_body(repository_id: str) -> Dict[str, Any]:
        return search(repository_id, api.read_body)

    def search(repository_id: str, read: Callable[[Type[Search]], Search]) -> Dict[str, Any]:
        hits = service.search(api.caller(), repository_id, read(Search), authorization=_authorization(api))
        return {"docs": [{"Document": _document(hit)} for hit in hits]}

    @api.delete("/repository/<repository_id>/<document_id>")
    def purge(repository_id: str, document_id: str) -> Dict[str, Any]:
        count = service.purge(api.caller(), repository_id, document_id)
        return {"documentId": document_id, "recordsPurged": count}

    return api


def handler(event: Dict[str, Any], context: LambdaContext) -> Dict[str, Any]:
    """Answer a request of API Gateway."""
    return _api().resolve(event, context)


@lru_cache(maxsize=None)
def _api() -> RestApi:
    return create_api(read_environment(RepositoryEnvironment), boto3.Session())


def _service(environment: RepositoryEnvironment, session: boto3.Session) -> RepositoryService:
    ssm = session.client("ssm")
    address = lru_cache(maxsize=None)(partial(_embeddings_address, ssm, environment))
    parameters = Parameters(ssm)
    return RepositoryService(
        registry=Registry(
            parameters,
            environment.repositories_ps_path,
            open_store=partial(open_store, session=session, environment=environment),
        ),
        bucket=DocumentsBucket.of_session(session, environment.bucket_name),
        embeddings=Embeddings(address),
        splitting=Splitting(environment.chunk_size, environment.chunk_overlap),
        access=RepositoryAccess(parameters, environment.repository_access_ps_name),
    )


def _embeddings_address(ssm: Any, environment: RepositoryEnvironment) -> str:
    try:
        found = ssm.get_parameter(Name=environment.lisa_api_url_ps_name)["Parameter"]["Value"]
    except (BotoCoreError, ClientError) as error:
        raise UnavailableError("The address of the gateway cannot be read. Try again later.") from error
    return f"{found.rstrip('/')}/{environment.rest_api_version}/serve/embeddings"


def _authorization(api: RestApi) -> str:
    """The caller's token as it came, which the REST API checks again."""
    value = api.current_event.headers.get("authorization")
    if not value:
        raise UnauthorizedError("The Authorization header is missing. Send a token of the identity provider.")
    return value if value.lower().startswith("bearer ") else f"Bearer {value}"


def _file_name(body: str) -> str:
    """The body is the name of a file; a client that sends every body as JSON sends it in quotation marks."""
    if not body.startswith('"'):
        return body
    try:
        found = json.loads(body)
    except ValueError:
        return body
    return found if isinstance(found, str) else body


def _document(hit: Hit) -> Dict[str, Any]:
    metadata = {"source": hit.source, "documentId": hit.document_id, "chunk": hit.position, "score": hit.score}
    return {
        "page_content": hit.text,
        "metadata": metadata if hit.page is None else {**metadata, "page": hit.page},
    }
