"""The local system starts in every environment of the repository and in a Region of every partition.

What does not differ by Region, LiteLLM and the models, is a stub here; `make test-e2e` runs all parts.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import requests
from tests.compiler.conftest import Project, configuration, mirrored

from gateway.stub_model import serving as serving_model
from lisa_compiler.dev import database, gateway, local_aws, routes, stacks
from lisa_compiler.dev.identity import claim_at
from lisa_compiler.dev.models import Endpoint
from lisa_compiler.dev.processes import Processes
from lisa_compiler.dev.system import compile_for_local_run
from lisa_schema.models import ModelType
from lisa_schema.regions import partitions, region
from oidc.issuer import claims
from oidc.served_issuer import ServedIssuer, serve_issuer
from runtime.lambdas.repository.postgres import missing

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled
    from lisa_schema.models import AuthConfig

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = ("dev", *sorted(path.stem for path in (ROOT / "environments").glob("*.yaml")))
REGIONS = {
    "aws": "eu-west-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
}


def test_every_partition_has_a_region_here() -> None:
    assert set(REGIONS) == set(partitions())
    assert {region(name).partition.id: name for name in REGIONS.values()} == REGIONS


def test_refusal_of_the_local_aws_is_a_deploy_error() -> None:
    compiled = compile_for_local_run(ROOT, "dev", [], lambda _stage: None)
    with Processes() as processes:
        aws, program = local_aws.plan(processes.folder(), account="123456789012", region="eu-west-1")
        processes.start(program)
        aws.create_bucket("lisa-dev-layers")
        with pytest.raises(stacks.LocalDeployError, match=r"local AWS .* CreateBucket .*BucketAlreadyOwnedByYou"):
            stacks.deploy(compiled, aws, authority="http://127.0.0.1")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_committed_environment_starts(environment: str) -> None:
    must_start(compile_for_local_run(ROOT, environment, [], lambda _stage: None))


@pytest.mark.parametrize("partition", REGIONS)
def test_system_starts_in_a_region_of_each_partition(partition: str, tmp_path: Path) -> None:
    rest_api = configuration()["restApiConfig"]
    rest_api["loadBalancerConfig"]["sslCertIamArn"] = f"arn:{partition}:iam::123456789012:server-certificate/test"
    Project(tmp_path).write(
        region=REGIONS[partition],
        restApiConfig=mirrored(rest_api),
        lambdaConfig={"pythonRuntime": "PYTHON_3_12"},
        deployChat=True,
        deployRag=True,
        deployUi=True,
        ragRepositories=[{"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "postgres"}}],
        ecsModels=[],
        pypiConfig={"indexUrl": "https://pypi.example/simple", "trustedHost": "pypi.example"},
        authConfig={**configuration()["authConfig"], "adminGroup": "admins", "jwtGroupsProperty": "realm_access.roles"},
    )
    must_start(compile_for_local_run(tmp_path, None, [], lambda _stage: None))


def must_start(compiled: Compiled) -> None:
    """Deploy the stacks and start the gateway; every function and the gateway answer, and a browser can upload."""
    names, auth = compiled.deployment.names, compiled.deployment.config.auth_config
    assert auth is not None
    with Processes() as processes, serve_issuer() as issuer, serving_model() as model:
        aws, program = local_aws.plan(processes.folder(), account=names.account, region=names.region)
        processes.start(program)
        api = stacks.deploy(compiled, aws, authority=issuer.authority)
        keys = {"LITELLM_KEY": "sk-key"}
        endpoints = {kind: Endpoint(f"{model.url}/v1") for kind in ModelType}
        rest_api, program = gateway.plan(
            compiled.deployment,
            aws,
            authority=issuer.authority,
            origin="",
            litellm=model.url,
            routes=routes.write(processes.folder(), compiled, endpoints),
            keys=keys,
        )
        processes.start(program)
        stacks.connect(compiled, aws, rest_api=rest_api, secrets=routes.key_secrets(endpoints))

        bearer = administrator(issuer, auth)
        for path in ("session", "models", "repository", "tokens"):
            assert answer(f"{api}/{path}", bearer)[0] == 200, path
        form = json.loads(answer(f"{api}/repository/presigned-url", bearer, b"a.txt")[1])["response"]
        uploaded = requests.post(form["url"], data=form["fields"], files={"file": ("a.txt", b"text")}, timeout=60)
        assert uploaded.ok, uploaded.text
        token = json.loads(answer(f"{api}/tokens", bearer, b'{"name": "laptop"}')[1])["token"]
        assert answer(f"{rest_api}/v2/serve/models", token)[0] == 200
        assert aws.client("s3").get_bucket_location(Bucket="lisa-dev-layers")["LocationConstraint"] == (
            None if names.region == "us-east-1" else names.region
        )


def test_functions_sign_in_to_the_local_database_as_a_user_of_their_own() -> None:
    if reason := missing():
        pytest.skip(reason)
    compiled = compile_for_local_run(ROOT, "dev", [], lambda _stage: None)
    (repository,) = compiled.deployment.repositories
    auth = compiled.deployment.config.auth_config
    assert auth is not None
    names = compiled.deployment.names
    with Processes() as processes, serve_issuer() as issuer:
        aws, program = local_aws.plan(processes.folder(), account=names.account, region=names.region)
        processes.start(program)
        server, program = database.plan(processes.folder(), user="postgres", password="p")
        processes.start(program)
        api = stacks.deploy(compiled, aws, authority=issuer.authority)
        stacks.connect(compiled, aws, rest_api="http://127.0.0.1:9", database=server)
        # The document is unknown, and the database is not.
        status, body = answer(
            f"{api}/repository/{repository.config.repository_id}/{'0' * 32}",
            administrator(issuer, auth),
            method="DELETE",
        )
        assert (status, b"has no document" in body) == (404, True), body
        with psycopg.connect(host=server.host, port=server.port, user="postgres", password="p") as connection:
            users = connection.execute("SELECT usename FROM pg_stat_activity WHERE application_name = 'lisa-rag'")
            assert {name for (name,) in users} == {repository.database_user}


def administrator(issuer: ServedIssuer, auth: AuthConfig) -> str:
    """The token of an administrator, as the environment's provider would make it."""
    groups = claim_at(auth.jwt_groups_property, [auth.admin_group])
    return issuer.key.token(claims(iss=issuer.authority, aud=auth.client_id, **groups))


def answer(url: str, bearer: str, body: bytes | None = None, *, method: str | None = None) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=120) as found:
            return found.status, found.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
