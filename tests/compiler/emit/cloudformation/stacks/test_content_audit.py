"""The store of audited content in the serve stack, and the volume on which records wait."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import TGI, resources, templates

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled

KEY = "arn:aws:kms:us-east-1:999999999999:key/01234567-89ab-cdef-0123-456789abcdef"
BUCKET = "test-lisa-dev-audit-content-123456789012-us-east-1"


def access(**store: Any) -> dict[str, Any]:
    return {"everyone": {"auditContent": True}, "auditContentStore": {"keyArn": KEY, **store}}


def buckets(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["Properties"]["BucketName"]: each for each in resources(template, "AWS::S3::Bucket")}


def test_without_a_store_nothing_is_added(compiled: Callable[..., Compiled]) -> None:
    found = compiled(accessConfig={"everyone": {}})
    serve = templates(found.files)["serve"]
    assert BUCKET not in buckets(serve)
    assert "kms:GenerateDataKey" not in str([each for each in _policies(serve) if each["PolicyName"] == "content"])
    assert "auditContent" not in found.files["gateway/routes.json"].decode()
    assert "Recorded content" not in found.files["SUMMARY.md"].decode()


def _policies(serve: dict[str, Any]) -> list[dict[str, Any]]:
    (role,) = (
        each["Properties"]
        for each in resources(serve, "AWS::IAM::Role")
        if each["Properties"]["Description"] == "Task role of the gateway"
    )
    found: list[dict[str, Any]] = role["Policies"]
    return found


def test_content_is_deleted_when_its_retention_ends(compiled: Callable[..., Compiled]) -> None:
    bucket = buckets(templates(compiled(accessConfig=access(retentionDays=30)).files)["serve"])[BUCKET]
    rules = {rule["Id"]: rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]}
    assert rules["expire"]["ExpirationInDays"] == 30
    # A version that is deleted must not live on.
    assert rules["expire-old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    assert "ObjectLockConfiguration" not in bucket["Properties"]
    assert bucket["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize("mode", ["governance", "compliance"])
def test_locked_content_is_kept_for_its_retention_and_outlives_the_stack(
    compiled: Callable[..., Compiled], mode: str
) -> None:
    store = access(retentionDays=30, objectLock=mode)
    serve = templates(compiled(accessConfig=store, removalPolicy="destroy").files)["serve"]
    bucket = buckets(serve)[BUCKET]
    assert bucket["Properties"]["ObjectLockEnabled"] is True
    rule = bucket["Properties"]["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert rule == {"Days": 30, "Mode": mode.upper()}
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    # Nothing tries to empty it.
    assert not [each for each in resources(serve, "AWS::CloudFormation::CustomResource") if BUCKET in str(each)]


def test_summary_says_whose_content_is_recorded_and_who_can_read_it(compiled: Callable[..., Compiled]) -> None:
    groups = {"strict": {"auditContent": True, "auditContentRequired": True}, "research": {"auditContent": True}}
    found = compiled(
        authConfig={"authority": "https://idp.example.com", "clientId": "lisa", "jwtGroupsProperty": "groups"},
        accessConfig={**access(), "groups": {**groups, "plain": {}}, "everyone": {}},
    )
    text = found.files["SUMMARY.md"].decode()
    section = text[text.index("### Recorded content") :].partition("\n## ")[0]
    assert "- **the group `strict`**; requests whose content cannot be recorded are rejected" in section
    assert "- **the group `research`**; requests whose content cannot be recorded are served" in section
    assert "plain" not in section
    assert "no listed group" not in section
    assert KEY in section
    assert "90 days" in section
    assert "lost or not" not in section


def test_records_wait_on_a_volume_that_outlives_the_container(compiled: Callable[..., Compiled]) -> None:
    files = compiled(ecsModels=[dict(TGI)]).files
    stacks = templates(files)
    (task,) = (each["Properties"] for each in resources(stacks["serve"], "AWS::ECS::TaskDefinition"))
    (mount,) = task["ContainerDefinitions"][0]["MountPoints"]
    assert mount["ReadOnly"] is False
    (volume,) = (each for each in task["Volumes"] if each["Name"] == mount["SourceVolume"])
    assert volume["DockerVolumeConfiguration"] == {"Autoprovision": True, "Driver": "local", "Scope": "shared"}
    text = files["containers/rest-api/Dockerfile"].decode()
    # Docker gives the volume the owner of the directory, which is the user of the container.
    assert f"AUDIT_FOLDER={mount['ContainerPath']} " in text
    assert f"install -d -m 0700 -o 65534 -g 65534 {mount['ContainerPath']}\n" in text
    assert task["ContainerDefinitions"][0]["User"] == "65534:65534"
    for component, stack in stacks.items():
        if component != "serve":
            assert mount["ContainerPath"] not in str(stack), Path(component)
