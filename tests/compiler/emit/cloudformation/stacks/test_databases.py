"""Databases of RAG repositories: whose certificates are accepted, which user the function is, and who makes it."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import Project, templates

from aws_fidelity.private_authority import NOW, authority
from lisa_compiler.project.authorities import PUBLIC_AUTHORITIES, name_of, parse
from lisa_compiler.project.database_authorities import RDS_AUTHORITIES, rds_authorities
from lisa_schema.database_authorities import known_regions
from lisa_schema.errors import ConfigurationError

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled

AUTHORITIES = "database-trust/lisa/database-authorities.pem"
RDS_HOST = "d.c1a2b3.eu-west-1.rds.amazonaws.com"
ACCOUNT = "123456789012"


def compiled(project: Project, *databases: dict[str, str], **changes: Any) -> Compiled:
    repositories = [
        {"repositoryId": f"r{number}", "type": "pgvector", "rdsConfig": {"username": "postgres", **database}}
        for number, database in enumerate(databases)
    ]
    return project.write(deployRag=True, ragRepositories=repositories, **changes).compile()


def existing(host: str = RDS_HOST, **values: str) -> dict[str, str]:
    return {"dbHost": host, "passwordSecretId": "team/administrator", **values}


def rag(found: Compiled) -> dict[str, Any]:
    return templates(found.files)["rag"]


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Resources of a type, by their logical ids."""
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}


def work(template: dict[str, Any], role: str, action: str) -> list[dict[str, Any]]:
    """Statements of a role's work that have an action."""
    policies = template["Resources"][role]["Properties"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    return [one for one in statements if action in one["Action"]]


def text(value: Any) -> str:
    """A value with its references in braces."""
    if isinstance(value, str):
        return value
    (function, argument), *others = value.items()
    assert not others
    if function == "Fn::Join":
        return str(argument[0]).join(map(text, argument[1]))
    return f"{{{argument if isinstance(argument, str) else '.'.join(argument)}}}"


def connections(template: dict[str, Any]) -> list[dict[str, Any]]:
    """What the repository function reads of each repository."""
    parameters = resources(template, "AWS::SSM::Parameter").values()
    found = [text(one["Properties"]["Value"]) for one in parameters]
    return [json.loads(value) for value in found if "pgvector" in value]


def test_created_database_is_signed_in_to_with_tokens_of_iam_by_a_user_of_its_own(project: Project) -> None:
    template = rag(compiled(project, {}))
    (connection,) = connections(template)
    assert connection["functionUser"] == "iam"
    assert connection["username"] == "test_lisa_dev_r0_iam"
    assert "passwordSecretId" not in connection
    (database,) = resources(template, "AWS::RDS::DBInstance")
    (statement,) = work(template, "RagRole", "rds-db:connect")
    prefix = f"arn:aws:rds-db:us-east-1:{ACCOUNT}:dbuser"
    assert list(map(text, statement["Resource"])) == [f"{prefix}:{{{database}.DbiResourceId}}/test_lisa_dev_r0_iam"]
    assert work(template, "RagRole", "secretsmanager:GetSecretValue") == []
    assert work(template, "DatabaseRole", "rds-db:connect") == []
    properties = template["Resources"][database]["Properties"]
    assert properties["EnableIAMDatabaseAuthentication"] is True
    assert properties["CACertificateIdentifier"] == "rds-ca-rsa2048-g1"


def test_administrator_makes_the_user_before_it_is_used(project: Project) -> None:
    template = rag(compiled(project, {}))
    (user,) = (name for name in template["Resources"] if name == "Repositoryr0User")
    properties = template["Resources"][user]["Properties"]
    connection = json.loads(text(properties["Connection"]))
    assert (connection["administrator"], connection["username"]) == ("postgres", "test_lisa_dev_r0_iam")
    assert connection["administratorSecretId"].startswith("{Repositoryr0SecretAttachment")
    assert properties["ServiceTimeout"] == 600
    # Another version of the function prepares the database again.
    (function,) = (
        one["Properties"]
        for one in resources(template, "AWS::Lambda::Function").values()
        if one["Properties"].get("Handler") == "lisa_lambdas.database.handler.handler"
    )
    assert function["Code"]["S3Key"].startswith(properties["Code"])
    users = [name for name, one in template["Resources"].items() if user in one.get("DependsOn", [])]
    kinds = sorted(template["Resources"][name]["Type"] for name in users)
    assert kinds == ["AWS::Lambda::Function", "AWS::SSM::Parameter"]


def test_existing_database_on_rds_is_used_with_iam(project: Project) -> None:
    template = rag(compiled(project, existing(functionUser="iam", dbiResourceId="db-ABC")))
    (statement,) = work(template, "RagRole", "rds-db:connect")
    assert statement["Resource"] == [f"arn:aws:rds-db:us-east-1:{ACCOUNT}:dbuser:db-ABC/test_lisa_dev_r0_iam"]
    assert work(template, "RagRole", "secretsmanager:GetSecretValue") == []
    (secrets,) = work(template, "DatabaseRole", "secretsmanager:GetSecretValue")
    assert secrets["Resource"] == [f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:team/administrator-??????"]


def test_user_with_a_password_has_a_generated_one_that_is_not_the_administrators(project: Project) -> None:
    template = rag(compiled(project, existing("db.example.com", functionUser="password")))
    (connection,) = connections(template)
    (secret,) = resources(template, "AWS::SecretsManager::Secret").values()
    assert connection["passwordSecretId"] == secret["Properties"]["Name"] == "dev/test/lisa/repositories/r0/function"
    assert secret["Properties"]["GenerateSecretString"]["PasswordLength"] == 48
    arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:dev/test/lisa/repositories/r0/function-??????"
    (statement,) = work(template, "RagRole", "secretsmanager:GetSecretValue")
    assert statement["Resource"] == [arn]


def test_configured_user_is_used_as_it_is(project: Project) -> None:
    template = rag(compiled(project, existing("db.example.com", functionUser="configured")))
    (connection,) = connections(template)
    assert connection["username"] == "postgres"
    assert connection["passwordSecretId"] == "team/administrator"
    assert "functionUser" not in connection
    assert "DatabaseRole" not in template["Resources"]
    assert "functions/database" not in compiled(project, existing()).products.artifacts


def test_function_without_a_database_has_no_authorities(project: Project) -> None:
    endpoint = {"endpoint": "vpc-search-abc.us-east-1.es.amazonaws.com"}
    search = {"repositoryId": "s", "type": "opensearch", "opensearchConfig": endpoint}
    found = project.write(deployRag=True, ragRepositories=[search]).compile()
    assert AUTHORITIES not in found.files
    assert "DATABASE_CA_FILE" not in json.dumps(rag(found))


@pytest.mark.parametrize("functions", ["repository", "database"])
def test_both_functions_trust_the_layer(project: Project, functions: str) -> None:
    template = rag(compiled(project, {}))
    (function,) = (
        one["Properties"]
        for one in resources(template, "AWS::Lambda::Function").values()
        if one["Properties"].get("Handler") == f"lisa_lambdas.{functions}.handler.handler"
    )
    assert function["Environment"]["Variables"]["DATABASE_CA_FILE"] == f"/opt/{AUTHORITIES.partition('/')[2]}"
    assert {"Ref": "DatabaseTrustLayer"} in function["Layers"]


def names(found: Compiled) -> list[str]:
    return [name_of(one) for one in parse(found.files[AUTHORITIES])]


def test_only_the_regions_of_the_databases_are_trusted(project: Project) -> None:
    def of(region: str) -> list[str]:
        return [f"Amazon RDS {region} Root CA {kind} G1" for kind in ("ECC384", "RSA2048", "RSA4096")]

    assert names(compiled(project, {})) == of("us-east-1")
    public = [name_of(one) for one in parse(PUBLIC_AUTHORITIES.read_bytes())]
    assert names(compiled(project, existing(functionUser="configured"))) == [*of("eu-west-1"), *public]
    assert names(compiled(project, existing("db.example.com", functionUser="configured"))) == public


def test_configured_authorities_take_the_place_of_all_others(project: Project) -> None:
    (project.folder / "databases.pem").write_bytes(authority("Own").pem)
    found = compiled(project, {}, existing("db.example.com"), databaseAuthorityBundle="databases.pem")
    assert names(found) == ["Own"]


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n", b"nonsense"])
def test_file_that_is_no_bundle_is_an_error(project: Project, content: bytes) -> None:
    (project.folder / "databases.pem").write_bytes(content)
    with pytest.raises(ConfigurationError) as failed:
        compiled(project, {}, databaseAuthorityBundle="databases.pem")
    (found,) = (one for one in failed.value.diagnostics if one.is_error)
    assert found.key_path == "databaseAuthorityBundle"


def test_expired_authorities_are_an_error_unless_another_one_is_valid(project: Project) -> None:
    (project.folder / "databases.pem").write_bytes(authority("Old", start=NOW - datetime.timedelta(days=40)).pem)
    changes = {"databaseAuthorityBundle": "databases.pem"}
    with pytest.raises(ConfigurationError) as failed:
        compiled(project, {}, **changes)
    assert "expired certificates only" in failed.value.diagnostics[-1].message
    with (project.folder / "databases.pem").open("ab") as file:
        file.write(authority("New").pem)
    assert names(compiled(project, {}, **changes)) == ["Old", "New"]


def test_included_authorities_are_those_of_the_regions_that_the_rules_know() -> None:
    found = parse(RDS_AUTHORITIES.read_bytes())
    assert {name_of(one).split()[2] for one in found} == known_regions()
    assert all(one.issuer == one.subject for one in found)
    assert len(parse(rds_authorities(known_regions()))) == len(found) == 3 * len(known_regions())
    assert rds_authorities(["us-gov-west-1", "us-east"]) == b""
