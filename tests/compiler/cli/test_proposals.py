"""`lisa proposals …`, with proposals that the models function keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from tests.compiler.conftest import TGI

from lisa_lambdas.caller import Caller
from lisa_lambdas.models.hosting import Capacity
from lisa_lambdas.models.proposal import Setting, propose_create, propose_delete
from lisa_lambdas.models.proposal_store import ProposalStore
from lisa_lambdas.models.registry import HostedModel
from lisa_lambdas.models.validation import InvalidConfigurationError
from lisa_schema.diagnostics import Origin
from lisa_schema.document import Document, node_of
from lisa_schema.validate import validate

from .conftest import CONFIG, Lisa

TABLE = "test-lisa-dev-proposals"
ADA = Caller(subject="s", username="ada", is_admin=True)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProposalStore]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        keys = [("environment", "HASH"), ("id", "RANGE")]
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )
        yield ProposalStore(client, table=TABLE, environment="dev")


def setting(*models: HostedModel) -> Setting:
    """What the function knows of the project of these tests."""
    layers = yaml.safe_load(CONFIG)
    config: Any = validate(Document(node_of({**layers["base"], **layers["dev"]}, Origin("x")))).config  # type: ignore[arg-type]
    return Setting("dev", config.model_dump(mode="json", by_alias=True, exclude_defaults=True), list(models))


@pytest.fixture
def proposed(store: ProposalStore) -> str:
    """The id of a proposal to host a model."""
    proposal = propose_create(setting(), dict(TGI), ADA, NOW)
    store.add(proposal)
    return proposal.id


def test_proposals_are_listed(lisa: Lisa, project: Path, proposed: str) -> None:
    result = lisa("proposals", "list")
    assert result.code == 0
    assert result.out == f"{proposed}  pending    create  small  by ada\n"
    (found,) = json.loads(lisa("proposals", "list", "--format", "json").out)
    assert (found["id"], found["change"]["modelName"]) == (proposed, "org/small-model")


def test_nothing_is_proposed(lisa: Lisa, project: Path, store: ProposalStore) -> None:
    result = lisa("proposals", "list")
    assert (result.code, result.out) == (0, "")
    assert "no proposals" in result.err


def test_a_proposal_is_shown_as_a_diff(lisa: Lisa, project: Path, proposed: str) -> None:
    before = (project / "config.yaml").read_bytes()
    result = lisa("proposals", "show", proposed)
    assert result.code == 0
    assert result.out.startswith("--- a/config.yaml\n+++ b/config.yaml\n")
    assert "+    - modelName: org/small-model\n" in result.out
    assert (project / "config.yaml").read_bytes() == before


def test_a_proposal_is_applied_once(lisa: Lisa, project: Path, proposed: str, store: ProposalStore) -> None:
    result = lisa("proposals", "apply", proposed)
    assert result.code == 0, result.err
    models = yaml.safe_load((project / "config.yaml").read_text("utf-8"))["dev"]["ecsModels"]
    assert models == [dict(TGI)]
    kept = store.find(proposed)
    assert kept is not None
    assert kept.status == "applied"
    assert lisa("proposals", "list").out == ""
    assert "applied" in lisa("proposals", "list", "--all").out
    again = lisa("proposals", "apply", proposed)
    assert again.code == 1
    assert "is applied" in again.err


def test_what_does_not_compile_is_not_applied(lisa: Lisa, project: Path, store: ProposalStore) -> None:
    model = HostedModel("small", "c", Capacity(1, 1, 1), "http://x", dict(TGI))
    proposal = propose_delete(setting(model), model, ADA, NOW)
    store.add(proposal)
    broken = (CONFIG + f"  ecsModels:\n    - {json.dumps({**TGI, 'instanceType': 'g5.huge'})}\n").replace(
        "prod:\n  deploymentName: live\n  deploymentStage: prod\n  removalPolicy: retain\n", ""
    )
    (project / "config.yaml").write_text(broken, encoding="utf-8")
    result = lisa("proposals", "apply", proposal.id)
    assert result.code == 1
    assert "g5.huge" in result.err
    assert (project / "config.yaml").read_text("utf-8") == broken


def test_a_proposal_that_makes_the_configuration_wrong_changes_nothing(
    lisa: Lisa, project: Path, store: ProposalStore
) -> None:
    proposal = propose_create(setting(), dict(TGI), ADA, NOW)
    proposal.change["instanceType"] = "g5.huge"
    store.add(proposal)
    before = (project / "config.yaml").read_bytes()
    result = lisa("proposals", "apply", proposal.id)
    assert result.code == 1
    assert "g5.huge" in result.err
    assert (project / "config.yaml").read_bytes() == before
    kept = store.find(proposal.id)
    assert kept is not None
    assert kept.status == "pending"


def test_a_proposal_that_is_not_there(lisa: Lisa, project: Path, store: ProposalStore) -> None:
    result = lisa("proposals", "show", "none")
    assert result.code == 1
    assert "has no proposal none" in result.err


def test_a_deployment_without_the_table(lisa: Lisa, project: Path, store: ProposalStore) -> None:
    boto3.client("dynamodb", region_name="us-east-1").delete_table(TableName=TABLE)
    result = lisa("proposals", "list")
    assert result.code == 1
    assert "deploy the models-api stack" in result.err


def test_an_address_that_does_not_answer(lisa: Lisa, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    result = lisa("proposals", "list", "--endpoint-url", "http://127.0.0.1:1")
    assert result.code == 1
    assert "Check profile, region and --endpoint-url" in result.err


def test_a_proposal_cannot_set_what_lisa_owns(lisa: Lisa, project: Path, store: ProposalStore) -> None:
    container = {**TGI["containerConfig"], "environment": {"S3_BUCKET_MODELS": "other"}}
    with pytest.raises(InvalidConfigurationError, match="`S3_BUCKET_MODELS` is reserved for LISA") as caught:
        propose_create(setting(), {**TGI, "containerConfig": container}, ADA, NOW)
    assert "Set `s3BucketModels` instead." in str(caught.value)
    proposal = propose_create(setting(), dict(TGI), ADA, NOW)
    proposal.change["containerConfig"] = container
    store.add(proposal)
    result = lisa("proposals", "apply", proposal.id)
    assert result.code == 1
    assert "LISA318" in result.err
    assert (project / "config.yaml").read_text("utf-8") == CONFIG
