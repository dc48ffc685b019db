"""The repository function calls what runtime/lambdas/aws_calls.yaml declares, with AWS and with OpenSearch."""

from __future__ import annotations

from permissions.declared_calls import programs
from permissions.recording import Recorder
from runtime.lambdas.repository import postgres
from runtime.lambdas.repository.deployment import Deployment, aws_session, deploy, pgvector_connection
from runtime.lambdas.repository.http_server import serving
from runtime.lambdas.repository.opensearch_server import OpenSearchServer


def use(deployment: Deployment) -> None:
    """Ingest a document twice, search and purge."""
    for text in (b"The sky is blue.", b"The sky is grey."):
        deployment.put("subject-ann/sky.txt", text)
        answer = deployment.ingest("subject-ann/sky.txt")
        assert answer["statusCode"] == 200, answer
    deployment.ingest("subject-ann/missing.txt")
    (found,) = deployment.found("sky")
    deployment.call("DELETE", f"/repository/docs/{found['metadata']['documentId']}")


def test_every_declared_call_is_made(
    database_server: postgres.Postgres, aws_environment: str, rest_api: str, recorder: Recorder
) -> None:
    connection = pgvector_connection(aws_environment, database_server)
    # A long access document is in parts below its parameter.
    parts = {"/access": '{"parts": 1}', "/access/0": '{"groups": {}, "everyone": ["docs"]}'}
    for name, value in parts.items():
        aws_session().client("ssm", endpoint_url=aws_environment).put_parameter(Name=name, Value=value, Type="String")
    deployment = deploy(aws_environment, rest_api, {"docs": connection}, REPOSITORY_ACCESS_PS_NAME="/access")
    recorder.variables |= {**deployment.environment, "DATABASE_SECRET": str(connection["passwordSecretId"])}
    use(deployment)
    assert recorder.missing("repository") == []


def test_every_declared_method_is_sent_to_the_search_domain(aws_environment: str, rest_api: str) -> None:
    server = OpenSearchServer()
    with serving(server) as endpoint:
        use(deploy(aws_environment, rest_api, {"docs": {"type": "opensearch", "endpoint": endpoint}}))
    sent = {f"es:ESHttp{method.capitalize()}" for method, *_ in server.requests}
    (program,) = (one for one in programs() if one.name == "repository")
    assert sent == {one.call for one in program.calls if one.call.startswith("es:")}
