"""The example environment, deployed to a local AWS by the real `cdk` CLI, interrupted, changed and destroyed.

The assembly is deployed as it is; what the local AWS does not know is in the table of `stand_ins`. Images are in
the account beforehand, and so are the layers but one: building them has tests of its own.
"""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lisa_compiler.aws.dynamodb import Table
from lisa_compiler.ledger.lock import Lock
from lisa_compiler.plan.names import LEDGER_TABLE

from .site import TOOLS, Result, Site, edit

pytestmark = [
    pytest.mark.xdist_group("deployment"),
    pytest.mark.skipif(shutil.which("cdk", path=TOOLS) is None, reason="there is no cdk CLI: make deployment-parts"),
]

COMPONENTS = {
    *("iam", "networking", "core", "serve", "model-mistral7b", "model-e5large", "api-base", "models-api", "chat"),
    *("rag", "ui", "api-deployment"),
}
LAYERS = {"authorizer", "common", "database-trust", "fastapi", "rag", "sdk"}
BUILT_LAYER = "layer common"


def empty_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("python/empty.py", "")
    return buffer.getvalue()


def put_images(site: Site) -> None:
    for asset in site.assets("dockerImages"):
        for place in asset["destinations"].values():
            site.push_image(place["repositoryName"], place["imageTag"])


@dataclass(frozen=True)
class Attempts:
    """How it was deployed: killed while publishing, interrupted while deploying, failed, and finished."""

    site: Site
    killed: Result
    stacks_after_kill: dict[str, str]
    interrupted: Result
    stacks_after_interruption: dict[str, str]
    failed: Result
    stacks_after_failure: dict[str, str]
    finished: Result


@pytest.fixture(scope="module")
def attempts(site: Site) -> Attempts:
    result = site.lisa("bootstrap", "--yes")
    assert result.code == 0, result.err
    put_images(site)
    for asset in site.assets("files"):
        if asset["displayName"].startswith("layer ") and asset["displayName"] != BUILT_LAYER:
            for place in asset["destinations"].values():
                site.client("s3").put_object(Bucket=place["bucketName"], Key=place["objectKey"], Body=empty_archive())
    limit = site.folder.parent / "no-addresses"
    limit.touch()
    killed = site.interrupted("code authorizer: published", signal.SIGKILL, "deploy", "--yes")
    after_kill = site.stacks()
    interrupted = site.interrupted("iam (demo-lisa-iam-dev): deploying", signal.SIGINT, "deploy", "--yes")
    after_interruption = site.stacks()
    failed = site.lisa("deploy", "--yes")
    after_failure = site.stacks()
    limit.unlink()
    finished = site.lisa("deploy", "--yes")
    return Attempts(site, killed, after_kill, interrupted, after_interruption, failed, after_failure, finished)


@pytest.fixture(scope="module")
def deployed(attempts: Attempts) -> Site:
    assert attempts.finished.code == 0, attempts.finished.err
    return attempts.site


def test_a_killed_run_and_an_interrupted_one_are_gone_on_with(attempts: Attempts) -> None:
    assert attempts.killed.code == -signal.SIGKILL
    assert attempts.stacks_after_kill == {}
    assert attempts.interrupted.code == 130
    assert "rerun the command to resume" in attempts.interrupted.err
    assert f"{BUILT_LAYER}: published" not in attempts.interrupted.err, "it was published before"
    assert attempts.stacks_after_interruption.keys() <= {"demo-lisa-iam-dev"}
    assert attempts.finished.code == 0, attempts.finished.err


def test_a_failure_names_the_stack_and_what_failed(attempts: Attempts) -> None:
    assert attempts.failed.code == 1
    assert attempts.stacks_after_failure["demo-lisa-networking-dev"] == "ROLLBACK_COMPLETE"
    _, _, told = attempts.failed.err.partition("demo-lisa-networking-dev failed:\n")
    assert told.startswith("  NatAddress (AWS::EC2::EIP): The maximum number of addresses has been reached")
    assert "rerun the command" in told


def test_every_stack_is_deployed_as_it_was_compiled(deployed: Site) -> None:
    assert deployed.stacks() == {f"demo-lisa-{component}-dev": "CREATE_COMPLETE" for component in COMPONENTS}
    assert deployed.templates_match()


def test_artifacts_are_in_the_account_and_the_list_says_so(deployed: Site) -> None:
    result = deployed.lisa("artifacts", "list", "--format", "json")
    assert result.code == 0, result.err
    rows = json.loads(result.out)
    assert {row["inAccount"] for row in rows} == {"yes"}
    assert {row["name"] for row in rows if row["kind"] == "layer"} == LAYERS
    (common,) = [row for row in rows if (row["kind"], row["name"]) == ("layer", "common")]
    body = (
        deployed.client("s3")
        .get_object(Bucket="cdk-hnb659fds-assets-123456789012-us-east-1", Key=common["digest"])["Body"]
        .read()
    )
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert "python/pydantic/__init__.py" in archive.namelist()


def test_deploying_again_changes_nothing_and_starts_no_deployment(deployed: Site) -> None:
    events = deployed.client("cloudformation").describe_stack_events(StackName="demo-lisa-iam-dev")["StackEvents"]
    result = deployed.lisa("deploy", "--yes")
    assert (result.code, result.out) == (0, ""), result.err
    assert result.err.endswith("dev: nothing to deploy\n")
    after = deployed.client("cloudformation").describe_stack_events(StackName="demo-lisa-iam-dev")["StackEvents"]
    assert after == events


def test_nothing_has_drifted(deployed: Site) -> None:
    result = deployed.lisa("drift")
    assert (result.code, result.out) == (0, ""), result.err


def test_verification_reports_services_without_instances(deployed: Site) -> None:
    """The local AWS runs no instance: whatever CloudFormation reports, nothing serves."""
    result = deployed.lisa("verify", "--format", "json")
    assert result.code == 1, result.err
    checks = json.loads(result.out)
    stacks = {check["component"]: check["outcome"] for check in checks if check["subject"] == "stack"}
    assert stacks == dict.fromkeys(COMPONENTS, "ok")
    failed = {check["component"] for check in checks if check["outcome"] == "failed"}
    assert failed == {"serve", "model-mistral7b", "model-e5large"}, checks


def test_a_change_by_hand_is_told_in_the_terms_of_the_configuration(deployed: Site) -> None:
    functions = deployed.client("lambda")
    before = functions.get_function_configuration(FunctionName="demo-lisa-dev-session")["Environment"]
    functions.update_function_configuration(
        FunctionName="demo-lisa-dev-session",
        Environment={"Variables": {**before["Variables"], "LOG_LEVEL": "DEBUG"}},
    )
    try:
        text, data = deployed.lisa("drift"), deployed.lisa("drift", "--format", "json")
    finally:
        functions.update_function_configuration(FunctionName="demo-lisa-dev-session", Environment=before)
    assert (text.code, data.code) == (3, 3)
    assert "LOG_LEVEL: DEBUG, compiled INFO  → logLevel, lambdaConfig.logLevel\n" in text.out
    (finding,) = json.loads(data.out)
    assert (finding["component"], finding["cause"]) == ("chat", "modified outside CloudFormation")
    assert (finding["key"], finding["deployed"], finding["compiled"]) == (
        "logLevel, lambdaConfig.logLevel",
        "DEBUG",
        "INFO",
    )


def test_other_accounts_regions_and_stale_output_are_refused(deployed: Site) -> None:
    account = deployed.lisa("deploy", "--yes", AWS_ACCESS_KEY_ID="210987654321")
    assert account.code == 1
    assert "deploys to the account 123456789012, but your credentials are for 210987654321" in account.err
    region = deployed.lisa("deploy", "--yes", AWS_REGION="eu-west-1", AWS_DEFAULT_REGION="eu-west-1")
    assert region.code == 1
    assert "deploys to the Region us-east-1, but your AWS environment or profile sets eu-west-1" in region.err
    summary = deployed.folder / "generated/dev/SUMMARY.md"
    kept = summary.read_bytes()
    summary.write_bytes(kept + b"edited by hand\n")
    stale = deployed.lisa("deploy", "--yes")
    drift = deployed.lisa("drift")
    listed = deployed.lisa("artifacts", "list", "--offline")
    # Nothing agrees to it, so that nothing is destroyed.
    destroyed = deployed.lisa("destroy")
    summary.write_bytes(kept)
    for each in (drift, listed, destroyed):
        assert each.err.startswith("warning: ")
        assert "/generated/dev is out of date (1 changed). This command uses it as it is" in each.err
    assert (drift.code, listed.code, destroyed.code) == (0, 0, 1)
    assert "out of date" not in deployed.lisa("artifacts", "list", "--offline").err
    assert stale.code == 1
    assert "/generated/dev is out of date (1 changed). Only reviewed output can be deployed" in stale.err
    assert deployed.templates_match()


def test_weights_that_are_not_in_the_bucket_are_refused(deployed: Site) -> None:
    store = deployed.client("s3")
    lock = json.loads((deployed.folder / "weights.lock.json").read_text(encoding="utf-8"))
    prefix = lock["models"]["intfloat/e5-large-v2"]["prefix"]
    place = {"Bucket": "demo-models-123456789012", "Key": f"{prefix}/model.safetensors"}
    store.delete_object(**place)
    refused = deployed.lisa("deploy", "--yes")
    others = deployed.lisa("deploy", "--yes", "--stack", "serve")
    published = deployed.lisa("artifacts", "publish", "weights")
    assert refused.code == 1
    assert f"s3://demo-models-123456789012/{prefix}/" in refused.err
    assert "lisa weights stage --env dev" in refused.err
    assert (others.code, published.code) == (0, 0), others.err + published.err
    assert store.head_object(**place)["ContentLength"] > 0


def test_a_change_of_one_model_updates_that_model_alone(deployed: Site) -> None:
    edit(deployed.folder / "config.yaml", "        maxCapacity: 1\n", "        maxCapacity: 2\n")
    assert deployed.lisa("compile").code == 0
    plan = deployed.lisa("plan")
    nobody = deployed.lisa("deploy")
    drift = deployed.lisa("drift")
    assert not deployed.templates_match()
    result = deployed.lisa("deploy", "--yes", "--stack", "model-mistral7b")
    assert (plan.code, result.code) == (0, 0), result.err
    rows = [line.split() for line in plan.err.splitlines() if line.split()[:1] and line.split()[0] in COMPONENTS]
    assert [row[0] for row in rows if row[1:3] != ["no", "change"]] == ["model-mistral7b"]
    assert nobody.code == 1
    assert "Pass --yes" in nobody.err
    assert drift.code == 3
    assert "    MaxSize: 1, compiled 2  → ecsModels[mistral-7b].autoScalingConfig.maxCapacity\n" in drift.out
    updated = {name for name, status in deployed.stacks().items() if status == "UPDATE_COMPLETE"}
    assert updated == {"demo-lisa-model-mistral7b-dev"}
    assert deployed.templates_match()


def test_a_plan_in_a_file_is_applied_as_it_was_made_or_refused(deployed: Site) -> None:
    config, plan = deployed.folder / "config.yaml", deployed.folder.parent / "plan.json"
    edit(config, "        maxCapacity: 2\n", "        maxCapacity: 3\n")
    assert deployed.lisa("compile").code == 0
    made = deployed.lisa("plan", "--out", str(plan), "--detailed-exitcode")
    assert made.code == 3, made.err
    assert "model-mistral7b, change set of CloudFormation:\n  Modify " in made.out
    edit(config, "        maxCapacity: 3\n", "        maxCapacity: 4\n")
    assert deployed.lisa("compile").code == 0
    moved = deployed.lisa("deploy", "--yes", "--plan", str(plan))
    assert moved.code == 1
    assert "demo-lisa-model-mistral7b-dev: its compiled template has changed" in moved.err
    edit(config, "        maxCapacity: 4\n", "        maxCapacity: 3\n")
    assert deployed.lisa("compile").code == 0
    assert not deployed.templates_match()
    applied = deployed.lisa("deploy", "--yes", "--plan", str(plan))
    assert applied.code == 0, applied.err
    assert deployed.templates_match()
    again = deployed.lisa("deploy", "--yes", "--plan", str(plan))
    assert again.code == 1
    assert "another deployment has begun since" in again.err
    assert "demo-lisa-model-mistral7b-dev: planned update, now no change" in again.err


def test_a_plan_whose_change_set_was_replaced_is_refused(deployed: Site) -> None:
    config, plan = deployed.folder / "config.yaml", deployed.folder.parent / "plan.json"
    edit(config, "        maxCapacity: 3\n", "        maxCapacity: 2\n")
    assert deployed.lisa("compile").code == 0
    assert deployed.lisa("plan", "--out", str(plan)).code == 0
    (stack,) = [stack for stack in json.loads(plan.read_bytes())["stacks"] if stack["change_set"]]
    deployed.client("cloudformation").delete_change_set(StackName=stack["name"], ChangeSetName=stack["change_set"])
    refused = deployed.lisa("deploy", "--yes", "--plan", str(plan))
    assert refused.code == 1
    assert "make a new plan" in refused.err
    assert not deployed.templates_match()
    result = deployed.lisa("deploy", "--yes")
    assert result.code == 0, result.err


def test_two_deployments_do_not_mix(deployed: Site) -> None:
    held = Lock(Table(deployed.client("dynamodb"), LEDGER_TABLE), "demo-lisa-dev", "dev")
    with held.hold("arn:aws:iam::123456789012:user/other", "lisa deploy", print):
        results = [deployed.lisa("deploy", "--yes"), deployed.lisa("destroy", "--yes")]
        shown = deployed.lisa("status")
    for result in results:
        assert result.code == 4
        assert "dev is locked by `lisa deploy` of arn:aws:iam::123456789012:user/other" in result.err
    assert shown.out.startswith("lock: `lisa deploy` of arn:aws:iam::123456789012:user/other")
    assert deployed.lisa("status").out.startswith("lock: free\n")


def test_the_ledger_tells_how_each_deployment_ended(deployed: Site) -> None:
    status = deployed.lisa("status", "--format", "json", "--limit", "100")
    assert status.code == 0, status.err
    records = json.loads(status.out)["records"]
    assert {record["result"] for record in records} == {"succeeded", "failed", "interrupted", "unfinished"}
    (failed,) = [record for record in records if record["result"] == "failed" and "networking" in record["detail"]]
    assert "demo-lisa-networking-dev" in failed["stacks"]
    assert {record["command"] for record in records} == {"deploy"}


def git(project: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", "-C", project, *identity, *arguments], check=True)


def change_capacity(site: Site, before: int, after: int) -> None:
    edit(site.folder / "config.yaml", f"        maxCapacity: {before}\n", f"        maxCapacity: {after}\n")
    assert site.lisa("compile").code == 0


@pytest.fixture(scope="module")
def repository(deployed: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The deployed project in a Git repository."""
    project = tmp_path_factory.mktemp("repository") / "project"
    shutil.copytree(deployed.folder, project)
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "first")
    return replace(deployed, folder=project)


def test_output_that_is_not_committed_is_refused(repository: Site) -> None:
    assert repository.lisa("plan").code == 0
    change_capacity(repository, 2, 3)
    for command in ("plan", "deploy"):
        refused = repository.lisa(command)
        assert refused.code == 1
        assert "These files are not committed:\n  config.yaml\n  generated/dev/" in refused.err
    assert "Pass --yes" in repository.lisa("deploy", "--allow-uncommitted").err


def test_an_older_commit_is_deployed_by_a_rollback_alone(repository: Site) -> None:
    git(repository.folder, "commit", "--quiet", "--all", "--message", "three")
    assert repository.lisa("deploy", "--yes").code == 0
    three = {path.name: path.read_bytes() for path in repository.assembly.glob("*.template.json")}
    change_capacity(repository, 3, 4)
    git(repository.folder, "commit", "--quiet", "--all", "--message", "four")
    assert repository.lisa("deploy", "--yes").code == 0
    git(repository.folder, "checkout", "--quiet", "HEAD^")
    refused = repository.lisa("deploy", "--yes")
    assert refused.code == 1
    assert "which dev has: it would undo 1 commit. Pull, or run `lisa rollback --env dev`" in refused.err
    git(repository.folder, "checkout", "--quiet", "-")
    back = repository.lisa("rollback", "--yes")
    assert back.code == 0, back.err
    deployed = repository.client("cloudformation").get_template(StackName="demo-lisa-model-mistral7b-dev")[
        "TemplateBody"
    ]
    body = json.loads(deployed) if isinstance(deployed, str) else deployed
    (compiled,) = [json.loads(text) for name, text in three.items() if "mistral7b" in name]
    assert body == compiled
    (latest, *_) = json.loads(repository.lisa("status", "--format", "json").out)["records"]
    assert (latest["command"], latest["result"]) == ("rollback", "succeeded")
    again = repository.lisa("rollback", "--yes")
    assert again.code == 1
    assert "no earlier deployment" in again.err
    assert repository.lisa("deploy", "--yes").code == 0


def test_a_removed_model_is_destroyed_when_that_is_agreed_to(deployed: Site) -> None:
    config = deployed.folder / "config.yaml"
    start = config.read_text().index("    - modelName: intfloat/e5-large-v2")
    config.write_text(config.read_text()[:start])
    assert deployed.lisa("compile").code == 0
    put_images(deployed)
    refused = deployed.lisa("deploy", "--yes")
    assert refused.code == 1
    assert "demo-lisa-model-e5large-dev would be destroyed" in refused.err
    assert "demo-lisa-model-e5large-dev" in deployed.stacks()
    result = deployed.lisa("deploy", "--yes", "--allow-destroy")
    assert result.code == 0, result.err
    assert "demo-lisa-model-e5large-dev" not in deployed.stacks()
    assert deployed.templates_match()


def test_a_failed_removal_that_is_reverted_is_deployed_again(deployed: Site) -> None:
    config = deployed.folder / "config.yaml"
    kept = config.read_text()
    edit(config, "  deployChat: true\n", "  deployChat: false\n")
    edit(config, "  deployUi: true\n", "  deployUi: false\n")
    assert deployed.lisa("compile").code == 0
    (deployed.folder.parent / "faults.json").write_text(json.dumps({"delete:Session88DA29BA": 1}))
    failed = deployed.lisa("deploy", "--yes", "--allow-destroy")
    after = deployed.stacks()
    config.write_text(kept)
    assert deployed.lisa("compile").code == 0
    plan = deployed.lisa("plan")
    result = deployed.lisa("deploy", "--yes")
    assert failed.code == 1, failed.err
    assert "--skip chat.Session88DA29BA" in failed.err
    assert after["demo-lisa-chat-dev"] == "DELETE_FAILED"
    assert "finish the failed deletion" in plan.err
    assert result.code == 0, result.err
    assert deployed.stacks()["demo-lisa-chat-dev"] == "CREATE_COMPLETE"
    assert deployed.templates_match()


def test_destroying_leaves_nothing_and_may_be_repeated(deployed: Site) -> None:
    result = deployed.lisa("destroy", "--yes")
    assert result.code == 0, result.err
    assert deployed.stacks() == {}
    again = deployed.lisa("destroy", "--yes")
    assert (again.code, again.err) == (0, "dev: nothing is deployed\n")


def test_what_a_destroyed_deployment_left_is_adopted_by_the_next_one(deployed: Site) -> None:
    result = deployed.lisa("deploy", "--yes")
    assert result.code == 0, result.err
    assert "demo-lisa-api-deployment-dev: adopting LoggingRole" in result.err
    assert deployed.templates_match()
