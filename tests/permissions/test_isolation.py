"""What must not happen, in words of its own: no program reaches the data of another one."""

from __future__ import annotations

import pytest

from permissions.conftest import CONTENT_KEY, FAR_KEY, NEIGHBORS, OTHER_SECRET_KEY, SECRET_KEY, SHARED_KEY
from permissions.evaluation import Policies, Request, is_allowed
from permissions.role import Role
from permissions.role_check import Universe, ask

BUCKET = "arn:aws:s3:::test-models"
DIGEST = "0123456789abcdef" * 4
FILES = ("model.safetensors", "nested/config.json", f"{DIGEST}/model.safetensors")
"""In the layout of unstaged weights, and in that of staged ones, which has the content's digest in the prefix."""
CONTENT_BUCKET = "arn:aws:s3:::test-lisa-dev-audit-content-123456789012-us-east-1"
READS = {
    "weights": ("s3:GetObject", f"{BUCKET}/org/small/{DIGEST}/model.safetensors"),
    "documents": ("s3:GetObject", "arn:aws:s3:::test-dev-lisaragdocs-123456789012/user/file.pdf"),
    "website": ("s3:GetObject", "arn:aws:s3:::test-lisa-dev-website-123456789012-us-east-1/index.html"),
    "sessions": ("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/test-lisa-dev-sessions"),
    "proposals": ("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/test-lisa-dev-proposals"),
    "tokens": ("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/test-LISAApiTokenTable"),
    "sign-outs": (
        "dynamodb:BatchGetItem",
        "arn:aws:dynamodb:us-east-1:123456789012:table/test-lisa-dev-sign-outs",
    ),
    "usage": ("dynamodb:Query", "arn:aws:dynamodb:us-east-1:123456789012:table/test-lisa-dev-usage"),
    "limits": ("dynamodb:UpdateItem", "arn:aws:dynamodb:us-east-1:123456789012:table/test-lisa-dev-limits"),
    "content": ("s3:PutObject", f"{CONTENT_BUCKET}/content/2026/11/29/10/1-a-1.jsonl"),
    "secret": ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:team/key-AbCdEf"),
    "database": (
        "secretsmanager:GetSecretValue",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:team/database-AbCdEf",
    ),
}
HOLDERS = {
    "weights": {"model-orgsmall/TaskRole"},
    "documents": {"rag/RagRole"},
    "website": {"ui/ReaderRole"},
    "sessions": {"chat/SessionRole"},
    "proposals": {"models-api/ModelsRole"},
    "tokens": {"serve/RestApiTaskRole"},
    "sign-outs": {"api-base/AuthorizerRole", "serve/RestApiTaskRole"},
    "usage": {"serve/UsageRole"},
    "limits": {"serve/RestApiTaskRole"},
    "content": {"serve/RestApiTaskRole"},
    "secret": {"serve/RestApiExecutionRole", "iam/ModelsExecutionRole"},
    "database": {"rag/RagRole"},
}
RAG_READERS = {("rag/RagRole", "secretsmanager.us-east-1"), ("rag/DatabaseRole", "secretsmanager.us-east-1")}
EXECUTION = {
    (place, f"{service}.us-east-1")
    for place in ("serve/RestApiExecutionRole", "iam/ModelsExecutionRole")
    for service in ("secretsmanager", "ssm")
}
only_neighbors = pytest.mark.parametrize("universe", ["neighbors"], indirect=True)


def role(universe: Universe, place: str) -> Role:
    (found,) = (one for one in universe.deployed.roles if one.place == place)
    return found


def task_role(universe: Universe, model: str) -> Role:
    identifier = "".join(filter(str.isalnum, model))
    return role(universe, f"model-{identifier}/TaskRole")


@only_neighbors
@pytest.mark.parametrize("what", READS)
def test_data_have_their_readers_alone(universe: Universe, what: str) -> None:
    action, arn = READS[what]
    found = {one.place for one in universe.deployed.roles if ask(universe.deployed, one, (action, arn))}
    assert found == HOLDERS[what]


@only_neighbors
@pytest.mark.parametrize("model", NEIGHBORS)
def test_model_reads_its_weights_and_those_of_no_other(universe: Universe, model: str) -> None:
    own = task_role(universe, model)
    for name in (*NEIGHBORS, f"{model}-2", f"{model}2", f"x{model}", model.rpartition("/")[2], "unknown"):
        for file in FILES:
            arn = f"{BUCKET}/{name}/{file}"
            assert ask(universe.deployed, own, ("s3:GetObject", arn)) == (name == model), arn
        listed = {"s3:prefix": f"{name}/"}
        assert ask(universe.deployed, own, ("s3:ListBucket", BUCKET), context=listed) == (name == model), name
    for prefix in ("", "org/", model, model[:-1]):
        assert not ask(universe.deployed, own, ("s3:ListBucket", BUCKET), context={"s3:prefix": prefix}), prefix
    assert not ask(universe.deployed, own, ("s3:ListBucket", BUCKET))
    assert not ask(universe.deployed, own, ("s3:GetObject", f"{BUCKET}/{model}"))


@only_neighbors
@pytest.mark.parametrize("action", ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl"])
def test_no_program_writes_weights(universe: Universe, action: str) -> None:
    for one in universe.deployed.roles:
        for model in NEIGHBORS:
            assert not ask(universe.deployed, one, (action, f"{BUCKET}/{model}/model.safetensors")), one.place


@only_neighbors
def test_requests_without_tls_are_denied(universe: Universe) -> None:
    arn = READS["documents"][1]
    plain = {"aws:SecureTransport": "false"}
    assert not ask(universe.deployed, role(universe, "rag/RagRole"), ("s3:GetObject", arn), context=plain)


@only_neighbors
def test_key_needs_a_statement_of_the_role(universe: Universe) -> None:
    """The key's policy leaves decisions to the policies of roles."""
    deployed = universe.deployed
    [key] = [arn for arn in deployed.resource_policies if ":kms:" in arn]
    via = {"kms:ViaService": "dynamodb.us-east-1.amazonaws.com"}
    session = role(universe, "chat/SessionRole")
    assert ask(deployed, session, ("kms:Decrypt", key), context=via)
    assert not ask(deployed, session.with_documents([]), ("kms:Decrypt", key), context=via)


@only_neighbors
@pytest.mark.parametrize(
    ("key", "holders"),
    [
        (SECRET_KEY, {*EXECUTION, *RAG_READERS}),
        (OTHER_SECRET_KEY, {*EXECUTION, *RAG_READERS}),
        (FAR_KEY, {("serve/RestApiExecutionRole", "ssm.eu-west-1")}),
        (SHARED_KEY, {("iam/ModelsExecutionRole", "secretsmanager.us-east-1")}),
        (SECRET_KEY.replace("00000", "a0000"), set()),
    ],
)
def test_keys_of_secrets_decrypt_what_their_readers_read(
    universe: Universe, key: str, holders: set[tuple[str, str]]
) -> None:
    """Each key of secretKeyArns: by the roles that read secrets of its place, through the service that reads them."""
    services = [f"{name}.{place}" for name in ("secretsmanager", "ssm", "s3") for place in ("us-east-1", "eu-west-1")]
    found = {
        (one.place, service)
        for one in universe.deployed.roles
        for service in services
        if ask(universe.deployed, one, ("kms:Decrypt", key), context={"kms:ViaService": f"{service}.amazonaws.com"})
    }
    assert found == holders
    assert not any(ask(universe.deployed, one, ("kms:Decrypt", key)) for one in universe.deployed.roles)
    for action in ("kms:Encrypt", "kms:GenerateDataKey"):
        via = {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
        assert not any(ask(universe.deployed, one, (action, key), context=via) for one in universe.deployed.roles)


@only_neighbors
def test_no_role_reads_audited_content(universe: Universe) -> None:
    """Neither the objects nor the data keys: who reads content has a role of their own."""
    deployed, context = universe.deployed, {"kms:EncryptionContext:lisa-deployment": "test-lisa-dev"}
    for one in deployed.roles:
        for action in ("s3:GetObject", "s3:GetObjectVersion"):
            assert not ask(deployed, one, (action, f"{CONTENT_BUCKET}/content/2026/11/29/10/1-a-1.jsonl")), one.place
        for action in ("kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant", "kms:Encrypt"):
            assert not ask(deployed, one, (action, CONTENT_KEY), context=context), one.place
    gateway, makes = role(universe, "serve/RestApiTaskRole"), ("kms:GenerateDataKey", CONTENT_KEY)
    assert ask(deployed, gateway, makes, context=context)
    other = {"kms:EncryptionContext:lisa-deployment": "test-lisa-prod"}
    assert not ask(deployed, gateway, makes, context=other)
    assert not ask(deployed, gateway, makes)


@only_neighbors
def test_search_domain_is_its_readers(universe: Universe) -> None:
    deployed = universe.deployed
    [domain] = [arn for arn in deployed.resource_policies if ":es:" in arn]
    actions = {one.action for one in universe.needs["rag/RagRole"] if one.action.startswith("es:")}
    for one in deployed.roles:
        for action in (*actions, "es:ESHttpHead", "es:ESHttpPatch"):
            request = Request(principal=one.arn, action=action, on=f"{domain}/index", account=deployed.account)
            policies = Policies(identity=[], resource=deployed.resource_policies[domain])
            assert is_allowed(policies, request) == (one.place == "rag/RagRole" and action in actions), action
