"""What must not happen, in words of its own: no program reaches the data of another one."""

from __future__ import annotations

import pytest

from permissions.conftest import NEIGHBORS
from permissions.evaluation import Policies, Request, is_allowed
from permissions.role import Role
from permissions.role_check import Universe, ask

BUCKET = "arn:aws:s3:::test-models"
DIGEST = "0123456789abcdef" * 4
FILES = ("model.safetensors", "nested/config.json", f"{DIGEST}/model.safetensors")
"""In the layout of unstaged weights, and in that of staged ones, which has the content's digest in the prefix."""
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
    "secret": {"serve/RestApiExecutionRole", "iam/ModelsExecutionRole"},
    "database": {"rag/RagRole"},
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
def test_search_domain_is_its_readers(universe: Universe) -> None:
    deployed = universe.deployed
    [domain] = [arn for arn in deployed.resource_policies if ":es:" in arn]
    actions = {one.action for one in universe.needs["rag/RagRole"] if one.action.startswith("es:")}
    for one in deployed.roles:
        for action in (*actions, "es:ESHttpHead", "es:ESHttpPatch"):
            request = Request(principal=one.arn, action=action, on=f"{domain}/index", account=deployed.account)
            policies = Policies(identity=[], resource=deployed.resource_policies[domain])
            assert is_allowed(policies, request) == (one.place == "rag/RagRole" and action in actions), action
