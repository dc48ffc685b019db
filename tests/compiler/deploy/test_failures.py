"""Deploy, change, fail anywhere, revert, deploy again: on the model of CloudFormation, with compiled templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lisa_compiler.aws.errors import DeployError

from .cloudformation_stacks import StackModel
from .model_site import DATA, Compilations, ModelSite, no_pauses

pytestmark = pytest.mark.xdist_group("deployment-model")


@pytest.fixture(scope="module")
def compilations(tmp_path_factory: pytest.TempPathFactory) -> Compilations:
    return Compilations(tmp_path_factory.mktemp("compilations"))


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with no_pauses():
        yield


@pytest.fixture(params=["dev", "prod", "legacy"])
def site(request: pytest.FixtureRequest, compilations: Compilations) -> ModelSite:
    return ModelSite(compilations, request.param)


@pytest.fixture
def prod(compilations: Compilations) -> ModelSite:
    return ModelSite(compilations, "prod")


def test_it_deploys_and_deploys_again(site: ModelSite) -> None:
    site.deployed()
    assert set(site.statuses.values()) == {"CREATE_COMPLETE"}
    assert site.plan().changes_nothing
    site.deployed("no chat")
    site.deployed()
    assert site.plan().changes_nothing


def test_a_failed_first_creation_is_repeated_and_nothing_is_left_twice(site: ModelSite) -> None:
    site.fail("create", "RepositorydocsDatabase6CC4BC2A")
    site.fail("create", "SessionsTable")
    assert site.deploy().code == 1
    data = site.fill()
    for _ in range(3):
        if site.deploy().succeeded:
            break
    assert site.deployment() == fresh(site).deployment()
    if site.environment != "dev":
        assert data <= {thing.identity for thing in site.things(*DATA)}


def test_what_a_failed_creation_retained_is_adopted_and_the_plan_shows_it(prod: ModelSite) -> None:
    prod.fail("create", "UsageTable")
    assert prod.deploy().code == 1
    serve = prod.name("serve")
    assert prod.statuses[serve] == "ROLLBACK_COMPLETE"
    table = prod.endpoint.model.rules.find("AWS::DynamoDB::Table", "test-LISAApiTokenTable")
    (step,) = [step for step in prod.plan().steps if step.name == serve]
    assert "TokenTable" in {each.logical_id for each in step.adopted}
    assert step.reason.startswith("previous creation failed; adopts ")
    prod.deployed()
    assert prod.endpoint.model.rules.find("AWS::DynamoDB::Table", "test-LISAApiTokenTable") is table
    assert prod.endpoint.model.stacks[serve].records["TokenTable"].identity == "test-LISAApiTokenTable"


def test_a_new_retained_resource_of_a_failed_update_is_adopted(prod: ModelSite) -> None:
    prod.deployed("no chat")
    prod.deployed()
    template = prod.endpoint.model.stacks[prod.name("chat")].template
    assert template["Resources"]["SessionsTable"]["DeletionPolicy"] == "Retain"
    # An update that creates the table, as that of an earlier version does.
    prod.endpoint.model.delete(unprotected(prod, "chat"))
    prod.endpoint.model.rules.delete("AWS::Logs::LogGroup", "/aws/lambda/test-lisa-dev-session")
    without = {**template, "Resources": {"SessionRole": template["Resources"]["SessionRole"]}, "Outputs": {}}
    stack_of(prod, "chat", without)
    table = prod.endpoint.model.rules.find("AWS::DynamoDB::Table", "test-lisa-dev-sessions")
    prod.deployed()
    assert prod.endpoint.model.rules.find("AWS::DynamoDB::Table", "test-lisa-dev-sessions") is table
    assert prod.deployment() == fresh(prod).deployment()


@pytest.mark.parametrize("variant", ["one model", "renamed model"])
def test_a_model_is_removed_or_renamed_and_comes_back(site: ModelSite, variant: str) -> None:
    site.deployed()
    site.deployed(variant)
    assert site.deployment() == fresh(site, variant).deployment()
    site.deployed()
    assert site.deployment() == fresh(site).deployment()


def test_a_model_whose_load_balancer_an_earlier_version_protected_is_removed(prod: ModelSite) -> None:
    prod.deployed()
    for balancer in prod.things("AWS::ElasticLoadBalancingV2::LoadBalancer"):
        listed = [{"Key": "deletion_protection.enabled", "Value": "true"}]
        balancer.properties = {**balancer.properties, "LoadBalancerAttributes": listed}
    prod.deployed("one model")
    assert len(prod.things("AWS::ElasticLoadBalancingV2::LoadBalancer")) == 2


def test_destroying_and_deploying_again(site: ModelSite) -> None:
    site.deployed()
    for stack in site.endpoint.model.stacks.values():
        stack.protected = True
    data = site.fill()
    assert site.destroy().succeeded
    assert site.statuses == {}
    roles = set(site.endpoint.roles)
    kept = {thing.identity for thing in site.things(*DATA)}
    assert kept == (set() if site.environment == "dev" else data)
    site.deployed()
    assert site.endpoint.roles == roles, "an import works with the role that deploys"
    assert site.deployment() == fresh(site).deployment()
    if site.environment != "dev":
        assert {thing.identity for thing in site.things(*DATA)} == data


def test_a_database_outlives_its_repository_with_all_that_it_needs(prod: ModelSite) -> None:
    prod.deployed()
    (database,) = prod.things("AWS::RDS::DBInstance")
    prod.deployed("no documents")
    groups = {thing.identity for thing in prod.things("AWS::EC2::SecurityGroup", "AWS::RDS::DBSubnetGroup")}
    assert {*database.properties["VPCSecurityGroups"], database.properties["DBSubnetGroupName"]} <= groups
    assert prod.destroy("no documents").succeeded
    prod.deployed()
    assert prod.things("AWS::RDS::DBInstance") == [database]


def test_a_failed_removal_that_is_reverted_is_not_taken_for_a_deployment(site: ModelSite) -> None:
    site.deployed()
    site.fail("delete", "Session88DA29BA", 5)
    outcome = site.deploy("no chat")
    assert outcome.code == 1
    assert "--skip chat.Session88DA29BA" in " ".join(outcome.failures[site.name("chat")])
    assert site.statuses[site.name("chat")] == "DELETE_FAILED"
    assert not site.plan().changes_nothing
    site.endpoint.model.faults.clear()
    site.deployed()
    assert site.deployment() == fresh(site).deployment()


def test_a_removal_that_fails_does_not_stop_the_others(site: ModelSite) -> None:
    site.deployed()
    site.fail("delete", "Session88DA29BA", 5)
    assert site.deploy("no chat").code == 1
    assert {"test-lisa-chat-dev": "DELETE_FAILED"}.items() <= site.statuses.items()
    assert "UPDATE_COMPLETE" in site.statuses.values()
    assert site.deploy("no chat", {"chat": ["Session88DA29BA"]}).succeeded
    assert site.name("chat") not in site.statuses
    site.deployed()
    assert site.deployment() == fresh(site).deployment()


def test_a_failed_rollback_is_continued_and_skips_only_what_is_named(site: ModelSite) -> None:
    site.deployed("no chat")
    site.fail("update", "RestApiTaskRole", 1)
    fail_rollback(site)
    assert site.statuses[site.name("serve")] == "UPDATE_ROLLBACK_FAILED"
    failed = next(iter(site.endpoint.model.stacks[site.name("serve")].failed))
    site.fail("revert", failed, 9)
    outcome = site.deploy()
    assert outcome.code == 1
    assert f"--skip serve.{failed}" in " ".join(outcome.failures[site.name("serve")])
    assert site.deploy(skipped={"serve": ["Other"]}).code == 1
    assert site.deploy(skipped={"serve": [failed]}).succeeded, site.told[-3:]


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED"])
def test_a_stack_that_is_no_deployment_is_made_anew(site: ModelSite, status: str) -> None:
    site.deployed()
    site.endpoint.model.stacks[site.name("chat")].status = status
    site.deployed()
    assert site.deployment() == fresh(site).deployment()


def test_an_empty_stack_of_a_removed_model_is_destroyed(site: ModelSite) -> None:
    site.deployed("one model")
    # The command is killed after it has made the change set of the new model's stack.
    model = site.endpoint.model
    prepared = len(site.endpoint.calls)
    for calls in range(1, 200):
        site.endpoint.failures = {prepared + calls: "kill after"}
        site.attempt("base")
        site.endpoint.failures = {}
        if site.statuses.get(site.name("model-second")) == "REVIEW_IN_PROGRESS":
            break
        prepared = len(site.endpoint.calls)
        if site.name("model-second") in site.statuses:
            site.deployed("one model")
            prepared = len(site.endpoint.calls)
    else:
        pytest.fail("no call leaves an empty stack")
    assert [step.reason for step in site.plan("one model").orphaned] == ["never created"]
    site.deployed("one model")
    assert site.name("model-second") not in site.statuses
    # Without a change set, it is recognized by its name.
    site.attempt("base")
    model.stacks[site.name("model-second")].status = "REVIEW_IN_PROGRESS"
    model.stacks[site.name("model-second")].records.clear()
    model.stacks[site.name("model-second")].body = '{"Resources": {}}'
    site.deployed("one model")
    assert site.name("model-second") not in site.statuses


@pytest.mark.parametrize("gone", ["stack", "change set"])
def test_an_empty_stack_that_another_command_works_on_is_left_alone(site: ModelSite, gone: str) -> None:
    site.deployed()
    model = site.endpoint.model
    name = site.name("model-other")
    body = '{"Description": "LISA test (dev): model other", "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}'
    found = model.prepare(name, "change", "CREATE", body=body, given={}, tags={}, imports={})
    describe = site.session("base").cloudformation.proposed_description
    assert describe(name) == "LISA test (dev): model other"
    answer = site.endpoint._on_ListChangeSets

    def vanish(given: dict[str, str]) -> dict[str, object]:
        listed = answer(given)
        del model.change_sets[found.identity]
        return listed

    if gone == "stack":
        del model.stacks[name]
    else:
        site.endpoint._on_ListChangeSets = vanish  # type: ignore[method-assign]
    assert describe(name) == ""


def test_an_unknown_status_refuses_everything(site: ModelSite) -> None:
    site.deployed()
    site.endpoint.model.stacks[site.name("chat")].status = "PAUSED"
    with pytest.raises(DeployError, match="does not know"):
        site.deploy()


def test_a_bucket_that_is_deleted_with_its_data_is_emptied(compilations: Compilations) -> None:
    dev = ModelSite(compilations, "dev")
    dev.deployed()
    dev.fill()
    assert dev.destroy().succeeded
    assert dev.things("AWS::S3::Bucket") == []


@pytest.mark.parametrize("failure", ["Throttling", "ExpiredToken", "kill before", "kill after"])
def test_it_may_end_at_any_call_and_is_repeated(prod: ModelSite, failure: str) -> None:
    prod.deployed()
    assert prod.destroy().succeeded
    start, calls = len(prod.endpoint.calls), 0
    while True:
        calls += 7
        prod.endpoint.failures = {start + calls: failure}
        prod.attempt("base")
        prod.endpoint.failures = {}
        prod.deployed()
        assert prod.deployment() == fresh(prod).deployment(), calls
        if len(prod.endpoint.calls) < start + calls or calls > 60:
            break
        assert prod.destroy().succeeded
        start = len(prod.endpoint.calls)


def fresh(site: ModelSite, variant: str = "base") -> ModelSite:
    """The same environment in an empty account."""
    other = ModelSite(site.compilations, site.environment)
    other.deployed(variant)
    return other


def unprotected(site: ModelSite, component: str) -> StackModel:
    stack = site.endpoint.model.stacks[site.name(component)]
    stack.protected = False
    return stack


def stack_of(site: ModelSite, component: str, template: dict[str, Any]) -> None:
    """Deploy another template."""
    model = site.endpoint.model
    given = {"body": json.dumps(template), "given": {}, "tags": {}, "imports": {}}
    model.execute(model.prepare(site.name(component), "x", "CREATE", **given))
    assert site.statuses[site.name(component)] == "CREATE_COMPLETE"


def fail_rollback(site: ModelSite) -> None:
    """Change the gateway so that the change fails, and so does its rollback."""
    stack = site.endpoint.model.stacks[site.name("serve")]
    template = json.loads(json.dumps(stack.template))
    for logical in ("RestApiExecutionRole", "RestApiTaskRole"):
        template["Resources"][logical]["Properties"]["Description"] = "changed"
    site.fail("revert", "RestApiExecutionRole")
    given = {"body": json.dumps(template), "given": stack.given, "tags": stack.tags, "imports": {}}
    model = site.endpoint.model
    model.execute(model.prepare(stack.name, "x", "UPDATE", **given))
